// Finds the sequence numbers of events by what they are about, in the narrow table event_index. Objects that mention a
// host, a path or a gateway are looked up first: events of few objects are found by the index of objects; else parts of
// the history are read, the nearest first and each larger than the one before, until a page is full.
import { type Kysely, sql } from 'kysely';
import { factTypes } from '#libs/events/change-fact.ts';
import { gatewayKinds } from '#libs/gateway/kinds.ts';
import { parsePlaceKey } from '#libs/gateway/object-key.ts';
import { type Wanted, parentTerm, wantedHost, wantedPath } from '#libs/gateway/mentions.ts';
import type { Database } from '#libs/runtime/postgres/database.ts';
import { all } from './conditions.ts';

type Condition = ReturnType<typeof sql>;

/** What to look for; what is absent leaves everything. */
export interface EventSearch {
  readonly cluster?: string | undefined;
  readonly kind?: string | undefined;
  readonly namespace?: string | undefined;
  readonly name?: string | undefined;
  readonly type?: string | undefined;
  /** Who did it, by any of these names. */
  readonly managers?: readonly string[] | undefined;
  /** Who did it or asked for it, by any of these names. */
  readonly by?: readonly string[] | undefined;
  readonly tool?: string | undefined;
  readonly since?: string | undefined;
  readonly until?: string | undefined;
  readonly host?: string | undefined;
  readonly path?: string | undefined;
  /** `cluster/namespace/name` */
  readonly gateway?: string | undefined;
}

/** Which part of what is found is wanted: at most `limit` beyond `after`. */
interface Cut {
  readonly after?: string | undefined;
  readonly order: 'asc' | 'desc';
  readonly limit: number;
}

/** An object, from one event to another. */
interface Stretch {
  readonly object: string;
  readonly from_seq: string;
  readonly until_seq: string;
}

/** Conditions on rows of event_index, called i. */
interface Conditions {
  /** On what all events of an object have in common. */
  readonly object: readonly Condition[];
  readonly event: readonly Condition[];
  /** The codes of all words together, for the index of words. */
  readonly words: readonly Condition[];
}

const fewObjects = 300;
/** How many events the parts of the history have that are looked at first; all others are the last part. */
const partSizes = [16_384n, 131_072n];
const forever = 9_223_372_036_854_775_807n;

/** Finds events in the order that was asked for, part by part of these sizes; gives their sequence numbers. */
export async function findEvents(
  db: Kysely<Database>,
  search: EventSearch,
  cut: Cut,
  parts: readonly bigint[] = partSizes,
): Promise<readonly string[]> {
  const conditions = conditionsOf(search);
  const scope = scopeOf(search);
  if (scope === undefined) return readParts(db, conditions, cut, parts);
  const { rows } = await sql<Stretch>`select * from (${scope}) s limit ${fewObjects + 1}`.execute(db);
  if (rows.length === 0) return [];
  if (rows.length <= fewObjects) return readByObject(db, rows, conditions, cut);
  return readParts(db, conditions, cut, parts, scope);
}

/** Later facts are shown beside their changes, and alone only where they are asked for. */
const hiddenTypes = sql`i.type <> all(array[${sql.join(factTypes.map((type) => sql`word_code(${type})`))}])`;

function conditionsOf({
  cluster,
  kind,
  namespace,
  name,
  type,
  managers,
  by,
  tool,
  since,
  until,
}: EventSearch): Conditions {
  const words = [cluster, kind, namespace, name, type].filter((word) => word !== undefined);
  const columns = sql`array[i.cluster, i.kind, i.namespace, i.name, i.type, i.manager]`;
  return {
    object: [
      ...isWord('cluster', cluster),
      ...isWord('kind', kind),
      ...isWord('namespace', namespace),
      ...isWord('name', name),
    ],
    event: [
      ...(type === undefined ? [hiddenTypes] : []),
      ...isWord('type', type),
      ...(by === undefined ? [] : [sql`(i.manager = any(${codesOf(by)}) or ${isNamed('by', by)})`]),
      ...(tool === undefined ? [] : [isNamed('tool', [tool])]),
      ...(managers === undefined ? [] : [sql`i.manager = any(${codesOf(managers)})`]),
      ...(since === undefined ? [] : [sql`i.recorded_at >= ${since}`]),
      ...(until === undefined ? [] : [sql`i.recorded_at < ${until}`]),
    ],
    words: [
      ...(words.length === 0 ? [] : [sql`${columns} @> ${codesOf(words)}`]),
      ...(managers === undefined ? [] : [sql`${columns} && ${codesOf(managers)}`]),
    ],
  };
}

/** Asks whether a change is known by one of the names: of users, or of tools. */
function isNamed(what: 'by' | 'tool', names: readonly string[]): Condition {
  return sql`i.seq in (select n.seq from event_names n where n.what = ${what} and n.name = any(${names}::text[]))`;
}

/** Lists codes in a way that the planner knows them. */
function codesOf(words: readonly string[]): Condition {
  if (words.length === 0) return sql`'{}'::int[]`;
  return sql`array[${sql.join(words.map((word) => sql`word_code(${word})`))}]`;
}

function isWord(column: string, value: string | undefined): readonly Condition[] {
  return value === undefined ? [] : [sql`i.${sql.ref(column)} = word_code(${value})`];
}

/** Selects the objects to which the search is limited, each from one event to another; undefined = it is not. */
function scopeOf({ cluster, kind, namespace, name, host, path, gateway }: EventSearch): Condition | undefined {
  const scopes: Condition[] = [];
  if (cluster !== undefined && kind !== undefined && namespace !== undefined && name !== undefined) {
    scopes.push(sql`select object_code(${cluster}, ${kind}, ${namespace}, ${name}) as object,
                           0::bigint as from_seq, ${forever.toString()}::bigint as until_seq`);
  }
  if (host !== undefined) scopes.push(mentioning(wantedHost(host)));
  if (path !== undefined) scopes.push(mentioning(wantedPath(path)));
  if (gateway !== undefined) scopes.push(aroundGateway(gateway));
  return scopes.reduce<Condition | undefined>(
    (one, other) => (one === undefined ? other : both(one, other)),
    undefined,
  );
}

function mentioning({ terms, prefix }: Wanted): Condition {
  const until = sql`coalesce(until_seq, ${forever.toString()}::bigint) as until_seq`;
  const exact = sql`select object, from_seq, ${until} from object_mentions where term = any(${terms}::text[])`;
  if (prefix === undefined) return exact;
  // '/' follows on '.', and no host has it.
  const next = `${prefix.slice(0, -1)}/`;
  return sql`${exact} union all select object, from_seq, ${until} from object_mentions
                       where term >= ${prefix} and term < ${next}`;
}

/** Selects a Gateway, and what named it, or a ListenerSet of it, as its parent: as long as it did. */
function aroundGateway(gateway: string): Condition {
  const place = parsePlaceKey(gateway);
  const prefix = `g:ListenerSet/${place.cluster}/`;
  const end = sql`${forever.toString()}::bigint`;
  return sql`
    select object_code(${place.cluster}, k, ${place.namespace}, ${place.name}) as object, 0::bigint as from_seq,
           ${end} as until_seq from unnest(${gatewayKinds}::text[]) k
     union all
    select object, from_seq, coalesce(until_seq, ${end}) from object_mentions
     where term = ${parentTerm({ ...place, kind: 'Gateway' })}
     union all
    select r.object, greatest(r.from_seq, l.from_seq),
           least(coalesce(r.until_seq, ${end}), coalesce(l.until_seq, ${end}))
      from object_mentions l
      join object_mentions r on r.term >= ${prefix} and r.term < ${`${prefix.slice(0, -1)}0`}
       and l.object = object_code(${place.cluster}, 'ListenerSet',
                                  split_part(r.term, '/', 3), split_part(r.term, '/', 4))
     where l.term = ${parentTerm({ ...place, kind: 'Gateway' })}
       and greatest(r.from_seq, l.from_seq) <= least(coalesce(r.until_seq, ${end}), coalesce(l.until_seq, ${end}))`;
}

function both(one: Condition, other: Condition): Condition {
  return sql`
    select a.object, greatest(a.from_seq, b.from_seq) as from_seq, least(a.until_seq, b.until_seq) as until_seq
      from (${one}) a join (${other}) b on b.object = a.object
     where greatest(a.from_seq, b.from_seq) <= least(a.until_seq, b.until_seq)`;
}

async function readByObject(
  db: Kysely<Database>,
  stretches: readonly Stretch[],
  conditions: Conditions,
  { after, order, limit }: Cut,
): Promise<readonly string[]> {
  const direction = order === 'asc' ? sql`asc` : sql`desc`;
  const stretch = sql`i.object = s.object and i.seq >= s.from_seq and i.seq <= s.until_seq`;
  const beyond = after === undefined ? [] : [order === 'asc' ? sql`i.seq > ${after}` : sql`i.seq < ${after}`];
  const { rows } = await sql<{ seq: string }>`
    select distinct found.seq
      from unnest(${stretches.map(({ object }) => object)}::bigint[],
                  ${stretches.map(({ from_seq }) => from_seq)}::bigint[],
                  ${stretches.map(({ until_seq }) => until_seq)}::bigint[]) as s(object, from_seq, until_seq),
           lateral (select 1 from event_index i
                     where ${all([sql`i.object = s.object`, ...conditions.object])} limit 1) meant,
           lateral (select i.seq from event_index i
                     where ${all([stretch, ...beyond, ...conditions.event])}
                     order by i.seq ${direction} limit ${limit}) found
     order by found.seq ${direction} limit ${limit}`.execute(db);
  return rows.map(({ seq }) => seq);
}

/**
 * Reads part after part of the history, of the objects in `scope` where there is one; the last is all that is left. The
 * index of words may help in all but the first.
 */
async function readParts(
  db: Kysely<Database>,
  { object, event, words }: Conditions,
  { after, order, limit }: Cut,
  parts: readonly bigint[],
  scope?: Condition,
): Promise<readonly string[]> {
  const { rows: ends } = await sql<{ oldest: string | null; newest: string | null }>`
    select (select min(seq) from events) as oldest, (select max(seq) from events) as newest`.execute(db);
  const [first, last] = [BigInt(ends[0]?.oldest ?? 1), BigInt(ends[0]?.newest ?? 0)];
  const begin = after === undefined ? undefined : BigInt(after);
  const found: string[] = [];
  const isAscending = order === 'asc';
  let at = isAscending ? higher((begin ?? 0n) + 1n, first) : lower((begin ?? last + 1n) - 1n, last);
  for (let part = 0; found.length < limit && at >= first && at <= last; part++) {
    const size = parts[part] ?? last;
    const [from, until] = isAscending ? [at, lower(at + size - 1n, last)] : [higher(at - size + 1n, first), at];
    const range = sql`i.seq >= ${from.toString()} and i.seq <= ${until.toString()}`;
    const within = scope && [
      sql`exists (select 1 from (${scope}) s
           where s.from_seq <= ${until.toString()} and s.until_seq >= ${from.toString()}
             and s.object = i.object and i.seq >= s.from_seq and i.seq <= s.until_seq)`,
    ];
    const { rows } = await sql<{ seq: string }>`
      select i.seq from event_index i
       where ${all([range, ...object, ...event, ...(part < 1 ? [] : words), ...(within ?? [])])}
       order by i.seq ${isAscending ? sql`asc` : sql`desc`} limit ${limit - found.length}`.execute(db);
    for (const { seq } of rows) found.push(seq);
    at = isAscending ? until + 1n : from - 1n;
  }
  return found;
}

function higher(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}

function lower(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}
