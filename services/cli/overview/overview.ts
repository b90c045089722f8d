// Reads the fleet at a glance: clusters, gateways, nodes, and the routes that something is wrong with.
import type { FleetClient } from '../client/fleet-client.ts';
import {
  readClusters,
  readGateways,
  readNodes,
  readProjectors,
  readRefusedRoutes,
  readRestores,
} from '../client/fleet-reads.ts';
import type { Cluster } from '../views/cluster-table.ts';
import type { Gateway } from '../views/gateway-table.ts';
import type { FleetNode } from '../views/node-table.ts';
import type { Projector } from '../views/projector-lines.ts';
import type { Route } from '../views/route-table.ts';

/** How many refused routes are read at most. */
export const refusedMax = 100;
const restoresMax = 3;
const restoresShownMs = 7 * 24 * 3_600_000;

export interface Overview {
  /** Absent where only changes are followed: no stream tells of projectors. */
  readonly projectors?: readonly Projector[];
  readonly clusters: readonly Cluster[];
  readonly gateways: readonly Gateway[];
  readonly nodes: readonly FleetNode[];
  /** Routes that something is wrong with, at most `refusedMax`. */
  readonly refusedRoutes: readonly Route[];
  /** When the database was found to be restored from a backup in the last days, newest first, at most `restoresMax`. */
  readonly restores: readonly Restore[];
}

/** Says when and by what a restore was noticed. */
interface Restore {
  readonly recordedAt: string;
  readonly reason: string | null;
}

/** Reads the fleet as the API tells it now. */
export async function readOverview(client: FleetClient): Promise<Overview> {
  const since = new Date(Date.now() - restoresShownMs);
  const [projectors, clusters, gateways, nodes, refusedRoutes, restores] = await Promise.all([
    readProjectors(client),
    readClusters(client),
    readGateways(client),
    readNodes(client),
    readRefusedRoutes(client, refusedMax),
    readRestores(client, since, restoresMax),
  ]);
  return { projectors, clusters, gateways, nodes, refusedRoutes, restores };
}
