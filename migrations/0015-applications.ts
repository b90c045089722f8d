// Keeps when nodes applied each version, where node_gateways only has the newest of each node; and finds the versions
// that an event made, and the rollbacks of a gateway, at once.
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`create table version_applications (
    gateway text not null,
    version integer not null,
    first_at timestamptz,
    last_at timestamptz,
    nodes integer not null default 0,
    refused_at timestamptz,
    refusals integer not null default 0,
    refused_reasons jsonb,
    primary key (gateway, version)
  )`.execute(db);
  await sql`create index snapshots_seq on snapshots (seq)`.execute(db);
  await sql`create index snapshots_rollback on snapshots (gateway, version) where cause = 'rollback'`.execute(db);
}
