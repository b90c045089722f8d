// Reads from Postgres for the hub. What a commit changed comes in one round trip; a version never changes, so reads of
// versions need no transaction.
import type pg from 'pg';
import { z } from 'zod';
import type { Held } from '#libs/protocol/messages.ts';
import type { Labels } from '#libs/snapshot/gateway-glob.ts';
import type { Row } from '#libs/runtime/postgres/database.ts';
import type { EntryRow } from './served-gateway.ts';

/** Says of a gateway what the hub needs; held null = no version yet. */
export interface HeadRow {
  readonly gateway: string;
  readonly held: Held | null;
  readonly deleted: boolean;
  /** Of the Gateway object. */
  readonly labels: Labels;
  /** What the serving version changed, where it is the newest; of use to who had the version before. */
  readonly rows: readonly EntryRow[];
}

/** `item` is the JSON of the item; null = gone. */
export type DiscoveryRow = Pick<Row<'discovery'>, 'key' | 'hash' | 'item'>;

export interface FleetRows {
  /** Number of the newest commit that the rows include. */
  readonly commit: bigint;
  readonly heads: readonly HeadRow[];
  readonly discovery: readonly DiscoveryRow[];
}

/** Makes Postgres use indexes always: each read is for few rows of large tables, which a prepared plan cannot know. */
export const readerSettings = [
  'plan_cache_mode = force_generic_plan',
  'enable_seqscan = off',
  'enable_hashjoin = off',
  'enable_mergejoin = off',
  'jit = off',
]
  .map((setting) => `set ${setting}`)
  .join('; ');

const changedText = `
  select 'commit' as part, null as id, p.commit::text as commit, null::int as version, null as digest,
         false as deleted, null::jsonb as labels, null as key, null as hash, null as json
    from projector p
  union all
  select 'gateway', g.gateway, null, g.serving,
         (select s.digest from snapshots s where s.gateway = g.gateway and s.version = g.serving),
         g.deleted, g.labels, c.key, c.hash, c.json
    from gateways g
    left join lateral (
      select c.key, c.hash, (select e.json from entries e where e.hash = c.hash) as json
        from snapshot_changes c
       where c.gateway = g.gateway and c.version = g.serving and g.head = g.serving and $2
       limit 1000000) c on true
   where g.commit > $1
  union all
  select 'discovery', d.key, null, null, null, false, null, d.key, d.hash, d.item from discovery d where d.commit > $1`;

const changedRow = z.discriminatedUnion('part', [
  z.object({ part: z.literal('commit'), commit: z.string() }),
  z.object({
    part: z.literal('gateway'),
    id: z.string(),
    version: z.int(),
    digest: z.string().nullable(),
    deleted: z.boolean(),
    labels: z.record(z.string(), z.string()),
    key: z.string().nullable(),
    hash: z.string().nullable(),
    json: z.string().nullable(),
  }),
  z.object({ part: z.literal('discovery'), id: z.string(), hash: z.string(), json: z.string().nullable() }),
]);

/** Reads gateways and discovery that changed after the commit; `changes` = with what the serving versions changed. */
export async function readChanged(
  client: pg.ClientBase,
  after: bigint,
  changes: 'changes' | 'heads',
): Promise<FleetRows> {
  const result = await client.query({
    name: 'hub_changed',
    text: changedText,
    values: [after.toString(), changes === 'changes'],
  });
  return parseChanged(result.rows);
}

/** Reads the content of a version. */
export async function readContent(pool: pg.Pool, { gateway, version }: Held): Promise<readonly EntryRow[]> {
  const result = await pool.query<EntryRow>({
    name: 'hub_content',
    text: `select c.key, c.hash, e.json
             from (select distinct on (key) key, hash from snapshot_changes
                    where gateway = $1 and version <= $2 order by key, version desc) c
             join entries e on e.hash = c.hash`,
    values: [gateway, version],
  });
  return result.rows;
}

/** Reads what differs between two versions, as the newer one has it. */
export async function readRange(pool: pg.Pool, from: Held, to: Held): Promise<readonly EntryRow[]> {
  const result = await pool.query<EntryRow>({
    name: 'hub_range',
    text: `select c.key, c.hash, e.json
             from (select distinct on (key) key, hash from snapshot_changes
                    where gateway = $1 and version > $2 and version <= $3 order by key, version desc) c
             left join entries e on e.hash = c.hash`,
    values: [from.gateway, from.version, to.version],
  });
  return result.rows;
}

/** Reads the keys that changed since a version; undefined where the history has no such version. */
export async function readKeysSince(pool: pg.Pool, base: Held, to: Held): Promise<readonly string[] | undefined> {
  const result = await pool.query<{ key: string | null }>({
    name: 'hub_keys_since',
    text: `select distinct c.key from snapshots s
             left join snapshot_changes c on c.gateway = s.gateway and c.version > s.version and c.version <= $4
            where s.gateway = $1 and s.version = $2 and s.digest = $3 and s.version < $4`,
    values: [base.gateway, base.version, base.digest, to.version],
  });
  if (result.rows.length === 0) return undefined;
  return result.rows.flatMap(({ key }) => (key === null ? [] : [key]));
}

function parseChanged(rows: readonly unknown[]): FleetRows {
  let commit = 0n;
  const heads = new Map<string, HeadRow & { readonly rows: EntryRow[] }>();
  const discovery: DiscoveryRow[] = [];
  for (const row of rows.map((row) => changedRow.parse(row))) {
    if (row.part === 'commit') commit = BigInt(row.commit);
    else if (row.part === 'discovery') discovery.push({ key: row.id, hash: row.hash, item: row.json });
    else {
      let head = heads.get(row.id);
      if (head === undefined) {
        const held = row.digest === null ? null : { gateway: row.id, version: row.version, digest: row.digest };
        head = { gateway: row.id, held, deleted: row.deleted, labels: row.labels, rows: [] };
        heads.set(row.id, head);
      }
      if (row.key !== null) head.rows.push({ key: row.key, hash: row.hash, json: row.json });
    }
  }
  return { commit, heads: [...heads.values()], discovery };
}
