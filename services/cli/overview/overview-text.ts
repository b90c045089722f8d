// Shows the fleet at a glance, for `status` and for the live table of `up`: clusters, gateways, nodes, and how many
// routes.
import { routeKinds } from '#libs/api/parameters.ts';
import { type Cluster, clusterLines } from '../views/cluster-table.ts';
import { gatewayLines } from '../views/gateway-table.ts';
import { nodeLines } from '../views/node-table.ts';
import { projectorLines } from '../views/projector-lines.ts';
import type { Route } from '../views/route-table.ts';
import { type Look, count } from '../views/table.ts';
import { type Overview, refusedMax } from './overview.ts';

/** Writes three tables, what is wrong below each, and the number of routes. */
export function overviewText(
  { projectors, clusters, gateways, nodes, refusedRoutes, restores }: Overview,
  look: Look,
): string {
  const lines = [
    ...clusterLines(clusters, look),
    '',
    ...gatewayLines(gateways, look),
    '',
    ...nodeLines(nodes, look),
    '',
    routesLine(clusters, refusedRoutes),
    ...restores.map(restoreLine),
    ...(projectors === undefined ? [] : projectorLines(projectors, look)),
  ];
  return lines.filter((line, index) => line !== '' || lines[index - 1] !== '').join('\n');
}

function restoreLine({ recordedAt, reason }: Overview['restores'][number]): string {
  return `RESTORED at ${recordedAt}: ${reason ?? ''} (docs/backup-and-restore.md)`;
}

function routesLine(clusters: readonly Cluster[], refused: readonly Route[]): string {
  const objects = clusters.flatMap((one) => Object.entries(one.objects));
  const total = objects.reduce((sum, [kind, n]) => (routeKinds.includes(kind) ? sum + n : sum), 0);
  if (refused.length === 0) return count(total, 'route');
  const more = refused.length < refusedMax ? '' : ' or more';
  return `${count(total, 'route')}, ${refused.length}${more} not accepted (fleetgate routes --not-accepted)`;
}
