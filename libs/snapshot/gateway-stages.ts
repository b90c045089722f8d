// Stages for GatewayClasses and Gateways: which are ours, their listeners, and their nodes.
import { gatewayClassName } from '#libs/gateway/gateway.ts';
import { type GatewayClass, parseGatewayClass } from '#libs/gateway/gateway-class.ts';
import { type AttachParent, toAttachPoint } from '#libs/snapshot/attach.ts';
import { type Delivery, type NodeProgress, type ServingNode, summarizeDelivery } from '#libs/snapshot/delivery.ts';
import type { Derivation, Group, Stage } from '#libs/snapshot/derive.ts';
import type { StoredEntry } from '#libs/snapshot/entry.ts';
import { matchesGateway } from '#libs/snapshot/gateway-glob.ts';
import { evaluateGateway, type GatewayModel } from '#libs/snapshot/gateway-model.ts';
import { listenerEntry } from '#libs/snapshot/listeners.ts';
import type { NodeReport } from '#libs/snapshot/node-report.ts';
import { isPermitted, type ReferenceStages } from '#libs/snapshot/reference-stages.ts';
import type { Sources } from '#libs/snapshot/sources.ts';
import { encodeEntry } from '#libs/snapshot/stored-entry.ts';

export interface KeyedEntry {
  readonly key: string;
  readonly stored: StoredEntry;
}

export interface GatewayStages {
  readonly classes: Stage<GatewayClass>;
  /** Gateways of ours only. */
  readonly models: Stage<GatewayModel>;
  /** What routes attach to. Keys: `kind/cluster/namespace/name`. */
  readonly parents: Stage<AttachParent>;
  readonly listenerEntries: Stage<readonly KeyedEntry[]>;
  readonly deliveries: Stage<Delivery>;
}

/** Makes the stages. Keys are `cluster/namespace/name`. */
export function createGatewayStages(engine: Derivation, sources: Sources, references: ReferenceStages): GatewayStages {
  const classes = engine.stage({
    name: 'gateway class',
    each: sources.objects('GatewayClass'),
    compute: (key, read) => {
      const known = read.get(sources.objects('GatewayClass'), key);
      const parsed = known === undefined ? undefined : parseGatewayClass(known.object);
      return parsed?.ours === true ? parsed : undefined;
    },
  });
  const models = createModelStage(engine, sources, references, classes);
  const parents = engine.stage<AttachParent>({
    name: 'parent',
    compute: (key, read) => {
      const [kind, gateway] = splitParent(key);
      const model = kind === 'Gateway' ? read.get(models, gateway) : undefined;
      return model && { gateway, points: model.listeners.map(toAttachPoint) };
    },
  });
  const listenerEntries = engine.stage<readonly KeyedEntry[]>({
    name: 'listener entries',
    each: models,
    compute: (key, read) => {
      const model = read.get(models, key);
      return model?.listeners.flatMap((listener) => {
        const entry = listenerEntry(listener, model.createdAt);
        return entry === undefined ? [] : [{ key: `listener/${entry.name}`, stored: encodeEntry(entry) }];
      });
    },
  });
  return { classes, models, parents, listenerEntries, deliveries: createDeliveryStage(engine, sources, models) };
}

function splitParent(key: string): [kind: string, place: string] {
  const at = key.indexOf('/');
  return [key.slice(0, at), key.slice(at + 1)];
}

function createModelStage(
  engine: Derivation,
  sources: Sources,
  references: ReferenceStages,
  classes: Stage<GatewayClass>,
): Stage<GatewayModel> {
  return engine.stage({
    name: 'gateway',
    each: sources.objects('Gateway'),
    compute: (key, read) => {
      const known = read.get(sources.objects('Gateway'), key);
      const className = known === undefined ? undefined : gatewayClassName(known.object);
      if (known === undefined || className === undefined) return undefined;
      if (read.get(classes, `${known.cluster}//${className}`) === undefined) return undefined;
      return evaluateGateway(known, {
        certificate: (cluster, namespace, name) => read.get(references.certificates, `${cluster}/${namespace}/${name}`),
        permitted: (cluster, namespace, reference) => isPermitted(references, read, cluster, namespace, reference),
      });
    },
  });
}

function createDeliveryStage(engine: Derivation, sources: Sources, models: Stage<GatewayModel>): Stage<Delivery> {
  const all = engine.group<string>().feed(models, (key) => [{ group: 'all', member: key, item: key }]);
  const nodeFacts = engine.stage({
    name: 'node',
    each: sources.nodes,
    compute: (key, read) => {
      const report = read.get(sources.nodes, key);
      return report && { serves: report.serves, connected: report.connected, addresses: report.addresses };
    },
  });
  const assignments = engine.stage({
    name: 'node assignment',
    each: nodeFacts,
    compute: (key, read) => {
      const facts = read.get(nodeFacts, key);
      if (facts === undefined) return undefined;
      const node: ServingNode = { node: key, connected: facts.connected, addresses: facts.addresses };
      return { node, gateways: read.list(all, 'all').filter((gateway) => matchesGateway(facts.serves, gateway)) };
    },
  });
  const nodesOf: Group<ServingNode> = engine
    .group<ServingNode>()
    .feed(assignments, (key, { node, gateways }) => gateways.map((group) => ({ group, member: key, item: node })));
  const progressOf: Group<NodeProgress> = engine
    .group<NodeProgress>()
    .feed(sources.nodes, (key, report) =>
      progressByGateway(report).map(([group, item]) => ({ group, member: key, item })),
    );
  return engine.stage({
    name: 'delivery',
    each: models,
    compute: (key, read) => {
      const facts = read.get(sources.versions, key) ?? { since: 1, serving: 0, pinned: false, alarm: null };
      return summarizeDelivery(facts, read.list(nodesOf, key), read.list(progressOf, key));
    },
  });
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
