// Finds the commands that were requested, so that those which wait to be confirmed are listed at no greater cost in a
// longer history.
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`create index events_requested on events (seq) where type = 'requested'`.execute(db);
}
