// Wires the stages of what nodes and data planes report: whether Gateways and ListenerSets are served, and where.
import { labelValue } from '#libs/gateway/data-plane/data-plane-name.ts';
import { type DataPlaneService, parseDataPlaneService } from '#libs/gateway/data-plane/data-plane-service.ts';
import { labels } from '#libs/gateway/fields/metadata.ts';
import type { KubeObject } from '#libs/gateway/object.ts';
import {
  type Delivery,
  judgeListenerSets,
  type NodeProgress,
  type PlaneState,
  type ServingNode,
  type SetVersion,
  summarizeDelivery,
  type VersionFacts,
} from '#libs/projection/model/delivery/delivery.ts';
import type { Keyed } from '#libs/derivation/collection.ts';
import type { Derivation } from '#libs/derivation/derivation.ts';
import type { Group } from '#libs/derivation/group.ts';
import type { Stage } from '#libs/derivation/stage.ts';
import { type Labels, matchesGateway } from '#libs/snapshot/gateway-glob.ts';
import type { GatewayModel } from '#libs/projection/model/gateway-model.ts';
import type { NodeReport } from '#libs/projection/model/delivery/node-report.ts';
import type { Sources } from './sources.ts';
import { parsePlaceKey, toPlaceKey } from '#libs/gateway/object-key.ts';

export interface DeliveryStages {
  /** Of the objects: what nodes select them by. Keys: Gateways. */
  readonly labels: Stage<Labels>;
  /** Keys: Gateways. */
  readonly deliveries: Stage<Delivery>;
  /** What the nodes of a Gateway are like for its ListenerSets. Keys: Gateways. */
  readonly planes: Stage<PlaneState>;
  /** Groups: ListenerSets whose newest state is not applied by all nodes yet. */
  readonly undelivered: Group<true>;
  /** Ports of the version that is served. Keys: Gateways. */
  readonly servedPorts: Stage<VersionFacts['ports']>;
  /**
   * Groups: Gateways; members and items are the pools of nodes that serve it, those of a pool serve the same Gateways.
   */
  readonly poolsOf: Group<string>;
}

const noVersion: VersionFacts = { since: 1, serving: 0, pinned: false, alarm: null, ports: [] };

/** Makes the stages. `gateways` are ours. */
export function createDeliveryStages(
  engine: Derivation,
  sources: Sources,
  gateways: Stage<GatewayModel>,
): DeliveryStages {
  const labelsOf = engine.stage({
    name: 'gateway labels',
    each: gateways,
    compute: (key, read) => {
      const known = read.get(sources.objects('Gateway'), key);
      return known && selectableLabels(known.object);
    },
  });
  const { nodesOf, progressOf, poolsOf } = createNodeGroups(engine, sources, labelsOf);
  const services = engine.group<DataPlaneService>().feed(sources.objects('Service'), (key, { object, namespace }) => {
    const service = parseDataPlaneService(object, namespace);
    if (service === undefined) return [];
    // One that is shared is found by its name alone, and only by Gateways whose class says where it is.
    const { gateway } = service;
    const group = gateway === undefined ? sharedGroup(key) : toPlaceKey({ ...parsePlaceKey(key), name: gateway });
    return [{ group, member: key, item: service }];
  });
  const places = engine.stage({
    name: 'place of data plane',
    each: gateways,
    compute: (key, read) => {
      const shared = read.get(gateways, key)?.sharedService;
      const place = parsePlaceKey(key);
      return shared === undefined ? toPlaceKey({ ...place, name: labelValue(place.name) }) : sharedGroup(shared);
    },
  });
  const deliveries = engine.stage({
    name: 'delivery',
    each: gateways,
    compute: (key, read) => {
      const facts = read.get(sources.versions, key) ?? noVersion;
      const fronts = read.list(services, read.get(places, key) ?? '');
      return summarizeDelivery(facts, read.list(nodesOf, key), read.list(progressOf, key), fronts);
    },
  });
  const servedPorts = engine.stage({
    name: 'served ports',
    each: gateways,
    compute: (key, read) => read.get(sources.versions, key)?.ports,
  });
  return {
    labels: labelsOf,
    deliveries,
    servedPorts,
    poolsOf,
    ...createSetStages(engine, sources, gateways, nodesOf, progressOf),
  };
}

function sharedGroup(service: string): string {
  return `shared ${service}`;
}

/** Leaves out what a selector cannot name and a database does not take. */
function selectableLabels(object: KubeObject): Labels {
  const plain = Object.entries(labels(object)).filter(([key, value]) => /^[!-~]+ [!-~]*$/.test(`${key} ${value}`));
  return Object.fromEntries(plain);
}

function createNodeGroups(
  engine: Derivation,
  sources: Sources,
  gateways: Stage<Labels>,
): {
  readonly nodesOf: Group<ServingNode>;
  readonly progressOf: Group<NodeProgress>;
  readonly poolsOf: Group<string>;
} {
  const all = engine
    .group<{ readonly gateway: string; readonly labels: Labels }>()
    .feed(gateways, (key, labels) => [{ group: 'all', member: key, item: { gateway: key, labels } }]);
  const nodeFacts = engine.stage({
    name: 'node',
    each: sources.nodes,
    compute: (key, read) => {
      const report = read.get(sources.nodes, key);
      if (report === undefined) return undefined;
      const { serves, connected, lastSeen, addresses } = report;
      return { serves, connected, lastSeen, addresses };
    },
  });
  const assignments = engine.stage({
    name: 'node assignment',
    each: nodeFacts,
    compute: (key, read) => {
      const facts = read.get(nodeFacts, key);
      if (facts === undefined) return undefined;
      const node: ServingNode = {
        node: key,
        connected: facts.connected,
        lastSeen: facts.lastSeen,
        addresses: facts.addresses,
      };
      const served = read
        .list(all, 'all')
        .filter(({ gateway, labels }) => matchesGateway(facts.serves, gateway, labels));
      return { node, gateways: served.map(({ gateway }) => gateway) };
    },
  });
  const nodesOf = engine
    .group<ServingNode>()
    .feed(assignments, (key, { node, gateways: of }) => of.map((group) => ({ group, member: key, item: node })));
  const progressOf = engine
    .group<NodeProgress>()
    .feed(sources.nodes, (key, report) =>
      progressByGateway(report).map(([group, item]) => ({ group, member: key, item })),
    );
  const pools = engine
    .group<readonly string[]>()
    .feed(nodeFacts, (key, { serves }) => [{ group: JSON.stringify(serves), member: key, item: serves }]);
  const served = engine.stage({
    name: 'gateways of a pool',
    each: pools,
    compute: (key, read) => {
      const [serves] = read.list(pools, key);
      if (serves === undefined) return undefined;
      const found = read.list(all, 'all').filter(({ gateway, labels }) => matchesGateway(serves, gateway, labels));
      return found.map(({ gateway }) => gateway);
    },
  });
  const poolsOf = engine
    .group<string>()
    .feed(served, (key, list) => list.map((group) => ({ group, member: key, item: key })));
  return { nodesOf, progressOf, poolsOf };
}

/**
 * Makes stages so that a new version wakes one cheap stage for all ListenerSets of the Gateway, and then those only for
 * which it changes something.
 */
function createSetStages(
  engine: Derivation,
  sources: Sources,
  gateways: Keyed,
  nodesOf: Group<ServingNode>,
  progressOf: Group<NodeProgress>,
): Pick<DeliveryStages, 'planes' | 'undelivered'> {
  const versionsOf = engine
    .group<SetVersion>()
    .feed(sources.setVersions, (key, one) => [{ group: one.gateway, member: key, item: one }]);
  const judged = engine.stage({
    name: 'delivery to listener sets',
    each: gateways,
    compute: (key, read) => {
      const facts = read.get(sources.versions, key) ?? noVersion;
      return judgeListenerSets(facts, read.list(nodesOf, key), read.list(progressOf, key), read.list(versionsOf, key));
    },
  });
  const planes = engine.stage({
    name: 'plane of listener sets',
    each: judged,
    compute: (key, read) => read.get(judged, key)?.plane,
  });
  const undelivered = engine
    .group<true>()
    .feed(judged, (key, { waiting }) => waiting.map((group) => ({ group, member: key, item: true as const })));
  return { planes, undelivered };
}

function progressByGateway(report: NodeReport): readonly (readonly [string, NodeProgress])[] {
  const byGateway = new Map<string, NodeProgress>();
  const none: NodeProgress = { node: report.node, applied: 0, rejected: 0, reasons: [] };
  for (const { gateway, version } of report.applied) byGateway.set(gateway, { ...none, applied: version });
  for (const { gateway, version, reasons } of report.rejected) {
    byGateway.set(gateway, { ...(byGateway.get(gateway) ?? none), rejected: version, reasons });
  }
  return [...byGateway];
}
