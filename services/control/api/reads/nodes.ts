// Reads nodes with what they serve as the API shows them, for the list and for the stream of changes.
import { type Kysely, sql } from 'kysely';
import type { z } from 'zod';
import type { fleetNode } from '#libs/api/models/node.ts';
import type { Database, Row } from '#libs/runtime/postgres/database.ts';
import { silentSince } from '../../node-silence.ts';
import { all } from './conditions.ts';
import { readUnready } from '../../unready.ts';
import { type RejectionColumns, toRejection } from './rejection.ts';

interface NodeRow extends Omit<Row<'nodes'>, 'connected'> {
  readonly alive: boolean;
  readonly age_ms: number;
}

interface NodeGatewayRow extends Row<'node_gateways'>, RejectionColumns {
  readonly serving: number | null;
  readonly serving_digest: string | null;
  readonly pinned: boolean | null;
}

interface NodeFilter {
  readonly nodes?: readonly string[] | undefined;
  readonly status?: 'connected' | 'unknown' | undefined;
  readonly pattern?: string | undefined;
  readonly after?: string | undefined;
  readonly limit: number;
}

/** Reads rows in the order of names; one more than the limit when there is more. */
export async function readNodeRows(db: Kysely<Database>, filter: NodeFilter): Promise<readonly NodeRow[]> {
  const alive = sql`(connected and last_seen > ${silentSince})`;
  const { rows } = await sql<NodeRow>`
    select node, version, labels, serves, addresses, replica, envoy, first_seen, last_seen,
           ${alive} as alive, greatest(0, extract(epoch from now() - last_seen) * 1000)::float8 as age_ms
      from nodes
     where ${all([
       filter.nodes && sql`node = any(${[...filter.nodes]})`,
       filter.status && (filter.status === 'connected' ? alive : sql`not ${alive}`),
       filter.pattern && sql`node ilike ${filter.pattern}`,
       filter.after !== undefined && sql`node > ${filter.after}`,
     ])}
     order by node limit ${filter.limit + 1}`.execute(db);
  return rows;
}

/** Makes the nodes of rows with what they serve, in their order. */
export async function toNodes(db: Kysely<Database>, rows: readonly NodeRow[]): Promise<z.input<typeof fleetNode>[]> {
  const { rows: gateways } = await sql<NodeGatewayRow>`
    select r.node, r.gateway, r.version, r.digest, r.applied_at, r.took_ms::float8,
           r.rejected_version, r.rejected_reasons, r.rejected_at,
           greatest(0, extract(epoch from now() - r.rejected_at) * 1000)::float8 as rejected_age_ms,
           g.serving, g.pinned, s.digest as serving_digest
      from node_gateways r
      left join gateways g on g.gateway = r.gateway
      left join snapshots s on s.gateway = g.gateway and s.version = g.serving
     where r.node = any(${rows.map(({ node }) => node)}) and g.deleted is not true order by r.node, r.gateway`.execute(
    db,
  );
  const unready = await readUnreadyOfPinned(db, gateways);
  const byNode = Map.groupBy(gateways, ({ node }) => node);
  return rows.map(({ alive, first_seen, last_seen, age_ms, ...row }) => ({
    ...row,
    labels: { ...row.labels },
    serves: [...row.serves],
    addresses: [...row.addresses],
    status: alive ? 'connected' : 'unknown',
    firstSeen: first_seen.toISOString(),
    lastSeen: last_seen.toISOString(),
    ageMs: age_ms,
    gateways: (byNode.get(row.node) ?? []).map((one) => toNodeGateway(one, unready)),
  }));
}

/** Reads of pinned gateways, once for all nodes, which of their rules are answered 503. */
async function readUnreadyOfPinned(
  db: Kysely<Database>,
  rows: readonly NodeGatewayRow[],
): Promise<ReadonlyMap<string, readonly string[]>> {
  const found = new Map<string, readonly string[]>();
  for (const { gateway, pinned, serving } of rows) {
    if (pinned === true && serving !== null && !found.has(gateway))
      found.set(gateway, await readUnready(db, gateway, serving));
  }
  return found;
}

function toNodeGateway(
  row: NodeGatewayRow,
  unready: ReadonlyMap<string, readonly string[]>,
): z.input<typeof fleetNode>['gateways'][number] {
  return {
    gateway: row.gateway,
    version: row.version,
    serving: row.serving,
    current: row.version === row.serving && row.digest === row.serving_digest,
    appliedAt: row.applied_at.toISOString(),
    tookMs: row.took_ms,
    rejected: toRejection(row),
    unready: row.version === row.serving ? [...(unready.get(row.gateway) ?? [])] : [],
  };
}
