// Makes the history a log that shows when it was changed: each event has the hash of its leaf in a Merkle tree, the
// tiles of the tree are stored, and the size and root stand beside the checkpoint. From here on Postgres refuses to
// change what is only appended to, also to who owns it.
import { type Kysely, sql } from 'kysely';
import { leafOfEvent } from '#libs/events/event-leaf.ts';
import { type LoggedRow, loggedColumns, toLoggedEvent } from '#libs/runtime/postgres/logged-events.ts';
import { type FullTile, emptyFrontier, extendFrontier, rootOf } from '#libs/tlog/frontier.ts';
import { hashLeaf, hashNothing } from '#libs/tlog/tree-hash.ts';
import { progress } from './progress.ts';

const pageRows = 5000;
const tellEvery = 100_000;

const statements = [
  `alter table events add column leaf bytea`,
  // Hashes do not get smaller.
  `create table log_tiles (
     level int not null,
     index bigint not null,
     hashes bytea not null,
     primary key (level, index))`,
  `alter table log_tiles alter column hashes set storage external`,
  `alter table projector add column log_size bigint not null default 0, add column log_root bytea`,
];

// Statement triggers are of one table: each partition of a partitioned one needs `keep_as_written` for itself. To drop
// a table or a partition is no change of rows: only its owner can, and no trigger holds that up.
const guards = [
  `create function refuse_change() returns trigger language plpgsql as $$
   begin
     raise exception 'the table % keeps what was written: % is refused', tg_table_name, lower(tg_op)
       using errcode = 'insufficient_privilege',
             hint = 'The history is evidence. docs/evidence.md says how people are erased and old events archived.';
   end $$`,
  `create function keep_as_written(kept regclass, refused text default 'update or delete or truncate') returns void
   language plpgsql as $$
   begin
     execute format(
       'create trigger keep_as_written before %s on %s for each statement execute function refuse_change()',
       refused, kept);
   end $$`,
  `select keep_as_written('events')`,
  `select keep_as_written('log_tiles')`,
  // A person is erased by deleting the text.
  `select keep_as_written('private_texts', 'update or truncate')`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
  await addLeaves(db);
  await sql`alter table events alter column leaf set not null`.execute(db);
  await sql`alter table projector alter column log_root set not null`.execute(db);
  for (const statement of guards) await sql.raw(statement).execute(db);
}

/** Computes the log of the events that there are, page by page. */
async function addLeaves(db: Kysely<unknown>): Promise<void> {
  const { rows: ends } = await sql<{ last: string }>`select coalesce(max(seq), 0) as last from events`.execute(db);
  const last = Number(ends[0]?.last ?? 0);
  let frontier = emptyFrontier;
  while (frontier.size < last) {
    const from = frontier.size;
    const to = Math.min(from + pageRows, last);
    const leaves = await readLeaves(db, from, to);
    const grown = extendFrontier(frontier, leaves);
    frontier = grown.frontier;
    await sql`
      update events e set leaf = r.leaf
        from unnest(${leaves.map((_, index) => from + index + 1)}::bigint[], ${leaves}::bytea[]) as r(seq, leaf)
       where e.seq = r.seq`.execute(db);
    await insertTiles(db, grown.tiles);
    if (Math.floor(from / tellEvery) < Math.floor(to / tellEvery) || to === last)
      progress.getStore()?.info({ events: to, of: last }, 'events are entered into the log');
  }
  await sql`update projector set log_size = ${frontier.size}, log_root = ${rootOf(frontier)}`.execute(db);
}

/** Gives the hashes of the leaves after `from`. What a number stands for that no event has is no leaf of any event. */
async function readLeaves(db: Kysely<unknown>, from: number, to: number): Promise<readonly Uint8Array[]> {
  const { rows } = await sql<LoggedRow>`
    select ${sql.raw(loggedColumns)} from events where seq > ${from} and seq <= ${to}`.execute(db);
  const bySeq = new Map(rows.map((row) => [Number(row.seq), row]));
  return Array.from({ length: to - from }, (_, index) => {
    const row = bySeq.get(from + index + 1);
    return row === undefined ? hashNothing() : hashLeaf(leafOfEvent(toLoggedEvent(row)));
  });
}

async function insertTiles(db: Kysely<unknown>, tiles: readonly FullTile[]): Promise<void> {
  if (tiles.length === 0) return;
  await sql`
    insert into log_tiles (level, index, hashes)
    select * from unnest(${tiles.map(({ level }) => level)}::int[], ${tiles.map(({ index }) => index)}::bigint[],
                         ${tiles.map(({ hashes }) => hashes)}::bytea[])`.execute(db);
}
