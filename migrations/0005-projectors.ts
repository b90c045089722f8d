// Lists the projectors with the lease of the one that leads, and remembers when the last message that was read was
// stored, which tells a stream from an older copy of itself.
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`alter table projector add column stream_stored_at text`.execute(db);
  await sql`create table projectors (
    projector text primary key,
    host text not null,
    pid integer not null,
    version text not null,
    phase text not null check (phase in ('standing by', 'loading', 'leading')),
    since timestamptz not null,
    last_seen timestamptz not null,
    epoch bigint,
    backend integer,
    lease_until timestamptz,
    problems jsonb not null default '[]')`.execute(db);
}
