// Lets nodes choose gateways by the labels of the Gateway objects. The projector writes those of gateways that are
// there with its next commit.
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`alter table gateways add column labels jsonb not null default '{}'`.execute(db);
}
