// Orders what is to be done to a whole cluster: it is noted in Postgres, and the leading projector carries it out. A
// note that nobody takes in time is taken back, so that nothing is done later than whoever asked was told.
import { randomUUID } from 'node:crypto';
import { type Kysely, sql } from 'kysely';
import type { DeedEvent } from '#libs/events/deed-event.ts';
import { Problem } from '#libs/api/problem.ts';
import type { Database, Row } from '#libs/runtime/postgres/database.ts';
import { noteDeeds } from '#libs/runtime/postgres/deeds.ts';
import { pause } from '#libs/runtime/pause.ts';
import { type Visitor, doerOf } from '../access/tokens.ts';
import { noneCalled } from '../not-found.ts';

/** What is asked for; `cluster` is its name in the history. */
export interface ClusterOrder {
  readonly type: 'cluster-removed' | 'cluster-readmitted' | 'cluster-renamed';
  readonly cluster: string;
  readonly reason: string | undefined;
  /** Of a renaming: the name that is shown from then on. */
  readonly shown?: string;
}

/** Says which event carried an order out. */
interface OrderDone {
  readonly id: string;
  readonly cluster: string;
  readonly seq: string;
}

const takenWithinMs = 10_000;
const lookEveryMs = 50;
const knownMax = 10_000;

const verbs = {
  'cluster-removed': 'removed the cluster',
  'cluster-readmitted': 'took the cluster on again:',
  'cluster-renamed': 'renamed the cluster',
} as const;

/** Notes the order and waits until it is in the history. */
export async function orderOfCluster(
  db: Kysely<Database>,
  caller: Visitor,
  order: ClusterOrder,
): Promise<OrderDone | Problem> {
  const { type, cluster, reason, shown } = order;
  const clusters = await db.selectFrom('clusters').selectAll().limit(knownMax).execute();
  const objection = objectionTo(order, clusters);
  if (objection !== undefined) return objection;
  const what = `${verbs[type]} ${cluster}${shown === undefined ? '' : `, it is shown as ${shown}`}`;
  const deed: DeedEvent = {
    v: 1,
    type,
    id: `${type}:${randomUUID()}`,
    at: new Date().toISOString(),
    subject: cluster,
    reason: reason === undefined ? what : `${what}: ${reason}`,
    ...(shown === undefined ? {} : { shown }),
    ...doerOf(caller),
  };
  await noteDeeds(db, [deed]);
  return whenTaken(db, deed);
}

function objectionTo(
  { type, cluster, shown }: ClusterOrder,
  clusters: readonly Row<'clusters'>[],
): Problem | undefined {
  const known = clusters.find(({ name }) => name === cluster);
  if (known === undefined)
    return noneCalled(
      'cluster',
      cluster,
      clusters.map((one) => one.shown ?? one.name),
    );
  const isRemoved = known.removed_at !== null;
  if (type === 'cluster-removed' && isRemoved)
    return new Problem('conflict', `the cluster ${cluster} is removed already`);
  if (type === 'cluster-readmitted' && !isRemoved)
    return new Problem('conflict', `the cluster ${cluster} is not removed`);
  const other = clusters.find((one) => one !== known && (one.name === shown || one.shown === shown));
  if (shown === undefined || other === undefined) return undefined;
  return new Problem('conflict', `the name ${shown} stands for another cluster`, 'Choose a name that none ever had.');
}

async function whenTaken(db: Kysely<Database>, { id, subject }: DeedEvent): Promise<OrderDone | Problem> {
  const giveUpAt = performance.now() + takenWithinMs;
  for (;;) {
    const { rows } = await sql<{ seq: string | null; noted: boolean }>`
      select (select seq from events where id = ${id}) as seq,
             exists (select 1 from deeds where id = ${id}) as noted`.execute(db);
    const { seq = null, noted = false } = rows[0] ?? {};
    if (seq !== null) return { id, cluster: subject, seq };
    if (!noted) return new Problem('conflict', 'something else was done to the cluster meanwhile');
    if (performance.now() > giveUpAt && (await takeBack(db, id)))
      return new Problem('busy', 'no projector leads; nothing was done', 'Check that the projector runs.');
    await pause(lookEveryMs);
  }
}

/** Tells whether the note was still there. */
async function takeBack(db: Kysely<Database>, id: string): Promise<boolean> {
  const { numDeletedRows } = await db.deleteFrom('deeds').where('id', '=', id).executeTakeFirst();
  return numDeletedRows > 0n;
}
