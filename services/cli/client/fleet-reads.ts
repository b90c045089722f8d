// Reads what the API tells of clusters, gateways, nodes, routes, versions and objects: a function for each list and
// each thing.
import type { z } from 'zod';
import {
  cluster,
  fleetNode,
  fleetRoute,
  gatewayDetail,
  gatewaySummary,
  objectEvent,
  pageOf,
  snapshotDiff,
  snapshotSummary,
} from '#libs/api/models.ts';
import { type ObjectName, parsePlaceKey } from '#libs/gateway/object-key.ts';
import type { FleetClient } from './fleet-client.ts';
import { readAll, readPages } from './paged-answers.ts';

type Query = Readonly<Record<string, string>>;
type Many<S extends z.ZodType> = Promise<readonly z.output<S>[]>;

/** Reads every cluster. */
export function readClusters(client: FleetClient): Many<typeof cluster> {
  return readAll(client, '/api/v1/clusters', cluster);
}

/** Reads the gateways that the query leaves, by default all that are not deleted. */
export function readGateways(client: FleetClient, query: Query = {}): Many<typeof gatewaySummary> {
  return readAll(client, `/api/v1/gateways${queryText(query)}`, gatewaySummary);
}

/** Reads every node. */
export function readNodes(client: FleetClient): Many<typeof fleetNode> {
  return readAll(client, '/api/v1/nodes', fleetNode);
}

/** Reads the routes that the query leaves, by default all. */
export function readRoutes(client: FleetClient, query: Query = {}): Many<typeof fleetRoute> {
  return readAll(client, `/api/v1/routes${queryText(query)}`, fleetRoute);
}

/** Reads a page of the routes that not every gateway of theirs accepts. */
export async function readRefusedRoutes(client: FleetClient, limit: number): Many<typeof fleetRoute> {
  return (await client.get(`/api/v1/routes?accepted=false&limit=${limit}`, pageOf(fleetRoute))).items;
}

/** Reads one gateway with its listeners. Throws FleetgateError 'not-found'. */
export function readGateway(client: FleetClient, gateway: string): Promise<z.output<typeof gatewayDetail>> {
  return client.get(gatewayPath(gateway), gatewayDetail);
}

/** Reads every version of a gateway, the newest first. */
export function readSnapshots(client: FleetClient, gateway: string): Many<typeof snapshotSummary> {
  return readAll(client, `${gatewayPath(gateway)}/snapshots`, snapshotSummary);
}

/** Reads the whole difference of two versions of a gateway. */
export async function readDiff(
  client: FleetClient,
  gateway: string,
  { from, to }: { readonly from: number; readonly to: number },
): Promise<z.output<typeof snapshotDiff>> {
  const path = `${gatewayPath(gateway)}/diff?from=${from}&to=${to}`;
  const pages = await readPages(client, path, snapshotDiff);
  return { ...(pages.at(-1) ?? pages[0]), items: pages.flatMap(({ items }) => items) };
}

/** Reads every event of one object, the newest first. Throws FleetgateError 'not-found' where there was never one. */
export function readObjectHistory(client: FleetClient, place: ObjectName): Many<typeof objectEvent> {
  const parts = [place.cluster, place.kind, place.namespace === '' ? '-' : place.namespace, place.name];
  return readAll(client, `/api/v1/objects/${parts.map(encodeURIComponent).join('/')}/history`, objectEvent);
}

/** Writes the path of a gateway, `cluster/namespace/name`. */
export function gatewayPath(gateway: string): string {
  const { cluster, namespace, name } = parsePlaceKey(gateway);
  return `/api/v1/gateways/${[cluster, namespace, name].map(encodeURIComponent).join('/')}`;
}

function queryText(query: Query): string {
  const text = new URLSearchParams(query).toString();
  return text === '' ? '' : `?${text}`;
}
