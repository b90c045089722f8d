// Notes why nodes left, until the projector has made events of it.
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table departed_nodes (
      id text primary key,
      node text not null,
      cause text not null check (cause in ('goodbye', 'removed', 'silent')),
      reason text not null,
      actor text,
      role text,
      last_seen timestamptz not null,
      at timestamptz not null
    )`.execute(db);
}
