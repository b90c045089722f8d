// A running fleet as ground: the versions that its gateways serve, or served at a moment, with their entries.
import { z } from 'zod';
import { fail } from '#libs/runtime/errors.ts';
import type { Entry } from '#libs/snapshot/entry.ts';
import { matchesGateway } from '#libs/snapshot/gateway-glob.ts';
import {
  fleetNode,
  fleetRoute,
  gatewayDetail,
  gatewaySummary,
  objectEvent,
  snapshotSummary,
} from '#libs/api/models.ts';
import { gatewayPath, readAll } from '../client/client-command.ts';
import type { FleetClient } from '../client/fleet-client.ts';
import type { Ground, GroundGateway } from './ground.ts';
import { servedAt } from './served-at.ts';
import { readGatewayStatus } from './status.ts';

/** Which gateways, and when. */
export interface Moment {
  /** `cluster/namespace/name`; absent = those that nodes serve together. */
  readonly gateway?: string;
  readonly node?: string;
  readonly version?: number;
  readonly at?: Date;
}

const kinds = new Set(['listener', 'http-rule', 'stream-rule', 'backend']);
const isEntry = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && 'kind' in value && kinds.has(String(value.kind));
const entries = z.object({
  items: z.array(z.object({ key: z.string(), entry: z.custom<Entry>(isEntry) })),
  next: z.string().nullable(),
});

/** Reads what is needed of a fleet. Throws FleetgateError 'not-found' or 'config'. */
export async function readFleetGround(client: FleetClient, moment: Moment): Promise<Ground> {
  const names = moment.gateway === undefined ? await servedTogether(client, moment.node) : [moment.gateway];
  const gateways = await Promise.all(names.map((name) => readGateway(client, name, moment)));
  const routes = await readAll(client, '/api/v1/routes', fleetRoute);
  const details = await Promise.all(names.map((name) => client.get(gatewayPath(name), gatewayDetail)));
  const isPast = moment.at !== undefined || moment.version !== undefined;
  const versions = gateways.map(({ gateway, version }) => `${gateway} version ${version ?? 0}`);
  return {
    about: versions.length > 3 ? `${versions.length} gateways` : versions.join(', '),
    gateways,
    // What routes and gateways say of themselves is known of now only.
    routes: isPast
      ? []
      : routes
          .filter(({ parents }) => parents.some(({ gateway }) => gateway !== null && names.includes(gateway)))
          .map(({ cluster, kind, namespace, name, hostnames, problems }) => ({
            cluster,
            kind,
            namespace,
            name,
            hostnames,
            problems,
          })),
    problems: isPast
      ? []
      : details.flatMap((detail) => [
          ...readGatewayStatus(detail.gateway, detail),
          ...(detail.alarm === null ? [] : [`Gateway ${detail.gateway}: newer content is held back: ${detail.alarm}`]),
        ]),
    portOffset: 0,
    endpoints: () => undefined,
    place: () => undefined,
  };
}

async function readGateway(client: FleetClient, gateway: string, moment: Moment): Promise<GroundGateway> {
  const path = gatewayPath(gateway);
  const version = moment.version ?? (await versionAt(client, gateway, moment.at));
  const found = new Map<string, Entry>();
  if (version === 0) return { gateway, version, entries: found };
  for (let after: string | null = ''; after !== null;) {
    const query = after === '' ? '' : `&after=${encodeURIComponent(after)}`;
    const page: z.output<typeof entries> = await client.get(`${path}/snapshots/${version}?limit=500${query}`, entries);
    for (const { key, entry } of page.items) found.set(key, entry);
    after = page.next;
  }
  return { gateway, version, entries: found };
}

/** The version that served at a moment; 0 = none. */
async function versionAt(client: FleetClient, gateway: string, at: Date | undefined): Promise<number> {
  if (at === undefined) return (await client.get(gatewayPath(gateway), gatewayDetail)).serving;
  const versions = await readAll(client, `${gatewayPath(gateway)}/snapshots`, snapshotSummary);
  const [cluster = '', namespace = '', name = ''] = gateway.split('/');
  const object = ['Gateway', namespace, name].map(encodeURIComponent).join('/');
  const events = await readAll(client, `/api/v1/objects/${encodeURIComponent(cluster)}/${object}/history`, objectEvent);
  return servedAt(versions, events, at);
}

/** The gateways that one node serves: a request meets the listeners and rules of all of them. */
async function servedTogether(client: FleetClient, nodeName: string | undefined): Promise<readonly string[]> {
  const gateways = await readAll(client, '/api/v1/gateways', gatewaySummary);
  const live = gateways.filter(({ deleted }) => !deleted);
  const nodes = await readAll(client, '/api/v1/nodes', fleetNode);
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
