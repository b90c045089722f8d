// Lets a cluster be shown by another name than the one that it has in the history, and be removed from the fleet.
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`alter table clusters add column shown text unique, add column removed_at timestamptz`.execute(db);
}
