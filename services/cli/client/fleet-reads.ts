// Reads what the API tells of clusters, gateways, nodes, routes, versions and objects: a function for each list and
// each thing.
import type { z } from 'zod';
import { endpoints } from '#libs/api/endpoints.ts';
import { type ObjectName, parsePlaceKey } from '#libs/gateway/object-key.ts';
import type { FleetClient } from './fleet-client.ts';
import { readAll, readPages } from './paged-answers.ts';

type Table = typeof endpoints;
type Query<E extends 'listClusters' | 'listGateways' | 'listRoutes'> = z.input<Table[E]['input']>['query'];
type Answer<E extends keyof Table> = z.output<Table[E]['returns']>;
type Items<E extends keyof Table> = Promise<Answer<E> extends { items: (infer Item)[] } ? readonly Item[] : never>;

/** Reads the clusters that the query leaves, by default all that are in the fleet. */
export function readClusters(client: FleetClient, query: Query<'listClusters'> = {}): Items<'listClusters'> {
  return readAll((after) => client.call(endpoints.listClusters, { query: { ...query, after } }));
}

/** Reads every projector. */
export function readProjectors(client: FleetClient): Items<'listProjectors'> {
  return readAll((after) => client.call(endpoints.listProjectors, { query: { after } }));
}

/** Reads the gateways that the query leaves, by default all that are not deleted. */
export function readGateways(client: FleetClient, query: Query<'listGateways'> = {}): Items<'listGateways'> {
  return readAll((after) => client.call(endpoints.listGateways, { query: { ...query, after } }));
}

/** Reads the last times that the database was found older than what was seen of it, newest first. */
export async function readRestores(client: FleetClient, since: Date, limit: number): Items<'listEvents'> {
  const query = { type: 'restored', since: since.toISOString(), limit: String(limit) } as const;
  return (await client.call(endpoints.listEvents, { query })).items;
}

/** Reads every node. */
export function readNodes(client: FleetClient): Items<'listNodes'> {
  return readAll((after) => client.call(endpoints.listNodes, { query: { after } }));
}

/** Reads the routes that the query leaves, by default all. */
export function readRoutes(client: FleetClient, query: Query<'listRoutes'> = {}): Items<'listRoutes'> {
  return readAll((after) => client.call(endpoints.listRoutes, { query: { ...query, after } }));
}

/** Reads a page of the routes that not every gateway of theirs accepts. */
export async function readRefusedRoutes(client: FleetClient, limit: number): Items<'listRoutes'> {
  const query = { accepted: 'false', limit: String(limit) } as const;
  return (await client.call(endpoints.listRoutes, { query })).items;
}

/** Reads one gateway with its listeners. Throws FleetgateError 'not-found'. */
export function readGateway(client: FleetClient, gateway: string): Promise<Answer<'readGateway'>> {
  return client.call(endpoints.readGateway, { params: parsePlaceKey(gateway) });
}

/** Reads every version of a gateway, the newest first. */
export function readSnapshots(client: FleetClient, gateway: string): Items<'listSnapshots'> {
  const params = parsePlaceKey(gateway);
  return readAll((after) => client.call(endpoints.listSnapshots, { params, query: { after } }));
}

/** Reads the whole difference of two versions of a gateway. */
export async function readDiff(
  client: FleetClient,
  gateway: string,
  { from, to }: { readonly from: number; readonly to: number },
): Promise<Answer<'diffSnapshots'>> {
  const params = parsePlaceKey(gateway);
  const versions = { from: String(from), to: String(to) };
  const pages = await readPages((after) =>
    client.call(endpoints.diffSnapshots, { params, query: { ...versions, after } }),
  );
  return { ...(pages.at(-1) ?? pages[0]), items: pages.flatMap(({ items }) => items) };
}

/** Reads every event of one object, the newest first. Throws FleetgateError 'not-found' where there was never one. */
export function readObjectHistory(client: FleetClient, object: ObjectName): Items<'readObjectHistory'> {
  const params = objectParams(object);
  return readAll((after) => client.call(endpoints.readObjectHistory, { params, query: { after } }));
}

/**
 * Reads which event gave each field of an object its value, at most so many pages of it: a field whose event is older
 * has none. Throws FleetgateError 'not-found' as above.
 */
export async function readObjectBlame(
  client: FleetClient,
  object: ObjectName,
  pagesMax = Number.POSITIVE_INFINITY,
): Promise<Answer<'readObjectBlame'>> {
  const params = objectParams(object);
  const first = await client.call(endpoints.readObjectBlame, { params, query: {} });
  const found = new Map(first.fields.map((field) => [field.path, field]));
  let { next } = first;
  for (let pages = 1; next !== null && pages < pagesMax; pages++) {
    const page: typeof first = await client.call(endpoints.readObjectBlame, { params, query: { after: next } });
    for (const field of page.fields) found.set(field.path, field);
    ({ next } = page);
  }
  return { ...first, fields: [...found.values()], next };
}

/** Reads every token that there is or was, without its text. */
export function readTokens(client: FleetClient): Items<'listTokens'> {
  return readAll((after) => client.call(endpoints.listTokens, { query: { after } }));
}

/** Names an object in a path, where `-` stands for no namespace. */
function objectParams({ cluster, kind, namespace, name }: ObjectName): ObjectName {
  return { cluster, kind, namespace: namespace === '' ? '-' : namespace, name };
}
