// GET /gateways and one of them.
import { type Kysely, sql } from 'kysely';
import { z } from 'zod';
import { matchesGateway } from '#libs/snapshot/gateway-glob.ts';
import type { Database } from '#libs/runtime/postgres/database.ts';
import { type GatewayRow, nodeSilentAfter, readGatewayRows, toSummaries } from '../gateway-rows.ts';
import { parseGatewayStatus, parseListeners } from '../kube-fields.ts';
import { gatewayDetail, gatewaySummary, pageOf } from '#libs/api/models.ts';
import {
  clusterName,
  cursor,
  gatewayPath,
  idOf,
  likePattern,
  limit,
  parseCursor,
  search,
  toPage,
  yesOrNo,
} from '../parameters.ts';
import { Problem } from '#libs/api/problem.ts';
import { defineRoute } from '../endpoint.ts';

const nodesShownMax = 1000;

export const listGateways = defineRoute({
  method: 'GET',
  path: '/gateways',
  role: 'viewer',
  tag: 'fleet',
  summary: 'Gateways and where their versions stand',
  input: z.object({
    query: z.object({
      cluster: clusterName.optional(),
      q: search.describe('Part of cluster/namespace/name.'),
      deleted: yesOrNo.describe('true = with those that are gone.'),
      limit: limit(),
      after: cursor,
    }),
  }),
  returns: pageOf(gatewaySummary),
  async handle(api, { query }) {
    const after = parseCursor(query.after, 3);
    if (after === null) return new Problem('bad-request', 'query.after: not a cursor');
    const rows = await readGatewayRows(api.db, {
      cluster: query.cluster,
      pattern: query.q === undefined ? undefined : likePattern(query.q),
      deleted: query.deleted === 'true' ? 'with' : 'without',
      after,
      limit: query.limit,
    });
    const page = toPage(
      rows,
      query.limit,
      (row) => row,
      ({ cluster, namespace, name }) => [cluster, namespace, name],
    );
    return { items: await toSummaries(api.db, page.items), next: page.next };
  },
});

export const readGateway = defineRoute({
  method: 'GET',
  path: '/gateways/:cluster/:namespace/:name',
  role: 'viewer',
  tag: 'fleet',
  summary: 'One gateway: versions, listeners, conditions, nodes',
  input: z.object({
    params: gatewayPath,
  }),
  returns: gatewayDetail,
  async handle(api, { params }) {
    const row = await findGateway(api.db, idOf(params));
    if (row === undefined) return noGateway(idOf(params));
    const [summaries, object, nodeList] = await Promise.all([
      toSummaries(api.db, [row]),
      readObject(api.db, params),
      readNodes(api.db, row),
    ]);
    const [summary] = summaries;
    if (summary === undefined) return noGateway(idOf(params));
    const status = parseGatewayStatus(object?.status);
    const listeners = parseListeners(object?.data ?? '').map((spec) => {
      const said = status.listeners.find(({ name }) => name === spec.name);
      const { name, port, protocol, hostname } = spec;
      const { attachedRoutes = null, conditions = [] } = said ?? {};
      return { name, port, protocol, hostname, attachedRoutes, conditions };
    });
    const addresses = status.addresses.map(({ value }) => value);
    return { ...summary, listeners, conditions: status.conditions, addresses, nodeList };
  },
});

/** The row of a gateway that is or was there. */
export async function findGateway(db: Kysely<Database>, gateway: string): Promise<GatewayRow | undefined> {
  const [row] = await readGatewayRows(db, { gateways: [gateway], deleted: 'with', limit: 1 });
  return row;
}

export function noGateway(gateway: string): Problem {
  return new Problem('not-found', `there is no gateway ${gateway}`, 'GET /api/v1/gateways lists them.');
}

async function readObject(
  db: Kysely<Database>,
  { cluster, namespace, name }: z.output<typeof gatewayPath>,
): Promise<{ readonly data: string; readonly status: unknown } | undefined> {
  const { rows } = await sql<{ data: string; status: unknown }>`
    select o.data, s.status from objects o
      left join statuses s on s.cluster = o.cluster and s.kind = o.kind and s.namespace = o.namespace and s.name = o.name
     where o.cluster = ${cluster} and o.kind in ('Gateway', 'Gateway.networking.x-k8s.io')
       and o.namespace = ${namespace} and o.name = ${name}
     order by o.kind limit 1`.execute(db);
  return rows[0];
}

interface NodeRow {
  readonly node: string;
  readonly serves: readonly string[];
  readonly alive: boolean;
  readonly version: number | null;
  readonly digest: string | null;
  readonly applied_at: Date | null;
  readonly age_ms: number | null;
  readonly took_ms: number | null;
  readonly rejected_version: number | null;
  readonly rejected_reasons: readonly string[] | null;
  readonly rejected_at: Date | null;
  readonly rejected_age_ms: number | null;
}

async function readNodes(db: Kysely<Database>, row: GatewayRow): Promise<z.input<typeof gatewayDetail>['nodeList']> {
  const { rows } = await sql<NodeRow>`
    select n.node, n.serves, n.connected and n.last_seen > now() - ${nodeSilentAfter} as alive, r.version, r.digest, r.applied_at,
           greatest(0, extract(epoch from now() - r.applied_at) * 1000)::float8 as age_ms, r.took_ms::float8,
           r.rejected_version, r.rejected_reasons, r.rejected_at,
           greatest(0, extract(epoch from now() - r.rejected_at) * 1000)::float8 as rejected_age_ms
      from nodes n left join node_gateways r on r.node = n.node and r.gateway = ${row.gateway}
     order by n.node limit 10000`.execute(db);
  return rows
    .filter(({ serves }) => matchesGateway(serves, row.gateway, row.labels))
    .slice(0, nodesShownMax)
    .map((node) => ({
      node: node.node,
      status: node.alive ? 'connected' : 'unknown',
      version: node.version ?? 0,
      current: node.version === row.serving && node.digest === row.digest,
      appliedAt: node.applied_at?.toISOString() ?? null,
      ageMs: node.age_ms,
      tookMs: node.took_ms,
      rejected: toRejection(node),
    }));
}

/** The columns of a rejection, or null without one. */
export function toRejection(row: {
  readonly rejected_version: number | null;
  readonly rejected_reasons: readonly string[] | null;
  readonly rejected_at: Date | null;
  readonly rejected_age_ms: number | null;
}): { version: number; reasons: string[]; at: string; ageMs: number } | null {
  if (row.rejected_version === null || row.rejected_at === null) return null;
  return {
    version: row.rejected_version,
    reasons: [...(row.rejected_reasons ?? [])],
    at: row.rejected_at.toISOString(),
    ageMs: row.rejected_age_ms ?? 0,
  };
}
