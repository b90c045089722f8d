// Reads the versions of a gateway and their entries.
import { type Kysely, sql } from 'kysely';
import type { z } from 'zod';
import type { snapshotSummary } from '#libs/api/models/snapshot.ts';
import type { Database, Row } from '#libs/runtime/postgres/database.ts';

interface SnapshotRow extends Omit<Row<'snapshots'>, 'gateway'> {
  readonly changes: number;
  readonly approver: string | null;
  readonly serving: boolean;
  readonly head: boolean;
}

const versionMax = 2_147_483_647;

/** Reads versions below `before` (NaN = all), newest first; one more than the limit when there is more. */
export async function readSnapshots(
  db: Kysely<Database>,
  gateway: string,
  before: number,
  limit: number,
): Promise<readonly SnapshotRow[]> {
  const below = Number.isSafeInteger(before) && before <= versionMax ? before : versionMax;
  const { rows } = await sql<SnapshotRow>`
    select s.version, s.digest, s.entries, s.cause, s.of_version, s.seq, s.at, s.actor, s.reason,
           (select e.manager from events e where e.seq = s.seq and e.type = 'approved') as approver,
           s.version = g.serving as serving, s.version = g.head as head,
           (select count(*)::int from snapshot_changes c
             where c.gateway = s.gateway and c.version = s.version) as changes
      from snapshots s join gateways g on g.gateway = s.gateway
     where s.gateway = ${gateway} and s.version < ${below} order by s.version desc limit ${limit + 1}`.execute(db);
  return rows;
}

/** Makes of a row what lists show of a version. */
export function toSnapshot({ of_version, at, ...row }: SnapshotRow): z.input<typeof snapshotSummary> {
  return { ...row, ofVersion: of_version, at: at.toISOString() };
}

/** Reads the entries of a version after a key, in the order of keys; one more than the limit when there is more. */
export async function readEntries(
  db: Kysely<Database>,
  gateway: string,
  version: number,
  after: string,
  limit: number,
): Promise<readonly { readonly key: string; readonly hash: string; readonly json: string }[]> {
  // Steps from key to key along the index: the cost is that of the keys, however many versions have changed them.
  const { rows } = await sql<{ key: string; hash: string; json: string }>`
    with recursive keys as (
      (select key from snapshot_changes where gateway = ${gateway} and key > ${after} order by key limit 1)
      union all
      select n.key from keys k, lateral (
        select c.key from snapshot_changes c where c.gateway = ${gateway} and c.key > k.key order by c.key limit 1) n)
    select k.key, newest.hash, e.json
      from keys k
     cross join lateral (
       select c.hash from snapshot_changes c
        where c.gateway = ${gateway} and c.key = k.key and c.version <= ${version}
        order by c.version desc limit 1) newest
     cross join lateral (select json from entries where hash = newest.hash) e limit ${limit + 1}`.execute(db);
  return rows;
}
