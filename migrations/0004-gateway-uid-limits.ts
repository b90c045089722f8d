// Lets a gateway begin anew when its object is another one, and shows which sanity limits hold for it. The projector
// writes both with the gateway's next change.
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`alter table gateways add column uid text, add column limits jsonb`.execute(db);
}
