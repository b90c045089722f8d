// GET …/snapshots, one of them with its entries, and the difference between two.
import { type Kysely, sql } from 'kysely';
import { z } from 'zod';
import type { Database } from '#libs/runtime/postgres/database.ts';
import { diffFields } from '../field-diff.ts';
import { findGateway, noGateway } from './gateways.ts';
import { parseJson } from '../kube-fields.ts';
import { type entryChange, pageOf, snapshotDetail, snapshotDiff, snapshotSummary } from '#libs/api/models.ts';
import { cursor, gatewayPath, idOf, limit, parseCursor, toPage, versionNumber } from '../parameters.ts';
import { Problem } from '#libs/api/problem.ts';
import { defineRoute } from '../endpoint.ts';

interface SnapshotRow {
  readonly version: number;
  readonly digest: string;
  readonly entries: number;
  readonly changes: number;
  readonly cause: string;
  readonly of_version: number | null;
  readonly seq: string;
  readonly at: Date;
  readonly actor: string | null;
  readonly reason: string | null;
  readonly serving: boolean;
  readonly head: boolean;
}

const versionPath = gatewayPath.extend({ version: versionNumber });
const fieldsMax = 100;

export const listSnapshots = defineRoute({
  method: 'GET',
  path: '/gateways/:cluster/:namespace/:name/snapshots',
  role: 'viewer',
  tag: 'snapshots',
  summary: 'Versions of a gateway, newest first',
  input: z.object({
    params: gatewayPath,
    query: z.object({ limit: limit(), after: cursor }),
  }),
  returns: pageOf(snapshotSummary),
  async handle(api, { params, query }) {
    const gateway = idOf(params);
    const key = parseCursor(query.after, 1);
    if (key === null) return new Problem('bad-request', 'query.after: not a cursor');
    const rows = await readSnapshots(api.db, gateway, Number(key?.[0] ?? Number.NaN), query.limit);
    if (rows.length === 0 && (await findGateway(api.db, gateway)) === undefined) return noGateway(gateway);
    return toPage(rows, query.limit, toSnapshot, ({ version }) => [String(version)]);
  },
});

export const readSnapshot = defineRoute({
  method: 'GET',
  path: '/gateways/:cluster/:namespace/:name/snapshots/:version',
  role: 'viewer',
  tag: 'snapshots',
  summary: 'One version and its entries',
  input: z.object({
    params: versionPath,
    query: z.object({ limit: limit(), after: cursor }),
  }),
  returns: snapshotDetail,
  async handle(api, { params, query }) {
    const gateway = idOf(params);
    const key = parseCursor(query.after, 1);
    if (key === null) return new Problem('bad-request', 'query.after: not a cursor');
    const [row] = await readSnapshots(api.db, gateway, params.version + 1, 1);
    if (row?.version !== params.version) return noVersion(gateway, params.version);
    const { rows } = await sql<{ key: string; hash: string; json: string }>`
      select c.key, c.hash, e.json
        from (select distinct on (key) key, hash from snapshot_changes
               where gateway = ${gateway} and version <= ${params.version} and key > ${key?.[0] ?? ''}
               order by key, version desc) c
        join entries e on e.hash = c.hash order by c.key limit ${query.limit + 1}`.execute(api.db);
    const page = toPage(
      rows,
      query.limit,
      ({ key, hash, json }) => ({ key, hash, entry: parseJson(json) }),
      ({ key }) => [key],
    );
    return { ...toSnapshot(row), ...page };
  },
});

export const diffSnapshots = defineRoute({
  method: 'GET',
  path: '/gateways/:cluster/:namespace/:name/diff',
  role: 'viewer',
  tag: 'snapshots',
  summary: 'What changed between two versions',
  description: 'Without `to`: the serving version. Without `from`: the one before `to`. Version 0 is empty.',
  input: z.object({
    params: gatewayPath,
    query: z.object({
      from: z.coerce.number<string>().int().min(0).max(2_147_483_647).optional(),
      to: z.coerce.number<string>().int().min(0).max(2_147_483_647).optional(),
      limit: limit(),
      after: cursor,
    }),
  }),
  returns: snapshotDiff,
  async handle(api, { params, query }) {
    const gateway = idOf(params);
    const key = parseCursor(query.after, 1);
    if (key === null) return new Problem('bad-request', 'query.after: not a cursor');
    const found = await findGateway(api.db, gateway);
    if (found === undefined) return noGateway(gateway);
    const to = query.to ?? found.serving;
    const from = query.from ?? Math.max(0, to - 1);
    for (const version of [from, to]) if (version > found.head) return noVersion(gateway, version);
    const { counts, rows } = await readDiff(api.db, gateway, from, to, key?.[0] ?? '', query.limit);
    return { gateway, from, to, ...counts, ...toPage(rows, query.limit, toEntryChange, (row) => [row.key]) };
  },
});

/** Versions below `before` (NaN = all), newest first; one more than the limit when there is more. */
export async function readSnapshots(
  db: Kysely<Database>,
  gateway: string,
  before: number,
  limit: number,
): Promise<readonly SnapshotRow[]> {
  const below = Number.isSafeInteger(before) && before <= 2_147_483_647 ? before : 2_147_483_647;
  const { rows } = await sql<SnapshotRow>`
    select s.version, s.digest, s.entries, s.cause, s.of_version, s.seq, s.at, s.actor, s.reason,
           s.version = g.serving as serving, s.version = g.head as head,
           (select count(*)::int from snapshot_changes c where c.gateway = s.gateway and c.version = s.version) as changes
      from snapshots s join gateways g on g.gateway = s.gateway
     where s.gateway = ${gateway} and s.version < ${below} order by s.version desc limit ${limit + 1}`.execute(db);
  return rows;
}

export function toSnapshot({ of_version, at, ...row }: SnapshotRow): z.input<typeof snapshotSummary> {
  return { ...row, ofVersion: of_version, at: at.toISOString() };
}

export function noVersion(gateway: string, version: number): Problem {
  return new Problem('not-found', `gateway ${gateway} has no version ${version}`, 'Its snapshots list the versions.');
}

interface DiffRow {
  readonly key: string;
  readonly before: string | null;
  readonly after: string | null;
}

async function readDiff(db: Kysely<Database>, gateway: string, from: number, to: number, after: string, limit: number) {
  const [low, high] = [Math.min(from, to), Math.max(from, to)];
  const hashAt = (version: number) => sql`
    (select c.hash from snapshot_changes c where c.gateway = ${gateway} and c.key = k.key and c.version <= ${version}
      order by c.version desc limit 1)`;
  const changed = sql`
    select * from (
      select k.key, ${hashAt(from)} as before, ${hashAt(to)} as after
        from (select distinct key from snapshot_changes
               where gateway = ${gateway} and version > ${low} and version <= ${high}) k) d
     where d.before is distinct from d.after`;
  const [counts, page] = await Promise.all([
    sql<{ added: number; removed: number; changed: number }>`
      select (count(*) filter (where before is null))::int as added, (count(*) filter (where after is null))::int as removed,
             (count(*) filter (where before is not null and after is not null))::int as changed from (${changed}) c`.execute(
      db,
    ),
    sql<DiffRow>`
      select c.key, b.json as before, a.json as after from (${changed}) c
        left join entries b on b.hash = c.before left join entries a on a.hash = c.after
       where c.key > ${after} order by c.key limit ${limit + 1}`.execute(db),
  ]);
  return { counts: counts.rows[0] ?? { added: 0, removed: 0, changed: 0 }, rows: page.rows };
}

function toEntryChange(row: DiffRow): z.input<typeof entryChange> {
  const [before, after] = [parseJson(row.before) ?? null, parseJson(row.after) ?? null];
  const isChange = before !== null && after !== null;
  return {
    key: row.key,
    change: isChange ? 'changed' : before === null ? 'added' : 'removed',
    before,
    after,
    fields: isChange ? diffFields(before, after, fieldsMax).changes : [],
  };
}
