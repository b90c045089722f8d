// Finds the last rollback of a gateway before any version at once.
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`create index snapshots_rollback on snapshots (gateway, version) where cause = 'rollback'`.execute(db);
}
