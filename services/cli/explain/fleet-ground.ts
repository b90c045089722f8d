// Reads the ground of a running fleet: the versions that its gateways serve, or served at a moment, with their entries.
import { z } from 'zod';
import { endpoints } from '#libs/api/endpoints.ts';
import { clusterOf, parsePlaceKey, toLocalKey } from '#libs/gateway/object-key.ts';
import { fail } from '#libs/runtime/errors.ts';
import type { Entry } from '#libs/snapshot/entry.ts';
import { matchesGateway } from '#libs/snapshot/gateway-glob.ts';
import type { FleetClient } from '../client/fleet-client.ts';
import {
  readClusters,
  readGateway,
  readGateways,
  readNodes,
  readObjectHistory,
  readRoutes,
  readSnapshots,
} from '../client/fleet-reads.ts';
import { readPages } from '../client/paged-answers.ts';
import type { Ground, GroundGateway } from './ground.ts';
import { servedAt } from './served-at.ts';
import { readListenersStatus } from './status.ts';

/** Which gateways, and when. */
interface Moment {
  /** `cluster/namespace/name`; absent = those that nodes serve together. */
  readonly gateway?: string;
  readonly node?: string;
  readonly version?: number;
  readonly at?: Date;
}

const kinds = new Set(['listener', 'http-rule', 'stream-rule', 'backend']);
const isEntry = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && 'kind' in value && kinds.has(String(value.kind));
/** As far as an explanation needs them. */
const entries = z.object({
  items: z.array(
    z.object({ key: z.string(), entry: z.custom<Entry>(isEntry), ready: z.int().nullable().default(null) }),
  ),
  next: z.string().nullable(),
});

const readEntries = { ...endpoints.readSnapshot, returns: entries };

/** Reads what is needed of a fleet. Throws FleetgateError 'not-found' or 'config'. */
export async function readFleetGround(client: FleetClient, moment: Moment): Promise<Ground> {
  const names = moment.gateway === undefined ? await servedTogether(client, moment.node) : [moment.gateway];
  const ready = new Map<string, number>();
  const gateways = await Promise.all(names.map((name) => readServed(client, name, moment, ready)));
  const routes = await readRoutes(client);
  const details = await Promise.all(names.map((name) => readGateway(client, name)));
  const unseen = await readUnseen(client, names);
  const isPast = moment.at !== undefined || moment.version !== undefined;
  const versions = gateways.map(({ gateway, version }) => `${gateway} version ${version ?? 0}`);
  return {
    about: versions.length > 3 ? `${versions.length} gateways` : versions.join(', '),
    gateways,
    // What routes and gateways say of themselves is known of now only.
    routes: isPast
      ? []
      : routes
          .filter(
            ({ parents, accepted }) =>
              accepted === null || parents.some(({ gateway }) => gateway !== null && names.includes(gateway)),
          )
          .map(({ cluster, kind, namespace, name, hostnames, problems, accepted }) => ({
            cluster,
            kind,
            namespace,
            name,
            hostnames,
            taken: accepted !== null,
            problems,
          })),
    problems: isPast
      ? []
      : details
          .flatMap((detail) => [
            ...readListenersStatus('Gateway', detail.gateway, detail),
            ...(detail.alarm === null
              ? []
              : [`Gateway ${detail.gateway}: newer content is held back: ${detail.alarm}`]),
          ])
          .concat(unseen),
    refused: [],
    assumed: [],
    isAgeKnown: () => true,
    portOffset: 0,
    // Endpoints are always today's, also beside what served in the past: without --at they say what is answered.
    endpoints: (key) => (moment.at === undefined ? ready.get(key) : undefined),
    place: () => undefined,
  };
}

/** Says what the agents of the gateways' clusters cannot see or do: what is there may be more than what is known. */
async function readUnseen(client: FleetClient, gateways: readonly string[]): Promise<readonly string[]> {
  const names = new Set(gateways.map(clusterOf));
  const clusters = (await readClusters(client)).filter(({ name }) => names.has(name));
  return clusters.flatMap(({ name, agent }) => (agent?.problems ?? []).map((problem) => `cluster ${name}: ${problem}`));
}

/** Reads when the routes and Gateways of a cluster were made, by local keys, from what the fleet serves of them. */
export async function readAges(client: FleetClient, cluster: string): Promise<ReadonlyMap<string, string>> {
  if (!(await readClusters(client)).some(({ name }) => name === cluster)) return new Map();
  const gateways = (await readGateways(client)).filter(({ deleted }) => !deleted).map(({ gateway }) => gateway);
  const served = await Promise.all(gateways.map((gateway) => readServed(client, gateway, {}, new Map())));
  const ages = new Map<string, string>();
  for (const { gateway, entries: found } of served) {
    const place = parsePlaceKey(gateway);
    for (const entry of found.values()) {
      if (entry.kind === 'listener' && place.cluster === cluster && !entry.name.includes('/'))
        ages.set(toLocalKey({ ...place, kind: 'Gateway' }), entry.createdAt);
      if ((entry.kind === 'http-rule' || entry.kind === 'stream-rule') && entry.route.cluster === cluster)
        ages.set(toLocalKey(entry.route), entry.route.createdAt);
    }
  }
  return ages;
}

/** Reads what a gateway served; `ready` takes how many endpoints are ready now, by discovery key. */
async function readServed(
  client: FleetClient,
  gateway: string,
  moment: Moment,
  ready: Map<string, number>,
): Promise<GroundGateway> {
  const version = moment.version ?? (await versionAt(client, gateway, moment.at));
  if (version === 0) return { gateway, version, entries: new Map() };
  const params = { ...parsePlaceKey(gateway), version: String(version) };
  const pages = await readPages((after) => client.call(readEntries, { params, query: { limit: '500', after } }));
  const items = pages.flatMap((page) => page.items);
  for (const one of items)
    if (one.entry.kind === 'backend' && one.ready !== null) ready.set(one.entry.endpoints, one.ready);
  return { gateway, version, entries: new Map(items.map(({ key, entry }) => [key, entry])) };
}

/** Reads which version served at a moment; 0 = none. */
async function versionAt(client: FleetClient, gateway: string, at: Date | undefined): Promise<number> {
  if (at === undefined) return (await readGateway(client, gateway)).serving;
  const versions = await readSnapshots(client, gateway);
  const events = await readObjectHistory(client, { ...parsePlaceKey(gateway), kind: 'Gateway' });
  return servedAt(versions, events, at);
}

/** Names the gateways that one node serves: a request meets the listeners and rules of all of them. */
async function servedTogether(client: FleetClient, nodeName: string | undefined): Promise<readonly string[]> {
  const gateways = await readGateways(client);
  const live = gateways.filter(({ deleted }) => !deleted);
  const nodes = await readNodes(client);
  const named = nodes.find(({ node }) => node === nodeName);
  if (nodeName !== undefined && named === undefined)
    throw fail('not-found', `no node is called "${nodeName}"`, { hint: '`fleetgate nodes` lists them.' });
  const asked = named === undefined ? nodes : [named];
  const namesOf = (some: typeof live): readonly string[] => some.map(({ gateway }) => gateway);
  const servedBy = (serves: readonly string[]): typeof live =>
    live.filter(({ gateway, labels }) => matchesGateway(serves, gateway, labels));
  const sets = new Set(asked.map(({ serves }) => namesOf(servedBy(serves)).join('\n')));
  if (sets.size > 1)
    throw fail('config', 'the nodes serve different gateways', { hint: 'Say which is meant: --gateway or --node.' });
  const [only] = sets;
  return only === undefined ? namesOf(live) : only.split('\n').filter((gateway) => gateway !== '');
}
