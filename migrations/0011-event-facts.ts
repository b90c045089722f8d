// Finds from a change what was told of it later, who asked for it and which tool claims it, and the changes of a user
// or a tool.
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  // The last of a change and type is what holds. `names`: JSON of the rows of event_names that wait for the change.
  await sql`create table event_facts (
    change_id text not null,
    type text not null,
    rank smallint not null,
    seq bigint not null,
    names text,
    primary key (change_id, type, rank, seq)
  )`.execute(db);
  await sql`create index event_facts_waiting on event_facts (change_id) where names is not null`.execute(db);
  // By `seq` of the change, so that a page of changes is read in the order of the history.
  await sql`create table event_names (
    what text not null check (what in ('by', 'tool')),
    name text not null,
    seq bigint not null,
    primary key (what, name, seq)
  )`.execute(db);
}
