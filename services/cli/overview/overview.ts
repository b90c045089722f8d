// Reads the fleet at a glance: clusters, gateways, nodes, and the routes that something is wrong with.
import type { FleetClient } from '../client/fleet-client.ts';
import { readClusters, readGateways, readNodes, readRefusedRoutes } from '../client/fleet-reads.ts';
import type { Cluster } from '../views/cluster-table.ts';
import type { Gateway } from '../views/gateway-table.ts';
import type { FleetNode } from '../views/node-table.ts';
import type { Route } from '../views/route-table.ts';

/** How many refused routes are read at most. */
export const refusedMax = 100;

export interface Overview {
  readonly clusters: readonly Cluster[];
  readonly gateways: readonly Gateway[];
  readonly nodes: readonly FleetNode[];
  /** Routes that something is wrong with, at most `refusedMax`. */
  readonly refusedRoutes: readonly Route[];
}

/** Reads the fleet as the API tells it now. */
export async function readOverview(client: FleetClient): Promise<Overview> {
  const [clusters, gateways, nodes, refusedRoutes] = await Promise.all([
    readClusters(client),
    readGateways(client),
    readNodes(client),
    readRefusedRoutes(client, refusedMax),
  ]);
  return { clusters, gateways, nodes, refusedRoutes };
}
