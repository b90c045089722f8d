// Reads gateways with the counts of their nodes as the API shows them, for the lists, one gateway and the stream of
// changes.
import { type Kysely, sql } from 'kysely';
import type { z } from 'zod';
import type { gatewaySummary } from '#libs/api/models/gateway.ts';
import type { Database, OuterColumns, Row } from '#libs/runtime/postgres/database.ts';
import { matchesGateway } from '#libs/snapshot/gateway-glob.ts';
import { silentSince } from '../../node-silence.ts';
import { badConditions, problemText } from '#libs/api/bad-conditions.ts';
import { all } from './conditions.ts';
import { readUnready } from '../../unready.ts';
import { parseGatewayStatus } from './kube-fields.ts';

interface GatewayFilter {
  readonly gateways?: readonly string[] | undefined;
  readonly cluster?: string | undefined;
  readonly pattern?: string | undefined;
  readonly deleted: 'without' | 'with';
  readonly after?: readonly string[] | undefined;
  readonly limit: number;
}

/** A gateway with its serving version, where it has one. */
export type GatewayRow = Omit<Row<'gateways'>, 'commit'> & { readonly status: unknown } & OuterColumns<
    Pick<Row<'snapshots'>, 'digest' | 'entries' | 'cause' | 'actor' | 'reason' | 'at'>
  >;

type NodeCounts = z.input<typeof gatewaySummary>['nodes'];

/** Reads rows in the order of cluster, namespace and name; one more than the limit when there is more. */
export async function readGatewayRows(db: Kysely<Database>, filter: GatewayFilter): Promise<readonly GatewayRow[]> {
  const [cluster, namespace, name] = filter.after ?? [];
  const { rows } = await sql<GatewayRow>`
    select g.gateway, g.cluster, g.namespace, g.name, g.head, g.serving, g.pinned, g.deleted, g.alarm, g.labels,
           g.uid, g.limits, s.digest, s.entries, s.cause, s.actor, s.reason, s.at, said.status
      from gateways g left join snapshots s on s.gateway = g.gateway and s.version = g.serving
      left join lateral (
        select status from statuses one
         where one.cluster = g.cluster and one.kind in ('Gateway', 'Gateway.networking.x-k8s.io')
           and one.namespace = g.namespace and one.name = g.name
         order by one.kind limit 1) said on true
     where ${all([
       filter.gateways && sql`g.gateway = any(${[...filter.gateways]})`,
       filter.cluster && sql`g.cluster = ${filter.cluster}`,
       filter.pattern && sql`g.gateway ilike ${filter.pattern}`,
       filter.deleted === 'without' && sql`not g.deleted`,
       name !== undefined && sql`(g.cluster, g.namespace, g.name) > (${cluster}, ${namespace}, ${name})`,
     ])}
     order by g.cluster, g.namespace, g.name limit ${filter.limit + 1}`.execute(db);
  return rows;
}

/** Reads the row of a gateway that is or was there. */
export async function findGateway(db: Kysely<Database>, gateway: string): Promise<GatewayRow | undefined> {
  const [row] = await readGatewayRows(db, { gateways: [gateway], deleted: 'with', limit: 1 });
  return row;
}

/** Makes the summaries of rows, in their order. */
export async function toSummaries(
  db: Kysely<Database>,
  rows: readonly GatewayRow[],
): Promise<z.input<typeof gatewaySummary>[]> {
  const [counts, unready] = await Promise.all([countNodes(db, rows), readUnreadyOfPinned(db, rows)]);
  return rows.map(({ status, ...row }) => ({
    ...row,
    labels: { ...row.labels },
    limits: row.limits,
    problems: row.deleted ? [] : [...problemsOf(status), ...(unready.get(row.gateway) ?? [])],
    entries: row.entries ?? 0,
    at: row.at?.toISOString() ?? null,
    nodes: counts.get(row.gateway) ?? { connected: 0, applied: 0, rejected: 0, unknown: 0 },
  }));
}

/**
 * Says of pinned gateways which of their rules are answered 503. A live gateway has routes that say it themselves; what
 * a rollback brought back may name what is gone.
 */
async function readUnreadyOfPinned(
  db: Kysely<Database>,
  rows: readonly GatewayRow[],
): Promise<ReadonlyMap<string, readonly string[]>> {
  const found = new Map<string, readonly string[]>();
  for (const { gateway, pinned, deleted, serving } of rows) {
    if (pinned && !deleted) found.set(gateway, await readUnready(db, gateway, serving));
  }
  return found;
}

/** Lists what of a Gateway and its listeners does not work; these are why a listener is not programmed. */
function problemsOf(status: unknown): string[] {
  const { conditions, listeners } = parseGatewayStatus(status);
  const ofListeners = listeners.flatMap(({ name, conditions: own }) =>
    badConditions(own.filter(({ type }) => type !== 'Programmed')).map(
      (one) => `listener ${name}: ${problemText(one)}`,
    ),
  );
  return [...badConditions(conditions).map(problemText), ...ofListeners];
}

/** Counts nodes by what they serve: few different ways to serve occur, however many nodes there are. */
async function countNodes(
  db: Kysely<Database>,
  gateways: readonly GatewayRow[],
): Promise<ReadonlyMap<string, NodeCounts>> {
  if (gateways.length === 0) return new Map();
  const [groups, reports] = await Promise.all([
    sql<{ serves: readonly string[]; connected: number; unknown: number }>`
      select serves, (count(*) filter (where connected and last_seen > ${silentSince}))::int as connected,
             (count(*) filter (where not connected or last_seen <= ${silentSince}))::int as unknown
        from nodes group by serves`.execute(db),
    sql<{ gateway: string; applied: number; rejected: number }>`
      select r.gateway, (count(*) filter (where r.version = g.serving and r.digest = s.digest))::int as applied,
             (count(*) filter (where r.rejected_version = g.serving))::int as rejected
        from node_gateways r
        join nodes n on n.node = r.node and n.connected and n.last_seen > ${silentSince}
        join gateways g on g.gateway = r.gateway
        join snapshots s on s.gateway = g.gateway and s.version = g.serving
       where r.gateway = any(${gateways.map(({ gateway }) => gateway)}) group by r.gateway`.execute(db),
  ]);
  const byGateway = new Map(reports.rows.map((row) => [row.gateway, row]));
  return new Map(
    gateways.map(({ gateway, labels }) => {
      const serving = groups.rows.filter(({ serves }) => matchesGateway(serves, gateway, labels));
      const { applied = 0, rejected = 0 } = byGateway.get(gateway) ?? {};
      const connected = sum(serving.map((group) => group.connected));
      return [gateway, { connected, applied, rejected, unknown: sum(serving.map((group) => group.unknown)) }];
    }),
  );
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
