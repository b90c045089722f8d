// Notes what was done to the fleet itself, to its tokens, its schema and its keys, until the projector has appended it
// to the history.
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`create table deeds (
    id text primary key,
    noted_at timestamptz not null default clock_timestamp(),
    data text not null
  )`.execute(db);
}
