// Takes nodes out of the fleet: each leaves a row that the projector makes an event of. What has a row in `nodes`
// counts, silent or not.
import { type Kysely, sql } from 'kysely';
import type pg from 'pg';
import type { Database } from '#libs/runtime/postgres/database.ts';
import { silentSince } from '../node-silence.ts';

const leave = `
  told as (
    insert into departed_nodes (id, node, cause, reason, actor, role, last_seen, at)
    select gen_random_uuid()::text, node, cause, reason, actor, role, last_seen, clock_timestamp() from gone
    returning id)
  select node, (select count(*) from told), pg_notify('fleetgate_nodes', node) from gone`;

/** Takes nodes of this replica out that said goodbye. */
export async function dismissNodes(pool: pg.Pool, replica: string, nodes: readonly string[]): Promise<void> {
  await pool.query({
    name: 'hub_dismiss_nodes',
    text: `with gone as (
             delete from nodes where node = any($1) and replica = $2
             returning node, last_seen, 'goodbye' as cause, 'it stopped, together with its Envoy' as reason,
                       null::text as actor, null::text as role), ${leave}`,
    values: [nodes, replica],
  });
}

/** Takes nodes out that have been silent for so long, and names them. */
export async function forgetSilentNodes(pool: pg.Pool, afterMs: number): Promise<readonly string[]> {
  const { rows } = await pool.query<{ node: string }>({
    name: 'hub_forget_silent_nodes',
    text: `with gone as (
             delete from nodes where not connected and last_seen < now() - $1::float8 * interval '1 millisecond'
             returning node, last_seen, 'silent' as cause, 'it was not heard of for ' || $2 as reason,
                       null::text as actor, null::text as role), ${leave}`,
    values: [afterMs, durationText(afterMs)],
  });
  return rows.map(({ node }) => node);
}

/** Takes a node out because a person says so; one that is connected stays. */
export async function removeNode(
  db: Kysely<Database>,
  node: string,
  by: { readonly actor: string; readonly role: string; readonly reason: string },
): Promise<'removed' | 'connected' | 'none'> {
  const { rows } = await sql<{ node: string }>`
    with gone as (
      delete from nodes where node = ${node} and not (connected and last_seen > ${silentSince})
      returning node, last_seen, 'removed' as cause, ${by.reason}::text as reason, ${by.actor}::text as actor,
                ${by.role}::text as role), ${sql.raw(leave)}`.execute(db);
  if (rows.length > 0) return 'removed';
  const there = await db.selectFrom('nodes').select('node').where('node', '=', node).executeTakeFirst();
  return there === undefined ? 'none' : 'connected';
}

/** Writes a duration in the largest unit that divides it. */
function durationText(ms: number): string {
  const units = [
    [86_400_000, 'd'],
    [3_600_000, 'h'],
    [60_000, 'min'],
    [1000, 's'],
  ] as const;
  const [size, unit] = units.find(([size]) => ms >= size && ms % size === 0) ?? [1, 'ms'];
  return `${ms / size} ${unit}`;
}
