// Keeps the overview current by the API's stream of changes: everything first, then what changed. It does not poll.
import { z } from 'zod';
import { changesPath } from '#libs/api/endpoint.ts';
import { pause } from '#libs/runtime/pause.ts';
import { cluster } from '#libs/api/models/cluster.ts';
import { gatewaySummary } from '#libs/api/models/gateway.ts';
import { fleetNode } from '#libs/api/models/node.ts';
import type { Cluster } from '../views/cluster-table.ts';
import type { Gateway } from '../views/gateway-table.ts';
import type { FleetNode } from '../views/node-table.ts';
import type { FleetClient } from '../client/fleet-client.ts';
import type { Overview } from './overview.ts';
import type { ServerEvent } from '../client/server-events.ts';

const changeOf = <T extends z.ZodType>(item: T) =>
  z.object({ all: z.boolean(), items: z.array(item), gone: z.array(z.string()).default([]) });
const clusterChange = changeOf(cluster);
const gatewayChange = changeOf(gatewaySummary);
const nodeChange = changeOf(fleetNode);
const reconnectMs = 1000;

/** Holds what the stream has said so far. */
export class LiveOverview {
  readonly #clusters = new Map<string, Cluster>();
  readonly #gateways = new Map<string, Gateway>();
  readonly #nodes = new Map<string, FleetNode>();
  readonly #said = new Set<string>();

  /** Takes one event of the stream; unknown ones are left alone. */
  take({ event, data }: ServerEvent): void {
    const value: unknown = JSON.parse(data);
    this.#said.add(event);
    if (event === 'clusters') merge(this.#clusters, clusterChange.parse(value), ({ name }) => name);
    if (event === 'gateways') merge(this.#gateways, gatewayChange.parse(value), ({ gateway }) => gateway);
    if (event === 'nodes') merge(this.#nodes, nodeChange.parse(value), ({ node }) => node);
  }

  /** The fleet by what was said; undefined until everything was said once. */
  get overview(): Overview | undefined {
    if (this.#said.size < 3) return undefined;
    const gateways = sorted(this.#gateways).filter(({ deleted }) => !deleted);
    const nodes = sorted(this.#nodes);
    return { clusters: sorted(this.#clusters), gateways, nodes, refusedRoutes: [], restores: [] };
  }
}

/** Calls `onChange` with each new state until the signal; comes back by itself when control was away. */
export async function followOverview(
  client: FleetClient,
  onChange: (overview: Overview) => void,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    const live = new LiveOverview();
    const take = (event: ServerEvent): void => {
      live.take(event);
      if (live.overview !== undefined) onChange(live.overview);
    };
    await client.follow(changesPath, take, signal).catch(() => undefined);
    await pause(reconnectMs, signal);
  }
}

function merge<T>(
  known: Map<string, T>,
  change: { readonly all: boolean; readonly items: readonly T[]; readonly gone: readonly string[] },
  keyOf: (item: T) => string,
): void {
  if (change.all) known.clear();
  for (const item of change.items) known.set(keyOf(item), item);
  for (const key of change.gone) known.delete(key);
}

function sorted<T>(items: ReadonlyMap<string, T>): readonly T[] {
  return [...items].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, item]) => item);
}
