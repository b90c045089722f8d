// Reads what differs between two versions of a gateway.
import { type Kysely, sql } from 'kysely';
import type { z } from 'zod';
import { parseJson } from '#libs/gateway/fields/parse-json.ts';
import type { entryChange } from '#libs/api/models/snapshot-diff.ts';
import type { Database } from '#libs/runtime/postgres/database.ts';
import { diffFields } from './field-diff.ts';

const fieldsMax = 100;

interface DiffCounts {
  readonly added: number;
  readonly removed: number;
  readonly changed: number;
}

interface DiffRow {
  readonly key: string;
  readonly before: string | null;
  readonly after: string | null;
}

/**
 * Reads what differs between two versions: the counts of all, and the entries after a key; one more than the limit when
 * there is more. Version 0 is empty.
 */
export async function readDiff(
  db: Kysely<Database>,
  gateway: string,
  { from, to }: { readonly from: number; readonly to: number },
  after: string,
  limit: number,
): Promise<{ readonly counts: DiffCounts; readonly rows: readonly DiffRow[] }> {
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
    sql<DiffCounts>`
      select (count(*) filter (where before is null))::int as added,
             (count(*) filter (where after is null))::int as removed,
             (count(*) filter (where before is not null and after is not null))::int as changed
        from (${changed}) c`.execute(db),
    sql<DiffRow>`
      select c.key, b.json as before, a.json as after from (${changed}) c
        left join entries b on b.hash = c.before left join entries a on a.hash = c.after
       where c.key > ${after} order by c.key limit ${limit + 1}`.execute(db),
  ]);
  return { counts: counts.rows[0] ?? { added: 0, removed: 0, changed: 0 }, rows: page.rows };
}

/** Makes of a row what the API shows, field by field where the entry is in both versions. */
export function toEntryChange(row: DiffRow): z.input<typeof entryChange> {
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
