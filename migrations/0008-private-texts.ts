// Keeps texts about people apart from the history: names of tokens and accounts, and addresses. What the history has of
// them becomes an id, in events and in the authors of versions, so that a person can be erased later without changing
// an event. This is the only time that events are changed.
import { randomBytes } from 'node:crypto';
import { type Kysely, sql } from 'kysely';
import { type Conceal, concealStored, privateIdOf, saltBytes, storedPlainTypes } from '#libs/events/private-text.ts';
import { isRecord } from '#libs/gateway/fields/record.ts';
import { progress } from './progress.ts';

interface EventRow {
  readonly seq: string;
  readonly id: string;
  readonly type: string;
  readonly manager: string | null;
  readonly data: string;
}

interface Text {
  readonly id: string;
  readonly salt: Uint8Array;
}

type Texts = ReadonlyMap<string, Text>;

const pageRows = 2000;

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table private_texts (
      id text primary key,
      salt bytea not null,
      text text not null)`.execute(db);
  // A hash takes texts of any length.
  await sql`create index private_texts_text on private_texts using hash (text)`.execute(db);
  const texts = new Map<string, Text>();
  const conceal = (text: string): string => {
    const known = texts.get(text);
    if (known !== undefined) return known.id;
    const salt = randomBytes(saltBytes);
    const id = privateIdOf(salt, text);
    texts.set(text, { id, salt });
    return id;
  };
  await convertEvents(db, texts, conceal);
  await insertTexts(db, [...texts]);
  await convertVersions(db);
}

async function convertEvents(db: Kysely<unknown>, texts: Texts, conceal: Conceal): Promise<void> {
  let [after, count] = ['0', 0];
  for (;;) {
    const { rows } = await sql<EventRow>`
      select seq, id, type, manager, data from events
       where seq > ${after} and type = any(${storedPlainTypes}::text[]) order by seq limit ${pageRows}`.execute(db);
    const last = rows.at(-1);
    if (last === undefined) return;
    const converted = rows.map((row) => convertEvent(row, texts, conceal));
    await sql`
      update events e set id = r.id, manager = r.manager, data = r.data
        from unnest(${rows.map(({ seq }) => seq)}::bigint[], ${converted.map(({ id }) => id)}::text[],
                    ${converted.map(({ manager }) => manager)}::text[],
                    ${converted.map(({ data }) => data)}::text[]) as r(seq, id, manager, data)
       where e.seq = r.seq`.execute(db);
    after = last.seq;
    count += rows.length;
    progress.getStore()?.info({ events: count }, 'texts about people are kept apart from the history');
  }
}

function convertEvent(
  { id, manager, data }: EventRow,
  texts: Texts,
  conceal: Conceal,
): Pick<EventRow, 'id' | 'manager' | 'data'> {
  const json = parseJson(data);
  const stored = concealStored(json, conceal);
  const author = manager === null ? null : conceal(manager);
  // What cannot be read names its author in the column alone.
  if (!isRecord(json) || !isRecord(stored)) return { id, manager: author, data };
  const { outcome } = stored;
  const told =
    isRecord(outcome) && typeof outcome['message'] === 'string'
      ? { outcome: { ...outcome, message: concealMessage(outcome['message'], texts) } }
      : {};
  return {
    id: json['id'] === id && typeof stored['id'] === 'string' ? stored['id'] : id,
    manager: author,
    data: JSON.stringify({ ...stored, ...told }),
  };
}

/** A refusal may say who made the version that serves: somebody whose command came before. */
function concealMessage(message: string, texts: Texts): string {
  const [all, before = '', rest = ''] = /^(.* since \S+Z by )(.*)$/s.exec(message) ?? [];
  if (all === undefined) return message;
  const names = [...texts].filter(([text]) => rest.startsWith(text) && /^($| \(|, |;)/.test(rest.slice(text.length)));
  const [longest] = names.toSorted(([a], [b]) => b.length - a.length);
  return longest === undefined ? message : `${before}${longest[1].id}${rest.slice(longest[0].length)}`;
}

async function insertTexts(db: Kysely<unknown>, texts: readonly (readonly [string, Text])[]): Promise<void> {
  for (let from = 0; from < texts.length; from += pageRows) {
    const page = texts.slice(from, from + pageRows);
    await sql`
      insert into private_texts (id, salt, text)
      select * from unnest(${page.map(([, { id }]) => id)}::text[], ${page.map(([, { salt }]) => salt)}::bytea[],
                           ${page.map(([text]) => text)}::text[])`.execute(db);
  }
}

/** A version that a command made has its author. */
async function convertVersions(db: Kysely<unknown>): Promise<void> {
  await sql`
    update snapshots s set actor = p.id
      from events e join private_texts p on p.id = e.manager
     where e.type in ('rollback', 'release', 'accept') and s.seq = e.batch and s.actor = p.text
       and s.gateway = e.cluster || '/' || e.namespace || '/' || e.name`.execute(db);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
