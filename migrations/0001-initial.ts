// Makes the first schema: the history, what is known now, versioned snapshots, discovery, nodes, tokens. Only the
// projector writes the tables above the line; each of its transactions has a commit number, stamped on every row that
// it changed.
import { type Kysely, sql } from 'kysely';

const statements = [
  // The fence: one row; a projector that takes over raises the epoch, and every transaction checks it. `commit`
  // numbers transactions.
  `create table projector (
     id int primary key check (id = 1),
     epoch bigint not null,
     commit bigint not null,
     stream_created text,
     stream_seq bigint not null)`,
  `insert into projector values (1, 0, 0, null, 0)`,

  `create table clusters (
     name text primary key,
     uid text not null unique,
     first_seen timestamptz not null)`,

  // The history. Never updated, never deleted. batch = seq of the last event of its transaction: what was folded
  // together.
  `create table events (
     seq bigint primary key,
     batch bigint not null,
     id text not null unique,
     type text not null,
     cluster text not null,
     kind text not null,
     namespace text not null,
     name text not null,
     uid text not null,
     manager text,
     operation text,
     at timestamptz not null,
     recorded_at timestamptz not null default clock_timestamp(),
     data text not null)`,
  `create index events_object on events (cluster, kind, namespace, name, seq)`,

  // Folded from the history: the objects that exist.
  `create table objects (
     cluster text not null,
     kind text not null,
     namespace text not null,
     name text not null,
     uid text not null,
     hash text not null,
     seq bigint not null,
     manager text,
     operation text,
     at timestamptz not null,
     data text not null,
     primary key (cluster, kind, namespace, name))`,
  // Not in the history, newest only: EndpointSlices as they came.
  `create table endpoint_slices (
     cluster text not null,
     namespace text not null,
     name text not null,
     uid text not null,
     hash text not null,
     resource_version text not null,
     data text not null,
     primary key (cluster, namespace, name))`,

  `create table gateways (
     gateway text primary key,
     cluster text not null,
     namespace text not null,
     name text not null,
     head int not null,
     serving int not null,
     pinned boolean not null,
     deleted boolean not null,
     alarm text,
     commit bigint not null)`,
  `create index gateways_commit on gateways (commit)`,
  `create table snapshots (
     gateway text not null,
     version int not null,
     digest text not null,
     entries int not null,
     cause text not null,
     of_version int,
     seq bigint not null,
     at timestamptz not null,
     actor text,
     reason text,
     primary key (gateway, version))`,
  // The rows that differ from the version before; hash null = removed.
  `create table snapshot_changes (
     gateway text not null,
     version int not null,
     key text not null,
     hash text,
     primary key (gateway, key, version))`,
  `create index snapshot_changes_version on snapshot_changes (gateway, version)`,
  `create table entries (hash text primary key, json text not null)`,

  // Computed for the agents and the API; no times in it.
  `create table statuses (
     cluster text not null,
     kind text not null,
     namespace text not null,
     name text not null,
     uid text not null,
     status jsonb not null,
     primary key (cluster, kind, namespace, name))`,

  `create table discovery (
     key text primary key,
     cluster text not null,
     hash text not null,
     item text,
     commit bigint not null)`,
  `create index discovery_commit on discovery (commit)`,

  // ---- written by control
  `create table nodes (
     node text primary key,
     version text not null,
     labels jsonb not null,
     serves jsonb not null,
     addresses jsonb not null,
     replica text not null,
     connected boolean not null,
     envoy text not null,
     first_seen timestamptz not null,
     last_seen timestamptz not null)`,
  `create table node_gateways (
     node text not null references nodes on delete cascade,
     gateway text not null,
     version int not null,
     digest text not null,
     applied_at timestamptz not null,
     took_ms real not null,
     rejected_version int,
     rejected_reasons jsonb,
     rejected_at timestamptz,
     primary key (node, gateway))`,
  `create table tokens (
     id text primary key,
     name text not null,
     role text not null check (role in ('viewer', 'operator', 'admin', 'node')),
     sha256 text not null unique,
     created_at timestamptz not null,
     revoked_at timestamptz)`,
  `create table agents (
     cluster text primary key,
     version text not null,
     source text not null,
     synced boolean not null,
     objects int not null,
     problems jsonb not null,
     last_seen timestamptz not null)`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}
