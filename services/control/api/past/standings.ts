// Finds how a Gateway stood at a place in the history, beside its versions: whether it was there and Fleetgate's, its
// labels and uid, and whether its last rollback still held. Most Gateways were always of a class of Fleetgate's, and
// then the newest events say it; of the others every event is folded, because what is done to a Gateway of another
// class does not count as long as it is.
import { type Kysely, sql } from 'kysely';
import { gatewayKinds } from '#libs/gateway/kinds.ts';
import { type ObjectName, toObjectKey } from '#libs/gateway/object-key.ts';
import type { Database, Row } from '#libs/runtime/postgres/database.ts';
import { type GatewayStep, type Standing, foldStanding, isOwnClass, isPinEnd, toObject } from './standing.ts';

/** A gateway with its newest version up to there, and its last rollback, if any. */
export interface PastHead extends Pick<Row<'gateways'>, 'gateway' | 'cluster' | 'namespace' | 'name'> {
  readonly head: number;
  readonly rollback: number | null;
  readonly rollback_seq: string | null;
  /** It may have served a version that is in the archive. */
  readonly archived: boolean;
}

type StepRow = GatewayStep & { readonly gateway: string };

const stepTypes = ['applied', 'deleted', 'rollback', 'release', 'approved'];

/** Finds it by the names of gateways. */
export async function readStandings(
  db: Kysely<Database>,
  seq: string,
  heads: readonly PastHead[],
): Promise<ReadonlyMap<string, Standing>> {
  const newest = await readNewest(db, seq, heads);
  const classOf = ({ gateway, cluster }: PastHead): readonly ObjectName[] => {
    const { kind, className } = newest.get(gateway) ?? {};
    return kind !== 'Gateway' || className === undefined ? [] : [gatewayClass(cluster, className)];
  };
  const classes = await readClasses(db, seq, heads.flatMap(classOf));
  const wasAlwaysOurs = (head: PastHead): boolean =>
    classOf(head).every((name) => (classes.get(toObjectKey(name)) ?? []).every(isOwnClass));
  const [easy, hard] = [heads.filter(wasAlwaysOurs), heads.filter((head) => !wasAlwaysOurs(head))];
  const over = await readUnpinned(db, seq, easy);
  const found = new Map<string, Standing>();
  for (const { gateway, rollback } of easy) {
    const { type, labels = {}, uid = null } = newest.get(gateway) ?? {};
    found.set(gateway, { present: type === 'applied', labels, uid, pinned: rollback !== null && !over.has(gateway) });
  }
  for (const head of hard) found.set(head.gateway, await readFolded(db, seq, head));
  return found;
}

function gatewayClass(cluster: string, name: string): ObjectName {
  return { cluster, kind: 'GatewayClass', namespace: '', name };
}

/** Reads the newest event of each Gateway object, and what it was when it was there last. */
async function readNewest(
  db: Kysely<Database>,
  seq: string,
  heads: readonly PastHead[],
): Promise<ReadonlyMap<string, ReturnType<typeof toObject> & { readonly type: string; readonly kind: string }>> {
  const { rows } = await sql<StepRow>`
    select g.gateway, k.kind, e.uid, e.data, newest.type
      from unnest(${heads.map(({ gateway }) => gateway)}::text[], ${heads.map(({ cluster }) => cluster)}::text[],
                  ${heads.map(({ namespace }) => namespace)}::text[], ${heads.map(({ name }) => name)}::text[])
             as g(gateway, cluster, namespace, name),
           unnest(${gatewayKinds}::text[]) as k(kind),
           lateral (
             select e.type from events e
              where e.cluster = g.cluster and e.kind = k.kind and e.namespace = g.namespace and e.name = g.name
                and e.seq <= ${seq} and e.type in ('applied', 'deleted') order by e.seq desc limit 1) newest,
           lateral (
             select e.uid, e.data from events e
              where e.cluster = g.cluster and e.kind = k.kind and e.namespace = g.namespace and e.name = g.name
                and e.seq <= ${seq} and e.type = 'applied' order by e.seq desc limit 1) e
     order by newest.type desc, k.kind desc`.execute(db);
  // The last one stays: what is there, and of the newer API.
  return new Map(rows.map((row) => [row.gateway, { ...toObject(row), type: row.type, kind: row.kind }]));
}

/** Reads every event of some classes, by object keys. */
async function readClasses(
  db: Kysely<Database>,
  seq: string,
  names: readonly ObjectName[],
): Promise<ReadonlyMap<string, readonly GatewayStep[]>> {
  const unique = [...new Map(names.map((name) => [toObjectKey(name), name])).values()];
  const { rows } = await sql<GatewayStep & ObjectName>`
    select e.cluster, e.kind, e.namespace, e.name, e.seq, e.batch, e.type, e.uid, e.data
      from unnest(${unique.map(({ cluster }) => cluster)}::text[], ${unique.map(({ name }) => name)}::text[])
             as c(cluster, name)
      join events e on e.cluster = c.cluster and e.kind = 'GatewayClass' and e.namespace = '' and e.name = c.name
       and e.seq <= ${seq} and e.type in ('applied', 'deleted')
     order by e.seq`.execute(db);
  return Map.groupBy(rows, (row) => toObjectKey(row));
}

/** Names the gateways whose last rollback was over. Only their own events after it are read. */
async function readUnpinned(
  db: Kysely<Database>,
  seq: string,
  heads: readonly PastHead[],
): Promise<ReadonlySet<string>> {
  const pinned = heads.filter(({ rollback }) => rollback !== null);
  if (pinned.length === 0) return new Set();
  const { rows } = await sql<StepRow>`
    select g.gateway, k.kind, e.seq, e.batch, e.type, e.uid, e.data
      from unnest(${pinned.map(({ gateway }) => gateway)}::text[], ${pinned.map(({ cluster }) => cluster)}::text[],
                  ${pinned.map(({ namespace }) => namespace)}::text[], ${pinned.map(({ name }) => name)}::text[],
                  ${pinned.map((head) => head.rollback_seq)}::bigint[])
             as g(gateway, cluster, namespace, name, since),
           unnest(${gatewayKinds}::text[]) as k(kind),
           lateral (
             select e.seq, e.batch, e.type, e.uid, e.data from events e
              where e.cluster = g.cluster and e.kind = k.kind and e.namespace = g.namespace and e.name = g.name
                and e.seq > g.since and e.seq <= ${seq} and e.type = any(${stepTypes}::text[])
              union all
             (select e.seq, e.batch, 'before', e.uid, '' from events e
               where e.cluster = g.cluster and e.kind = k.kind and e.namespace = g.namespace and e.name = g.name
                 and e.seq <= g.since and e.type = 'applied' order by e.seq desc limit 1)) e
     order by g.gateway, e.seq`.execute(db);
  const over = new Set<string>();
  for (const [gateway, steps] of Map.groupBy(rows, (row) => row.gateway)) {
    const uid = steps.find(({ type }) => type === 'before')?.uid;
    if (steps.some((step) => isPinEnd(step, uid))) over.add(gateway);
  }
  return over;
}

async function readFolded(db: Kysely<Database>, seq: string, head: PastHead): Promise<Standing> {
  const { rows } = await sql<GatewayStep>`
    select e.kind, e.seq, e.batch, e.type, e.uid, e.data from events e
     where e.cluster = ${head.cluster} and e.kind = 'Gateway' and e.namespace = ${head.namespace}
       and e.name = ${head.name} and e.seq <= ${seq} and e.type = any(${stepTypes}::text[])
     order by e.seq`.execute(db);
  const names = new Set(rows.flatMap((row) => toObject(row).className ?? []));
  const classes = await readClasses(
    db,
    seq,
    [...names].map((name) => gatewayClass(head.cluster, name)),
  );
  return foldStanding(rows, [...classes.values()].flat());
}
