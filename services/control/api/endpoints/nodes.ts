// GET /nodes.
import { type Kysely, sql } from 'kysely';
import { z } from 'zod';
import type { Database } from '#libs/runtime/postgres/database.ts';
import { all, nodeSilentAfter } from '../gateway-rows.ts';
import { toRejection } from './gateways.ts';
import { fleetNode, pageOf } from '#libs/api/models.ts';
import { cursor, likePattern, limit, parseCursor, search, toPage } from '../parameters.ts';
import { Problem } from '#libs/api/problem.ts';
import { defineRoute } from '../endpoint.ts';

export interface NodeRow {
  readonly node: string;
  readonly version: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly serves: readonly string[];
  readonly addresses: readonly string[];
  readonly replica: string;
  readonly alive: boolean;
  readonly envoy: string;
  readonly first_seen: Date;
  readonly last_seen: Date;
  readonly age_ms: number;
}

interface NodeGatewayRow {
  readonly node: string;
  readonly gateway: string;
  readonly version: number;
  readonly digest: string;
  readonly applied_at: Date;
  readonly took_ms: number;
  readonly rejected_version: number | null;
  readonly rejected_reasons: readonly string[] | null;
  readonly rejected_at: Date | null;
  readonly rejected_age_ms: number | null;
  readonly serving: number | null;
  readonly serving_digest: string | null;
}

export interface NodeFilter {
  readonly nodes?: readonly string[] | undefined;
  readonly status?: 'connected' | 'unknown' | undefined;
  readonly pattern?: string | undefined;
  readonly after?: string | undefined;
  readonly limit: number;
}

export const listNodes = defineRoute({
  method: 'GET',
  path: '/nodes',
  role: 'viewer',
  tag: 'fleet',
  summary: 'Nodes, what each serves and what it rejected',
  input: z.object({
    query: z.object({
      status: z.enum(['connected', 'unknown']).optional(),
      q: search.describe("Part of the node's name."),
      limit: limit(),
      after: cursor,
    }),
  }),
  returns: pageOf(fleetNode),
  async handle(api, { query }) {
    const key = parseCursor(query.after, 1);
    if (key === null) return new Problem('bad-request', 'query.after: not a cursor');
    const rows = await readNodeRows(api.db, {
      status: query.status,
      pattern: query.q === undefined ? undefined : likePattern(query.q),
      after: key?.[0],
      limit: query.limit,
    });
    const page = toPage(
      rows,
      query.limit,
      (row) => row,
      ({ node }) => [node],
    );
    return { items: await toNodes(api.db, page.items), next: page.next };
  },
});

/** Rows in the order of names; one more than the limit when there is more. */
export async function readNodeRows(db: Kysely<Database>, filter: NodeFilter): Promise<readonly NodeRow[]> {
  const alive = sql`(connected and last_seen > now() - ${nodeSilentAfter})`;
  const { rows } = await sql<NodeRow>`
    select node, version, labels, serves, addresses, replica, envoy, first_seen, last_seen, ${alive} as alive,
           greatest(0, extract(epoch from now() - last_seen) * 1000)::float8 as age_ms
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

/** The nodes of rows with what they serve, in their order. */
export async function toNodes(db: Kysely<Database>, rows: readonly NodeRow[]): Promise<z.input<typeof fleetNode>[]> {
  const { rows: gateways } = await sql<NodeGatewayRow>`
    select r.node, r.gateway, r.version, r.digest, r.applied_at, r.took_ms::float8, r.rejected_version, r.rejected_reasons,
           r.rejected_at, greatest(0, extract(epoch from now() - r.rejected_at) * 1000)::float8 as rejected_age_ms,
           g.serving, s.digest as serving_digest
      from node_gateways r
      left join gateways g on g.gateway = r.gateway
      left join snapshots s on s.gateway = g.gateway and s.version = g.serving
     where r.node = any(${rows.map(({ node }) => node)}) and g.deleted is not true order by r.node, r.gateway`.execute(
    db,
  );
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
    gateways: (byNode.get(row.node) ?? []).map(toNodeGateway),
  }));
}

function toNodeGateway(row: NodeGatewayRow): z.input<typeof fleetNode>['gateways'][number] {
  return {
    gateway: row.gateway,
    version: row.version,
    serving: row.serving,
    current: row.version === row.serving && row.digest === row.serving_digest,
    appliedAt: row.applied_at.toISOString(),
    tookMs: row.took_ms,
    rejected: toRejection(row),
  };
}
