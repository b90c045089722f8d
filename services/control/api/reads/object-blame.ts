// Reads the fields of an object, each with the event that gave it its value: back from the newest event, so many at a
// time that the first answer comes soon. The cursor says where to go on and which fields are still open, so that
// answers to one question fit together whatever happens to the object meanwhile.
import { type Kysely, sql } from 'kysely';
import type { z } from 'zod';
import type { objectBlame } from '#libs/api/models/history.ts';
import { isRecord } from '#libs/gateway/fields/record.ts';
import type { ObjectName } from '#libs/gateway/object-key.ts';
import type { Database } from '#libs/runtime/postgres/database.ts';
import { Blame } from './blame.ts';
import { type EventRow, objectOf, readEventsBySeq, toEvent } from './events.ts';

/** Where a blame goes on. */
export interface BlamePlace {
  /** The event whose object is looked at, and the next one to look at. */
  readonly of: string;
  readonly next: string;
  readonly deleted: boolean;
  /** Places of the open fields among all: a bit for each, in base64url. */
  readonly open: string;
}

interface BlamePage extends Omit<z.input<typeof objectBlame>, 'next'> {
  readonly next: BlamePlace | null;
}

/** One version of an object. */
type Version = Pick<EventRow, 'seq' | 'type' | 'data'>;

const readAtOnce = 500;
const versionsMax = 1500;
const bytesMax = 16 * 1024 * 1024;
/** More open fields than a cursor can name are all looked for at once, in as many versions. */
const openMax = 6000;
const versionsOfManyFieldsMax = 10_000;

/** Reads on from a place, or from the newest event; undefined = the object was never there. */
export async function readBlame(
  db: Kysely<Database>,
  name: ObjectName,
  place: BlamePlace | undefined,
): Promise<BlamePage | undefined> {
  const begin = place === undefined ? await newestOf(db, name) : await beginAt(db, name, place);
  if (begin === undefined) return undefined;
  const { blame, of, deleted } = begin;
  const max = blame.size > openMax ? versionsOfManyFieldsMax : versionsMax;
  let [looked, bytes] = [0, 0];
  let younger: { readonly seq: string; readonly object: Fields } | undefined;
  let next: string | null = null;
  for await (const version of versionsFrom(db, name, begin.next)) {
    const object = version.type === 'applied' ? objectOf(version.data) : undefined;
    if (younger !== undefined) {
      // Another object of the name gave this one nothing.
      const isSame = object !== undefined && uidOf(object) === uidOf(younger.object);
      blame.take(younger.seq, isSame ? object : undefined);
      if (blame.isDone) break;
    }
    younger = object === undefined ? undefined : { seq: version.seq, object };
    if (looked >= max || bytes >= bytesMax) {
      next = version.seq;
      break;
    }
    looked += 1;
    bytes += version.data.length;
  }
  if (next === null && younger !== undefined && !blame.isDone) blame.take(younger.seq, undefined);
  return {
    deleted,
    fields: await fieldsOf(db, blame, place === undefined),
    next: next === null || blame.size > openMax ? null : { of, next, deleted, open: toBits(blame.openPlaces()) },
  };
}

type Fields = Readonly<Record<string, unknown>>;

interface Beginning {
  readonly blame: Blame<string>;
  readonly of: string;
  readonly next: string;
  readonly deleted: boolean;
}

/** Begins with the object as it is, or was last. */
async function newestOf(db: Kysely<Database>, name: ObjectName): Promise<Beginning | undefined> {
  const [newest, before] = await readVersions(db, name, undefined, 2);
  const deleted = newest?.type === 'deleted';
  const last = deleted ? before : newest;
  if (newest === undefined) return undefined;
  const { seq, data } = last ?? newest;
  return { blame: new Blame<string>(objectOf(last === undefined ? null : data)), of: seq, next: seq, deleted };
}

async function beginAt(db: Kysely<Database>, name: ObjectName, place: BlamePlace): Promise<Beginning | undefined> {
  const [version] = await readVersions(db, name, place.of, 1);
  if (version?.seq !== place.of) return undefined;
  const blame = new Blame<string>(objectOf(version.data), fromBits(place.open));
  return { blame, of: place.of, next: place.next, deleted: place.deleted };
}

async function* versionsFrom(db: Kysely<Database>, name: ObjectName, from: string): AsyncGenerator<Version> {
  let at: string | undefined = from;
  while (at !== undefined) {
    const rows: readonly Version[] = await readVersions(db, name, at, readAtOnce + 1);
    yield* rows.slice(0, readAtOnce);
    at = rows[readAtOnce]?.seq;
  }
}

/** Reads versions of an object, the newest first, from an event on. */
async function readVersions(
  db: Kysely<Database>,
  { cluster, kind, namespace, name }: ObjectName,
  from: string | undefined,
  limit: number,
): Promise<readonly Version[]> {
  const { rows } = await sql<Version>`
    select seq, type, data from events
     where cluster = ${cluster} and kind = ${kind} and namespace = ${namespace} and name = ${name}
       and seq <= ${from ?? Number.MAX_SAFE_INTEGER} and type in ('applied', 'deleted')
     order by seq desc limit ${limit}`.execute(db);
  return rows;
}

/** Gives the fields whose event was found, and for the first answer the others, too. */
async function fieldsOf(db: Kysely<Database>, blame: Blame<string>, all: boolean): Promise<BlamePage['fields']> {
  const fields = blame.fields().filter(({ event }) => all || event !== undefined);
  const seqs = new Set(fields.flatMap(({ event }) => event ?? []));
  const events = new Map((await readEventsBySeq(db, [...seqs])).map((row) => [row.seq, row]));
  return fields.map(({ path, value, event }) => {
    const row = event === undefined ? undefined : events.get(event);
    return { path, value, event: row === undefined ? null : toEvent(row) };
  });
}

function uidOf({ metadata }: Fields): unknown {
  return isRecord(metadata) ? metadata['uid'] : undefined;
}

function toBits(places: readonly number[]): string {
  const bits = new Uint8Array(Math.floor((places.at(-1) ?? 0) / 8) + 1);
  for (const place of places) bits[place >> 3] = (bits[place >> 3] ?? 0) | (1 << (place & 7));
  return Buffer.from(bits).toString('base64url');
}

function fromBits(text: string): (place: number) => boolean {
  const bits = Buffer.from(text, 'base64url');
  return (place) => ((bits[place >> 3] ?? 0) & (1 << (place & 7))) !== 0;
}
