// Notes deeds for the history. A note lies in Postgres beside what it is about, and is written with it; the projector,
// who alone writes the history, takes it from there. So nothing is done without being noted, also without NATS.
import { hostname, userInfo } from 'node:os';
import type { Kysely } from 'kysely';
import { Client, type ClientBase } from 'pg';
import { type DeedEvent, deedKinds } from '#libs/events/deed-event.ts';
import { parseDeedEvent } from '#libs/events/parse-deed-event.ts';
import type { Database } from './database.ts';

/** Who does something, and where from. */
export interface Doer {
  readonly actor: DeedEvent['actor'];
  readonly from: string;
  /** Why, as they say. */
  readonly why?: string;
}

/** Notes what was done; a deed that is noted already stays as it is. */
export async function noteDeeds(db: Kysely<Database>, deeds: readonly DeedEvent[]): Promise<void> {
  if (deeds.length === 0) return;
  await db
    .insertInto('deeds')
    .values(deeds.map((deed) => ({ id: deed.id, data: JSON.stringify(deed) })))
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

/** Reads the newest deed of these types in the history, about one subject where one is given; undefined = none. */
export async function readLastDeed(
  db: Kysely<Database>,
  types: readonly [DeedEvent['type'], ...DeedEvent['type'][]],
  subject?: string,
): Promise<DeedEvent | undefined> {
  const row = await db
    .selectFrom('events')
    .select('data')
    .where('cluster', '=', '')
    .where('kind', '=', deedKinds[types[0]])
    .where('namespace', '=', '')
    .where('type', 'in', types)
    .$if(subject !== undefined, (query) => query.where('name', '=', subject ?? ''))
    .orderBy('seq', 'desc')
    .limit(1)
    .executeTakeFirst();
  const parsed = row === undefined ? undefined : parseDeedEvent(JSON.parse(row.data));
  return parsed?.ok === true ? parsed.value : undefined;
}

/** Notes a deed by a connection that there is. */
export async function noteDeedBy(client: ClientBase, deed: DeedEvent): Promise<void> {
  const values = [deed.id, JSON.stringify(deed)];
  await client.query('insert into deeds (id, data) values ($1, $2) on conflict do nothing', values);
}

/** Notes a deed by a connection of its own, for a command that has no other. */
export async function noteDeedAt(url: string, deed: DeedEvent): Promise<void> {
  const client = new Client({ connectionString: url, application_name: 'fleetgate deed' });
  try {
    await client.connect();
    await noteDeedBy(client, deed);
  } finally {
    await client.end();
  }
}

/** Names the person at this machine, who works on the database itself, and says why if they do. */
export function localDoer(why?: string): Doer {
  const from = hostname().slice(0, 253) || 'localhost';
  const doer = { actor: { name: userName(), role: 'database' }, from };
  return why === undefined ? doer : { ...doer, why };
}

function userName(): string {
  try {
    return userInfo().username || `uid ${process.getuid?.() ?? '?'}`;
  } catch {
    // A container may run under a number that has no name.
    return `uid ${process.getuid?.() ?? '?'}`;
  }
}
