// Finds the place in the history that a time, an event or a version of a gateway names: the end of a transaction, since
// nobody ever saw the middle of one.
import { type Kysely, sql } from 'kysely';
import type { Database } from '#libs/runtime/postgres/database.ts';

/** A place in the history. */
export interface Moment {
  /** The last event that had been recorded; 0 = none. */
  readonly seq: string;
  readonly recordedAt: Date | null;
}

const none: Moment = { seq: '0', recordedAt: null };

/** Finds the place; undefined = the history has no such event or version. */
export async function findMoment(db: Kysely<Database>, at: string): Promise<Moment | undefined> {
  if (at.startsWith('#')) return endOf(db, sql`select batch from events where seq = ${at.slice(1)}`);
  const [gateway = '', version] = at.split('@');
  if (version !== undefined)
    return endOf(db, sql`select seq from snapshots where gateway = ${gateway} and version = ${Number(version)}`);
  return momentOf(db, new Date(at));
}

/** Reads the event with the number that a query gives. */
async function endOf(db: Kysely<Database>, seq: ReturnType<typeof sql>): Promise<Moment | undefined> {
  const { rows } = await sql<{ seq: string; recorded_at: Date }>`
    select seq, recorded_at from events where seq = (${seq})`.execute(db);
  const [row] = rows;
  return row && { seq: row.seq, recordedAt: row.recorded_at };
}

/**
 * Halves the history by its numbers, since times of recording only grow with them. (Where a clock was put back, it is
 * one of the places between an earlier and a later event.)
 */
async function momentOf(db: Kysely<Database>, time: Date): Promise<Moment> {
  const { rows } = await sql<{ seq: string; recorded_at: Date }>`
    with recursive step(low, high) as (
      select 0::bigint, coalesce((select max(seq) from events), 0)
      union all
      select case when p.seq is null or p.recorded_at <= ${time} then s.middle else s.low end,
             case when p.seq is null or p.recorded_at <= ${time} then s.high else p.seq - 1 end
        from (select low, high, low + (high - low + 1) / 2 as middle from step where low < high) s
        left join lateral (
          select e.seq, e.recorded_at from events e
           where e.seq > s.low and e.seq <= s.middle order by e.seq desc limit 1) p on true)
    select e.seq, e.recorded_at from step s, lateral (
      select seq, recorded_at from events where seq <= s.low order by seq desc limit 1) e
     where s.low >= s.high`.execute(db);
  const [row] = rows;
  return row === undefined ? none : { seq: row.seq, recordedAt: row.recorded_at };
}

/** Gives the last event up to which events are in an archive, and where that is; undefined = none is. */
export async function readArchivedUntil(
  db: Kysely<Database>,
): Promise<{ readonly last: string; readonly place: string } | undefined> {
  const { rows } = await sql<{ last: string; place: string }>`
    select last, place from archives order by first desc limit 1`.execute(db);
  return rows[0];
}
