// Says what a role that runs the projector may do, table by table, and grants it: it can append to the history, and
// neither change nor delete anything of it. Whoever has such a role's password cannot rewrite what happened.
import { Client } from 'pg';
import { fail, messageOf } from '#libs/runtime/errors.ts';

/** Rights of a role that only writes; a table that is not here is a fault, which a test finds. */
export const writerRights: Readonly<Record<string, string>> = {
  // The history, its log, and texts about people: appended to, and nothing else.
  events: 'select, insert',
  log_tiles: 'select, insert',
  private_texts: 'select, insert',
  // How events are found.
  event_index: 'select, insert',
  event_facts: 'select, insert',
  event_names: 'select, insert',
  object_mentions: 'select, insert, update',
  // What follows from the history and is only added to.
  entries: 'select, insert',
  snapshots: 'select, insert',
  snapshot_changes: 'select, insert',
  // What is known now.
  projector: 'select, update',
  projectors: 'select, insert, update, delete',
  objects: 'select, insert, update, delete',
  endpoint_slices: 'select, insert, update, delete',
  gateways: 'select, insert, update',
  statuses: 'select, insert, update, delete',
  discovery: 'select, insert, update',
  agents: 'select, insert, update, delete',
  clusters: 'select, insert, update',
  // What left the database, which its owner writes.
  archives: 'select',
  archived_versions: 'select',
  // Notes of others, which it takes.
  deeds: 'select, insert, delete',
  departed_nodes: 'select, delete',
  nodes: 'select',
  node_gateways: 'select',
  version_applications: '',
  tokens: '',
  // What was migrated, to see whether its schema is this one.
  kysely_migration: 'select',
  kysely_migration_lock: 'select',
};

const roleName = /^[a-z_][a-z0-9_$]{0,62}$/;

/**
 * Takes every right in the schema from an existing role and gives it those of a writer, all or nothing. Throws
 * FleetgateError 'config' for a name that is none, and 'grant-refused'.
 */
export async function grantWriter(url: string, role: string): Promise<void> {
  if (!roleName.test(role))
    throw fail('config', `--grant-writer ${role} is no name of a role: lower-case letters, digits and underscores`);
  const client = new Client({ connectionString: url, application_name: 'fleetgate migrate' });
  try {
    await client.connect();
    await client.query('begin');
    await client.query(`revoke all on all tables in schema public from ${role}`);
    await client.query(`revoke create on schema public from ${role}`);
    await client.query(`grant usage on schema public to ${role}`);
    for (const [table, rights] of Object.entries(writerRights))
      if (rights !== '') await client.query(`grant ${rights} on public.${table} to ${role}`);
    await refuseStrongRole(client, role);
    await client.query('commit');
  } catch (error) {
    throw fail('grant-refused', messageOf(error), { cause: error });
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** Grants mean nothing to who owns the tables, or is a superuser. */
async function refuseStrongRole(client: Client, role: string): Promise<void> {
  const { rows } = await client.query<{ why: string }>(
    `select 'it is a superuser' as why from pg_roles where rolname = $1 and rolsuper
      union all
     select 'it owns or may act as the owner of ' || c.relname
       from pg_class c where c.relnamespace = 'public'::regnamespace and c.relname in ('events', 'log_tiles')
        and pg_has_role($1, c.relowner, 'member')`,
    [role],
  );
  const [strong] = rows;
  if (strong !== undefined) throw new Error(`${role} can do more than it is granted: ${strong.why}`);
}
