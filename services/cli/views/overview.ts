// The fleet at a glance, for `status` and for the live table of `up`: clusters, gateways, nodes, and how many routes.
import { cluster, fleetNode, fleetRoute, gatewaySummary, pageOf } from '#libs/api/models.ts';
import { readAll } from '../client/client-command.ts';
import { type Cluster, clusterColumns, problemLines } from '../commands/clusters.ts';
import { type Gateway, alarmLines, gatewayColumns } from '../commands/gateways.ts';
import { type FleetNode, nodeColumns, rejectionLines } from '../commands/nodes.ts';
import type { Route } from '../commands/routes.ts';
import type { FleetClient } from '../client/fleet-client.ts';
import { type Column, count, renderTable } from './table.ts';

const refusedMax = 100;

export interface Overview {
  readonly clusters: readonly Cluster[];
  readonly gateways: readonly Gateway[];
  readonly nodes: readonly FleetNode[];
  /** Routes that something is wrong with, at most a page of them. */
  readonly refusedRoutes: readonly Route[];
}

/** The fleet as the API tells it now. */
export async function readOverview(client: FleetClient): Promise<Overview> {
  const [clusters, gateways, nodes, refused] = await Promise.all([
    readAll(client, '/api/v1/clusters', cluster),
    readAll(client, '/api/v1/gateways', gatewaySummary),
    readAll(client, '/api/v1/nodes', fleetNode),
    client.get(`/api/v1/routes?accepted=false&limit=${refusedMax}`, pageOf(fleetRoute)),
  ]);
  return { clusters, gateways, nodes, refusedRoutes: refused.items };
}

/** Three tables and what is wrong. */
export function overviewText(
  { clusters, gateways, nodes, refusedRoutes }: Overview,
  now: Date,
  width?: number,
): string {
  const table = <Row>(columns: readonly Column<Row>[], rows: readonly Row[], empty: string): string =>
    rows.length === 0 ? empty : renderTable(columns, rows, width === undefined ? {} : { width });
  const lines = [
    table(clusterColumns(now), clusters, 'no clusters yet'),
    ...problemLines(clusters),
    '',
    table(gatewayColumns(now), gateways, 'no gateways yet'),
    ...alarmLines(gateways),
    '',
    table(nodeColumns(now), nodes, 'no nodes yet'),
    ...rejectionLines(nodes),
    '',
    routesLine(clusters, refusedRoutes),
  ];
  return lines.filter((line, index) => line !== '' || lines[index - 1] !== '').join('\n');
}

/** What still keeps the fleet from serving everything that it was told; empty = it does. */
export function whatIsMissing({ clusters, gateways, nodes }: Overview, wanted: readonly string[]): readonly string[] {
  const missing: string[] = [];
  for (const name of wanted) {
    const agent = clusters.find((cluster) => cluster.name === name)?.agent;
    if (agent?.synced === true) continue;
    const problem = agent?.problems[0];
    missing.push(`cluster ${name} is not read yet${problem === undefined ? '' : ` (${problem})`}`);
  }
  if (!nodes.some(({ status }) => status === 'connected')) missing.push('no node is connected');
  for (const { gateway, serving, deleted, nodes: at } of gateways) {
    if (deleted || serving === 0 || at.rejected > 0) continue;
    if (at.applied < Math.max(1, at.connected)) missing.push(`${gateway} is not applied by every node`);
  }
  return missing;
}

/** What changed between two looks, a sentence each, for a log. */
export function describeChanges(before: Overview, after: Overview): readonly string[] {
  return [
    ...after.clusters.flatMap((now) =>
      clusterChange(
        before.clusters.find(({ name }) => name === now.name),
        now,
      ),
    ),
    ...after.gateways.flatMap((now) =>
      gatewayChange(
        before.gateways.find(({ gateway }) => gateway === now.gateway),
        now,
      ),
    ),
    ...before.gateways
      .filter(({ gateway }) => !after.gateways.some((now) => now.gateway === gateway))
      .map(({ gateway }) => `gateway ${gateway}: deleted`),
    ...after.nodes.flatMap((now) =>
      nodeChange(
        before.nodes.find(({ node }) => node === now.node),
        now,
      ),
    ),
  ];
}

function routesLine(clusters: readonly Cluster[], refused: readonly Route[]): string {
  const objects = clusters.flatMap((one) => Object.entries(one.objects));
  const total = objects.reduce((sum, [kind, n]) => (kind.endsWith('Route') ? sum + n : sum), 0);
  if (refused.length === 0) return count(total, 'route');
  return `${count(total, 'route')}, ${refused.length}${refused.length < refusedMax ? '' : ' or more'} not accepted (fleetgate routes --not-accepted)`;
}

function clusterChange(before: Cluster | undefined, now: Cluster): readonly string[] {
  const known = before?.agent?.problems ?? [];
  const problems = (now.agent?.problems ?? []).filter((problem) => !known.includes(problem));
  const lines = problems.map((problem) => `cluster ${now.name}: ${problem}`);
  if (before?.status !== now.status) lines.unshift(`cluster ${now.name}: agent ${now.status}`);
  return lines;
}

function gatewayChange(before: Gateway | undefined, now: Gateway): readonly string[] {
  const lines: string[] = [];
  if (before?.serving !== now.serving || before.nodes.applied !== now.nodes.applied) {
    lines.push(
      `gateway ${now.gateway}: version ${now.serving} serves on ${now.nodes.applied} of ${count(now.nodes.connected, 'node')}`,
    );
  }
  if (now.pinned && now.head > now.serving && before?.head !== now.head) {
    lines.push(`gateway ${now.gateway}: version ${now.head} waits, pinned to ${now.serving}`);
  }
  if (now.alarm !== null && before?.alarm !== now.alarm) lines.push(`gateway ${now.gateway}: ${now.alarm}`);
  return lines;
}

function nodeChange(before: FleetNode | undefined, now: FleetNode): readonly string[] {
  const changed = before?.status !== now.status || before.envoy !== now.envoy;
  const rejected = rejectionLines([now]).filter(
    (line) => line !== '' && !(before && rejectionLines([before]).includes(line)),
  );
  return [...(changed ? [`node ${now.node}: ${now.status}, Envoy ${now.envoy}`] : []), ...rejected];
}
