// Gives the tokens of agents that provide data planes a role of their own.
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`alter table tokens drop constraint tokens_role_check`.execute(db);
  await sql`alter table tokens add constraint tokens_role_check
    check (role in ('viewer', 'operator', 'admin', 'node', 'provisioner'))`.execute(db);
}
