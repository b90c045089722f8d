// Erases a text about a person: its row is deleted, so that nothing leads from the ids in the history to it any more,
// and a deed says that it was done. Events stay as they are. What the projector has not taken into the history yet must
// be taken first, else the text would come back with it.
import { randomUUID } from 'node:crypto';
import { type Kysely, sql } from 'kysely';
import type { z } from 'zod';
import { Problem } from '#libs/api/problem.ts';
import type { erasure } from '#libs/api/models/person.ts';
import { erasedName, personalTextsOf, privateIdPrefixOf } from '#libs/events/private-text.ts';
import { parseDeedEvent } from '#libs/events/parse-deed-event.ts';
import type { Database } from '#libs/runtime/postgres/database.ts';
import { type Doer, noteDeeds } from '#libs/runtime/postgres/deeds.ts';

type Erasure = z.input<typeof erasure>;
interface Found {
  readonly id: string;
  readonly text: string;
}

/** Says what would be erased. It looks at every command, deed and other event that may name people. */
export async function findPerson(db: Kysely<Database>, person: string): Promise<Erasure | Problem> {
  const found = await findTexts(db, person);
  const isPlain = privateIdPrefixOf(person) === undefined;
  const names = isPlain ? [person] : found.map(({ text }) => text);
  const { revokedTokens, activeTokens } = await countTokens(db, names);
  if (found.length + revokedTokens + activeTokens === 0)
    return new Problem('not-found', 'the history has no such text about a person', 'The whole text must be given.');
  return db.transaction().execute(async (transaction) => {
    // A long history takes longer than other requests may.
    await sql`set local statement_timeout = '5min'`.execute(transaction);
    const texts = [];
    for (const { id } of found) texts.push({ shownAs: erasedName(id), events: await countEvents(transaction, id) });
    const inReasons = isPlain ? await countReasons(transaction, person) : null;
    return { erased: false, texts, inReasons, revokedTokens, activeTokens };
  });
}

/** Erases, and notes it for the history. */
export async function erasePerson(
  db: Kysely<Database>,
  person: string,
  { by, at }: { readonly by: Doer; readonly at: Date },
): Promise<Erasure | Problem> {
  const about = await findPerson(db, person);
  if (about instanceof Problem) return about;
  return db.transaction().execute(async (transaction) => {
    const found = await findTexts(transaction, person);
    const waiting = await countWaiting(transaction, found);
    if (waiting > 0)
      return new Problem(
        'conflict',
        `${waiting} notes name this person that are not in the history yet`,
        'The leading projector takes them within a second; check that one leads, and try again.',
      );
    const ids = found.map(({ id }) => id);
    if (ids.length > 0) await transaction.deleteFrom('private_texts').where('id', 'in', ids).execute();
    await renameTokens(transaction, found, person);
    const deeds = about.texts.map(({ shownAs, events }) => {
      const id = ids.find((one) => erasedName(one) === shownAs) ?? '';
      const reason = `erased a text about a person that stands in ${events === 1 ? '1 event' : `${events} events`}`;
      const what = { v: 1, type: 'person-erased', id: `person-erased:${randomUUID()}`, at: at.toISOString() } as const;
      return { ...what, ...by, subject: id, reason };
    });
    await noteDeeds(transaction, deeds);
    return { ...about, erased: true };
  });
}

async function findTexts(db: Kysely<Database>, person: string): Promise<readonly Found[]> {
  const prefix = privateIdPrefixOf(person);
  const is = prefix === undefined ? sql<boolean>`text = ${person}` : sql<boolean>`starts_with(id, ${prefix})`;
  return db.selectFrom('private_texts').select(['id', 'text']).where(is).orderBy('id').execute();
}

/** Nothing about people is in changes, which are most of the history: the narrow rows say which events are others. */
const mayName = sql<boolean>`seq in (
  select i.seq from event_index i where i.type not in (word_code('applied'), word_code('deleted')))`;

async function countEvents(db: Kysely<Database>, id: string): Promise<number> {
  const { rows } = await sql<{ events: number }>`
    select count(*)::int as events from events where ${mayName} and strpos(data, ${id}) > 0`.execute(db);
  return rows[0]?.events ?? 0;
}

async function countReasons(db: Kysely<Database>, text: string): Promise<number> {
  const { rows } = await sql<{ events: number }>`
    select count(*)::int as events from events where ${mayName} and strpos(data, ${jsonOf(text)}) > 0`.execute(db);
  return rows[0]?.events ?? 0;
}

async function countTokens(
  db: Kysely<Database>,
  names: readonly string[],
): Promise<Pick<Erasure, 'revokedTokens' | 'activeTokens'>> {
  const { rows } = await sql<{ revoked: number; active: number }>`
    select count(revoked_at)::int as revoked, (count(*) - count(revoked_at))::int as active
      from tokens where name = any(${names}::text[])`.execute(db);
  return { revokedTokens: rows[0]?.revoked ?? 0, activeTokens: rows[0]?.active ?? 0 };
}

/** Counts the notes that would bring a text back. */
async function countWaiting(db: Kysely<Database>, found: readonly Found[]): Promise<number> {
  let waiting = 0;
  for (const { text } of found) {
    const { rows: notes } = await sql<{ data: string }>`
      select data from deeds where strpos(data, ${jsonOf(text)}) > 0`.execute(db);
    waiting += notes.filter(({ data }) => names(data, text)).length;
    const { rows: left } = await sql<{ nodes: number }>`
      select count(*)::int as nodes from departed_nodes where actor = ${text}`.execute(db);
    waiting += left[0]?.nodes ?? 0;
  }
  return waiting;
}

function names(note: string, text: string): boolean {
  const parsed = parseDeedEvent(JSON.parse(note));
  return parsed.ok && personalTextsOf([parsed.value]).includes(text);
}

/** A token that still works keeps its name: what is done with it must have one. */
async function renameTokens(db: Kysely<Database>, found: readonly Found[], person: string): Promise<void> {
  const renamed = found.length > 0 ? found : [{ id: '', text: person }];
  for (const { id, text } of renamed) {
    const name = id === '' ? 'erased' : erasedName(id);
    await db.updateTable('tokens').set({ name }).where('name', '=', text).where('revoked_at', 'is not', null).execute();
  }
}

/** Writes a text as it stands within JSON. */
function jsonOf(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}
