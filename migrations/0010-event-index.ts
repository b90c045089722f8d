// Finds events by what they are about. `event_index` has a narrow row for each event: its columns as codes, so that
// a million of them are read in less than a tenth of a second, and those of one object are found by an index.
// `object_mentions` says from which event to which an object named a host, a path or a parent.
import { type Kysely, sql } from 'kysely';
import { isRecord } from '#libs/gateway/fields/record.ts';
import { mentioningKinds, mentionsOf } from '#libs/gateway/mentions.ts';
import { type ObjectName, toObjectKey } from '#libs/gateway/object-key.ts';
import { progress } from './progress.ts';

interface EventRow extends ObjectName {
  readonly seq: string;
  readonly type: string;
  readonly data: string;
}

interface Mention {
  readonly term: string;
  readonly object: ObjectName;
  readonly from: string;
  until: string | null;
}

const pageRows = 2000;

export async function up(db: Kysely<unknown>): Promise<void> {
  // Equal codes are looked at again in the event itself; those of objects are long enough to be unlike.
  await sql`create function word_code(word text) returns int language sql immutable parallel safe
    as $$ select coalesce(hashtext(word), 0) $$`.execute(db);
  await sql`create function object_code(cluster text, kind text, namespace text, name text) returns bigint
    language sql immutable parallel safe
    as $$ select hashtextextended(cluster || '/' || kind || '/' || namespace || '/' || name, 0) $$`.execute(db);
  await sql`create table event_index (
    seq bigint not null,
    recorded_at timestamptz not null,
    object bigint not null,
    cluster int not null,
    kind int not null,
    namespace int not null,
    name int not null,
    type int not null,
    manager int not null
  ) with (autovacuum_vacuum_insert_scale_factor = 0.02)`.execute(db);
  await sql`insert into event_index
    select seq, recorded_at, object_code(cluster, kind, namespace, name), word_code(cluster), word_code(kind),
           word_code(namespace), word_code(name), word_code(type), word_code(manager)
      from events order by seq`.execute(db);
  await sql`create index event_index_object on event_index (object, seq)`.execute(db);
  // Rows lie in their order: what a range of pages holds is all that is needed to find a part of the history.
  await sql`create index event_index_range on event_index using brin (seq, recorded_at)
    with (pages_per_range = 32, autosummarize = on)`.execute(db);
  await sql`create table object_mentions (
    term text collate "C" not null,
    object bigint not null,
    from_seq bigint not null,
    until_seq bigint,
    primary key (term, object, from_seq)
  )`.execute(db);
  await fillMentions(db);
}

/** Follows what every object ever mentioned, event by event. */
async function fillMentions(db: Kysely<unknown>): Promise<void> {
  const open = new Map<string, Map<string, Mention>>();
  let [after, count] = ['0', 0];
  for (;;) {
    const { rows } = await sql<EventRow>`
      select seq, type, cluster, kind, namespace, name, data from events
       where seq > ${after} and kind = any(${mentioningKinds}::text[]) and type in ('applied', 'deleted')
       order by seq limit ${pageRows}`.execute(db);
    const last = rows.at(-1);
    if (last === undefined) break;
    await insertMentions(
      db,
      rows.flatMap((row) => ended(open, row)),
    );
    after = last.seq;
    count += rows.length;
    progress.getStore()?.info({ events: count }, 'events are made known by what they mention');
  }
  await insertMentions(
    db,
    [...open.values()].flatMap((terms) => [...terms.values()]),
  );
}

/** Follows one event; answers what its object does not mention any more. */
function ended(open: Map<string, Map<string, Mention>>, { seq, data, ...object }: EventRow): readonly Mention[] {
  const key = toObjectKey(object);
  const terms = open.get(key) ?? new Map<string, Mention>();
  const now = mentionsOf(object, specIn(data));
  const gone = [...terms.values()].filter(({ term }) => !now.has(term));
  for (const mention of gone) {
    terms.delete(mention.term);
    mention.until = seq;
  }
  for (const term of now) if (!terms.has(term)) terms.set(term, { term, object, from: seq, until: null });
  if (terms.size === 0) open.delete(key);
  else open.set(key, terms);
  return gone;
}

function specIn(data: string): unknown {
  try {
    const event: unknown = JSON.parse(data);
    const object = isRecord(event) ? event['object'] : undefined;
    return isRecord(object) ? object['spec'] : undefined;
  } catch {
    // What cannot be read mentions nothing.
    return undefined;
  }
}

async function insertMentions(db: Kysely<unknown>, mentions: readonly Mention[]): Promise<void> {
  for (let start = 0; start < mentions.length; start += pageRows) {
    const page = mentions.slice(start, start + pageRows);
    const column = (of: (mention: Mention) => string | null): (string | null)[] => page.map(of);
    await sql`
      insert into object_mentions (term, object, from_seq, until_seq)
      select r.term, object_code(r.cluster, r.kind, r.namespace, r.name), r.from_seq, r.until_seq
        from unnest(${column(({ term }) => term)}::text[], ${column(({ object }) => object.cluster)}::text[],
                    ${column(({ object }) => object.kind)}::text[], ${column(({ object }) => object.namespace)}::text[],
                    ${column(({ object }) => object.name)}::text[], ${column(({ from }) => from)}::bigint[],
                    ${column(({ until }) => until)}::bigint[])
          as r(term, cluster, kind, namespace, name, from_seq, until_seq)
      on conflict do nothing`.execute(db);
  }
}
