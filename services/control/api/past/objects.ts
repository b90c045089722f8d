// Reads objects as they were at a place in the history: for each name, its newest event up to there. It steps from name
// to name along the index, so that the cost is that of the names and not of their events.
import { type Kysely, sql } from 'kysely';
import type { LocalName, ObjectName } from '#libs/gateway/object-key.ts';
import type { Database, Row } from '#libs/runtime/postgres/database.ts';

/** The event by which an object was as it was. */
export type ObjectThen = Pick<
  Row<'events'>,
  'cluster' | 'kind' | 'namespace' | 'name' | 'uid' | 'seq' | 'manager' | 'operation' | 'at' | 'recorded_at' | 'data'
>;

interface Wanted {
  readonly seq: string;
  readonly cluster: string | undefined;
  readonly kinds: readonly string[];
  readonly namespace: string | undefined;
  /** Only objects behind this one, in the order of cluster, kind, namespace and name. */
  readonly after: readonly string[] | undefined;
}

const columns = sql`e.cluster, e.kind, e.namespace, e.name, e.uid, e.seq, e.manager, e.operation, e.at, e.recorded_at,
  e.data`;
const isChange = sql`e.type in ('applied', 'deleted')`;
const chunkMax = 500;

/** Gives the objects that were there, in the order of cluster, kind, namespace and name. */
export async function* objectsThen(db: Kysely<Database>, wanted: Wanted): AsyncGenerator<ObjectThen> {
  const [cluster = '', kind = '', namespace = '', name = ''] = wanted.after ?? [];
  for (const pair of await readPairs(db, wanted)) {
    if (pair.cluster < cluster || (pair.cluster === cluster && pair.kind < kind)) continue;
    const isFirst = pair.cluster === cluster && pair.kind === kind;
    let after = isFirst ? { namespace, name } : { namespace: wanted.namespace ?? '', name: '' };
    for (;;) {
      const rows = await readChunk(db, wanted, pair, after);
      yield* rows;
      const last = rows.at(-1);
      if (last === undefined || rows.length < chunkMax) break;
      after = last;
    }
  }
}

/** Reads which kinds the clusters have events of. */
async function readPairs(
  db: Kysely<Database>,
  { cluster, kinds }: Wanted,
): Promise<readonly Pick<ObjectName, 'cluster' | 'kind'>[]> {
  const { rows } = await sql<{ cluster: string; kind: string }>`
    select c.name as cluster, k.kind
      from clusters c, unnest(${[...kinds]}::text[]) as k(kind)
     where (${cluster ?? null}::text is null or c.name = ${cluster ?? null})
       and exists (select 1 from events e where e.cluster = c.name and e.kind = k.kind)`.execute(db);
  return rows.toSorted((a, b) => compare(a.cluster, b.cluster) || compare(a.kind, b.kind));
}

/** Reads objects of one cluster and kind. The steps come in the order of the index, and so do the rows. */
async function readChunk(
  db: Kysely<Database>,
  { seq, namespace }: Wanted,
  { cluster, kind }: Pick<ObjectName, 'cluster' | 'kind'>,
  after: Pick<LocalName, 'namespace' | 'name'>,
): Promise<readonly ObjectThen[]> {
  const place = sql`e.cluster = ${cluster} and e.kind = ${kind}`;
  const within = namespace === undefined ? sql`true` : sql`e.namespace = ${namespace}`;
  const { rows } = await sql<ObjectThen>`
    with recursive names(namespace, name) as (
      (select e.namespace, e.name from events e
        where ${place} and ${within} and (e.namespace, e.name) > (${after.namespace}, ${after.name})
        order by e.namespace, e.name limit 1)
      union all
      select n.* from names k, lateral (
        select e.namespace, e.name from events e
         where ${place} and ${within} and (e.namespace, e.name) > (k.namespace, k.name)
         order by e.namespace, e.name limit 1) n)
    select newest.* from names k, lateral (
      select ${columns}, e.type from events e
       where ${place} and e.namespace = k.namespace and e.name = k.name and e.seq <= ${seq} and ${isChange}
       order by e.seq desc limit 1) newest
     where newest.type = 'applied' limit ${sql.lit(chunkMax)}`.execute(db);
  return rows;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
