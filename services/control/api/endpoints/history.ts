// GET /objects/…/history, /history?gateway=, /events: the history as it was appended, and what each event changed.
import { type Kysely, sql } from 'kysely';
import { z } from 'zod';
import { kinds } from '#libs/gateway/kinds.ts';
import type { Database } from '#libs/runtime/postgres/database.ts';
import { diffFields } from '../field-diff.ts';
import { all } from '../gateway-rows.ts';
import { findGateway, noGateway } from './gateways.ts';
import { parseJson } from '../kube-fields.ts';
import { gatewayHistoryItem, historyEvent, objectEvent, pageOf } from '#libs/api/models.ts';
import {
  clusterName,
  cursor,
  limit,
  namespaceName,
  objectName,
  parseCursor,
  plainText,
  sequenceNumber,
  toPage,
} from '../parameters.ts';
import { Problem } from '#libs/api/problem.ts';
import { defineRoute } from '../endpoint.ts';
import { readSnapshots, toSnapshot } from './snapshots.ts';

interface EventRow {
  readonly seq: string;
  readonly id: string;
  readonly type: string;
  readonly cluster: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly manager: string | null;
  readonly operation: string | null;
  readonly at: Date;
  readonly recorded_at: Date;
  readonly data: string;
}

const columns = sql`e.seq, e.id, e.type, e.cluster, e.kind, e.namespace, e.name, e.uid, e.manager, e.operation, e.at, e.recorded_at, e.data`;
const watched: readonly string[] = kinds.map(({ kind }) => kind);
/** An event of one transaction is at most as far from its last. */
const batchSpanMax = 5000;

const eventData = z.object({
  object: z
    .looseObject({ metadata: z.looseObject({ generation: z.int().optional().catch(undefined) }).optional() })
    .nullish()
    .catch(null),
  to: z.int().nullish().catch(null),
  reason: z.string().nullish().catch(null),
});

export const readObjectHistory = defineRoute({
  method: 'GET',
  path: '/objects/:cluster/:kind/:namespace/:name/history',
  role: 'viewer',
  tag: 'history',
  summary: 'Everything that happened to one object, newest first, with what each event changed',
  description:
    'The namespace of a cluster-scoped object is `-`. The history of a Gateway includes the commands for it.',
  input: z.object({
    params: z.object({
      cluster: clusterName,
      kind: z.enum(watched),
      namespace: z.union([namespaceName, z.literal('-')]),
      name: objectName,
    }),
    query: z.object({ limit: limit(200), after: cursor }),
  }),
  returns: pageOf(objectEvent),
  async handle(api, { params, query }) {
    const key = parseCursor(query.after, 1);
    if (key === null || !isSeq(key?.[0])) return new Problem('bad-request', 'query.after: not a cursor');
    const namespace = params.namespace === '-' ? '' : params.namespace;
    const { rows } = await sql<EventRow & { readonly previous: string | null }>`
      select ${columns}, (
               select p.data from events p
                where p.cluster = e.cluster and p.kind = e.kind and p.namespace = e.namespace and p.name = e.name and p.seq < e.seq
                  and p.type in ('applied', 'deleted') order by p.seq desc limit 1) as previous
        from events e
       where ${all([
         sql`e.cluster = ${params.cluster} and e.kind = ${params.kind} and e.namespace = ${namespace} and e.name = ${params.name}`,
         key && sql`e.seq < ${key[0]}`,
       ])}
       order by e.seq desc limit ${query.limit + 1}`.execute(api.db);
    if (rows.length === 0 && key === undefined) {
      return new Problem(
        'not-found',
        `the history has no ${params.kind} ${params.cluster}/${params.namespace}/${params.name}`,
      );
    }
    return toPage(rows, query.limit, toObjectEvent, ({ seq }) => [seq]);
  },
});

export const readGatewayHistory = defineRoute({
  method: 'GET',
  path: '/history',
  role: 'viewer',
  tag: 'history',
  summary: 'Versions of a gateway, newest first, each with the events that led to it',
  input: z.object({
    query: z.object({
      gateway: z
        .string()
        .regex(/^[-a-z0-9]{1,63}\/[-a-z0-9]{1,63}\/[-a-z0-9.]{1,253}$/, 'must be cluster/namespace/name'),
      limit: limit(100),
      after: cursor,
    }),
  }),
  returns: pageOf(gatewayHistoryItem),
  async handle(api, { query }) {
    const key = parseCursor(query.after, 1);
    if (key === null || !isSeq(key?.[0])) return new Problem('bad-request', 'query.after: not a cursor');
    const rows = await readSnapshots(api.db, query.gateway, Number(key?.[0] ?? Number.NaN), query.limit);
    if (rows.length === 0 && (await findGateway(api.db, query.gateway)) === undefined) return noGateway(query.gateway);
    const shown = rows.slice(0, query.limit);
    const causes = await readCauses(api.db, query.gateway, shown);
    return toPage(
      rows,
      query.limit,
      (row) => ({ snapshot: toSnapshot(row), events: (causes.get(row.version) ?? []).map(toEvent) }),
      ({ version }) => [String(version)],
    );
  },
});

export const listEvents = defineRoute({
  method: 'GET',
  path: '/events',
  role: 'viewer',
  tag: 'history',
  summary: 'The history: changes of objects and commands, in its order',
  description: '`order=asc` reads on from `after`, `order=desc` back from it; `after` is a sequence number.',
  input: z.object({
    query: z.object({
      after: sequenceNumber.optional(),
      order: z.enum(['asc', 'desc']).default('desc'),
      cluster: clusterName.optional(),
      kind: z.enum(watched).optional(),
      namespace: namespaceName.optional(),
      name: objectName.optional(),
      type: z.enum(['applied', 'deleted', 'rollback', 'release', 'accept']).optional(),
      manager: plainText.optional(),
      since: z.iso.datetime({ offset: true }).optional(),
      until: z.iso.datetime({ offset: true }).optional(),
      limit: limit(),
    }),
  }),
  returns: pageOf(historyEvent),
  async handle(api, { query }) {
    const { rows } = await sql<EventRow>`
      select ${columns} from events e
       where ${all([
         query.after && (query.order === 'asc' ? sql`e.seq > ${query.after}` : sql`e.seq < ${query.after}`),
         query.cluster && sql`e.cluster = ${query.cluster}`,
         query.kind && sql`e.kind = ${query.kind}`,
         query.namespace && sql`e.namespace = ${query.namespace}`,
         query.name && sql`e.name = ${query.name}`,
         query.type && sql`e.type = ${query.type}`,
         query.manager && sql`e.manager = ${query.manager}`,
         query.since && sql`e.recorded_at >= ${query.since}`,
         query.until && sql`e.recorded_at < ${query.until}`,
       ])}
       order by e.seq ${query.order === 'asc' ? sql`asc` : sql`desc`} limit ${query.limit + 1}`.execute(api.db);
    const shown = rows.slice(0, query.limit);
    return { items: shown.map(toEvent), next: rows.length > query.limit ? (shown.at(-1)?.seq ?? null) : null };
  },
});

/** The events that were folded together with each version: those of objects that it touched, or all where none is. */
async function readCauses(
  db: Kysely<Database>,
  gateway: string,
  versions: readonly { readonly version: number; readonly seq: string }[],
): Promise<ReadonlyMap<number, readonly EventRow[]>> {
  if (versions.length === 0) return new Map();
  const { rows } = await sql<EventRow & { readonly version: number; readonly touched: boolean }>`
    select v.version, e.*, e.kind in ('Gateway', 'Gateway.networking.x-k8s.io') and e.cluster || '/' || e.namespace || '/' || e.name = ${gateway} or exists (
             select 1 from snapshot_changes c
              where c.gateway = ${gateway} and c.version = v.version
                and (starts_with(c.key, 'rule/' || e.kind || '/' || e.namespace || '/' || e.name || '/')
                     or e.kind = 'Service' and starts_with(c.key, 'backend/' || e.cluster || '/' || e.namespace || '/' || e.name || '/'))
           ) as touched
      from unnest(${versions.map(({ version }) => version)}::int[], ${versions.map(({ seq }) => seq)}::bigint[]) as v(version, seq),
           lateral (select ${columns} from events e
                     where e.batch = v.seq and e.seq <= v.seq and e.seq > v.seq - ${sql.lit(batchSpanMax)}
                     order by e.seq desc limit 50) e`.execute(db);
  return new Map(
    versions.map(({ version }) => {
      const events = rows.filter((row) => row.version === version);
      const touched = events.filter((row) => row.touched);
      return [version, touched.length > 0 ? touched : events];
    }),
  );
}

function toObjectEvent(row: EventRow & { readonly previous: string | null }): z.input<typeof objectEvent> {
  if (row.type !== 'applied' && row.type !== 'deleted') return { ...toEvent(row), changes: [], truncated: false };
  return { ...toEvent(row), ...diffFields(comparable(row.previous), comparable(row.data)) };
}

function toEvent(row: EventRow): z.input<typeof historyEvent> {
  const data = eventData.safeParse(parseJson(row.data)).data;
  return {
    seq: row.seq,
    id: row.id,
    type: row.type,
    cluster: row.cluster,
    kind: row.kind,
    namespace: row.namespace,
    name: row.name,
    uid: row.uid,
    at: row.at.toISOString(),
    recordedAt: row.recorded_at.toISOString(),
    changedBy: row.manager === null ? null : { manager: row.manager, operation: row.operation ?? '' },
    generation: data?.object?.metadata?.generation ?? null,
    to: data?.to ?? null,
    reason: data?.reason ?? null,
  };
}

/** The object without what changes on each write. */
function comparable(json: string | null): unknown {
  const object = eventData.safeParse(parseJson(json)).data?.object;
  if (object === null || object === undefined) return {};
  const { resourceVersion: _, generation: __, ...metadata } = { ...object.metadata };
  return { ...object, metadata };
}

function isSeq(text: string | undefined): boolean {
  return text === undefined || /^\d{1,18}$/.test(text);
}
