// Reads the ground of a running fleet: the versions that its gateways serve, or served at a moment, with their entries.
import { z } from 'zod';
import { endpoints } from '#libs/api/endpoints.ts';
import { clusterOf, parsePlaceKey, toLocalKey } from '#libs/gateway/object-key.ts';
import { fail } from '#libs/runtime/errors.ts';
import type { Entry } from '#libs/snapshot/entry.ts';
import { matchesGateway } from '#libs/snapshot/gateway-glob.ts';
import type { FleetClient } from '../client/fleet-client.ts';
import { readClusters, readGateway, readGateways, readNodes, readRoutes } from '../client/fleet-reads.ts';
import { readPages } from '../client/paged-answers.ts';
import { type GatewayThen, readGatewaysThen } from '../past/past-reads.ts';
import type { Ground, GroundGateway } from './ground.ts';
import { readListenersStatus } from './status.ts';

/** Which gateways, and when. */
interface Moment {
  /** `cluster/namespace/name`; absent = those that nodes serve together. */
  readonly gateway?: string;
  readonly node?: string;
  readonly version?: number;
  /** As the API takes it: a time, `#12345`, or `cluster/namespace/name@17`. */
  readonly at?: string;
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

const notInHistory =
  'which endpoints were ready and which certificates were there: they are not in the history, the answer stands for ' +
  'a fleet that had them';

const readEntries = { ...endpoints.readSnapshot, returns: entries };

/** Reads what is needed of a fleet. Throws FleetgateError 'not-found' or 'config'. */
export async function readFleetGround(client: FleetClient, moment: Moment): Promise<Ground> {
  const then = moment.at === undefined ? undefined : await readServingThen(client, moment.at, moment.gateway);
  const names = moment.gateway === undefined ? await servedTogether(client, moment.node, then) : [moment.gateway];
  const ready = new Map<string, number>();
  const versionOf = async (name: string): Promise<number> =>
    moment.version ?? (then === undefined ? (await readGateway(client, name)).serving : (then.get(name)?.serving ?? 0));
  const gateways = await Promise.all(names.map(async (name) => readServed(client, name, await versionOf(name), ready)));
  const versions = gateways.map(({ gateway, version }) => `${gateway} version ${version ?? 0}`);
  const isPast = moment.at !== undefined || moment.version !== undefined;
  return {
    about: versions.length > 3 ? `${versions.length} gateways` : versions.join(', '),
    gateways,
    // What routes and gateways say of themselves is known of now only.
    ...(isPast ? { routes: [], problems: [] } : await readSaid(client, names)),
    refused: [],
    assumed: moment.at === undefined ? [] : [notInHistory],
    isAgeKnown: () => true,
    portOffset: 0,
    // Endpoints are always today's, also beside what served in the past: without --at they say what is answered.
    endpoints: (key) => (moment.at === undefined ? ready.get(key) : undefined),
    place: () => undefined,
  };
}

/** Reads what the gateways, their routes and the agents of their clusters say now. */
async function readSaid(client: FleetClient, names: readonly string[]): Promise<Pick<Ground, 'routes' | 'problems'>> {
  const routes = await readRoutes(client);
  const details = await Promise.all(names.map((name) => readGateway(client, name)));
  const unseen = await readUnseen(client, names);
  const isNear = ({ parents, accepted }: (typeof routes)[number]): boolean =>
    accepted === null || parents.some(({ gateway }) => gateway !== null && names.includes(gateway));
  return {
    routes: routes.filter(isNear).map(({ cluster, kind, namespace, name, hostnames, problems, accepted }) => ({
      cluster,
      kind,
      namespace,
      name,
      hostnames,
      taken: accepted !== null,
      problems,
    })),
    problems: details
      .flatMap((detail) => [
        ...readListenersStatus('Gateway', detail.gateway, detail),
        ...(detail.alarm === null ? [] : [`Gateway ${detail.gateway}: newer content is held back: ${detail.alarm}`]),
      ])
      .concat(unseen),
  };
}

/** Reads the gateways that there were, by name. Throws FleetgateError 'not-found' where an archive has what served. */
async function readServingThen(
  client: FleetClient,
  at: string,
  only: string | undefined,
): Promise<ReadonlyMap<string, GatewayThen>> {
  const { items, moment } = await readGatewaysThen(client, { at, gateway: only });
  const [archived] = moment.archived;
  if (archived !== undefined)
    throw fail('not-found', `what ${archived} served at that time is in the archive`, {
      hint: '`fleetgate archive --help` says how a version comes back.',
    });
  return new Map(items.map((item) => [item.gateway, item]));
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
  const gateways = (await readGateways(client)).filter(({ deleted }) => !deleted);
  const served = await Promise.all(
    gateways.map(({ gateway, serving }) => readServed(client, gateway, serving, new Map())),
  );
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

/** Reads what a version of a gateway serves; `ready` takes how many endpoints are ready now, by discovery key. */
async function readServed(
  client: FleetClient,
  gateway: string,
  version: number,
  ready: Map<string, number>,
): Promise<GroundGateway> {
  if (version === 0) return { gateway, version, entries: new Map() };
  const params = { ...parsePlaceKey(gateway), version: String(version) };
  const pages = await readPages((after) => client.call(readEntries, { params, query: { limit: '500', after } }));
  const items = pages.flatMap((page) => page.items);
  for (const one of items)
    if (one.entry.kind === 'backend' && one.ready !== null) ready.set(one.entry.endpoints, one.ready);
  return { gateway, version, entries: new Map(items.map(({ key, entry }) => [key, entry])) };
}

/**
 * Names the gateways that one node serves: a request meets the listeners and rules of all of them. `then` holds those
 * of a past moment; which nodes there were then is not known, and those of now stand for them.
 */
async function servedTogether(
  client: FleetClient,
  nodeName: string | undefined,
  then: ReadonlyMap<string, GatewayThen> | undefined,
): Promise<readonly string[]> {
  const gateways = then === undefined ? await readGateways(client) : [...then.values()];
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
