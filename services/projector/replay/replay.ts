// Replays one event of the history: folds everything before it, then the event alone, and tells which stages that ran.
// Writes nothing. What is not in the history takes no part: endpoints, key material, and what nodes report.
import type { ClientBase } from 'pg';
import type { EngineRecord } from '#libs/derivation/recorder.ts';
import type { LocalName } from '#libs/gateway/object-key.ts';
import { fail } from '#libs/runtime/errors.ts';
import type { Limits } from '#libs/projection/versions/limits.ts';
import { Projection } from '#libs/projection/projection.ts';
import type { FoldedEvent, ProjectionChange } from '#libs/projection/versions/projection-change.ts';
import { contentsFor, type HistoryBatch, historyBatches, unfoldedTypes } from '../store/history.ts';

/** Names an event: by its number, as the newest of an object (without `cluster`, in any), or as the newest of all. */
export type WantedEvent =
  | { readonly by: 'seq'; readonly seq: string }
  | { readonly by: 'object'; readonly object: LocalName & { readonly cluster?: string } }
  | { readonly by: 'newest' };

/** Tells what one event ran. */
interface Replay {
  readonly seq: string;
  readonly event: FoldedEvent['event'];
  readonly record: EngineRecord;
  readonly change: ProjectionChange;
  /** How many events were folded before it. */
  readonly before: number;
}

export interface ReplayOptions {
  readonly limits: Partial<Limits>;
  /** Milliseconds, from any beginning. */
  readonly now: () => number;
}

/** Replays an event. Throws FleetgateError 'not-found' when the history has no such event. */
export async function replayEvent(client: ClientBase, wanted: WantedEvent, options: ReplayOptions): Promise<Replay> {
  await client.query('begin transaction isolation level repeatable read read only');
  try {
    return await replayUntil(client, await findSeq(client, wanted), options);
  } finally {
    await client.query('rollback');
  }
}

async function replayUntil(client: ClientBase, seq: string, { limits, now }: ReplayOptions): Promise<Replay> {
  const projection = new Projection({ limits });
  const apply = async (folded: HistoryBatch['folded']): Promise<() => ProjectionChange> => {
    const contents = await contentsFor(client, { folded });
    return () => projection.apply({ events: folded, slices: [], sealed: [] }, contents);
  };
  let before = 0;
  for await (const { folded, unreadable } of historyBatches(client, { lastSeq: seq })) {
    if (unreadable[0] !== undefined) throw fail('event-unreadable', unreadable[0]);
    const last = folded.at(-1);
    const earlier = last?.seq === BigInt(seq) ? folded.slice(0, -1) : folded;
    before += earlier.length;
    if (earlier.length > 0) (await apply(earlier))();
    if (last === undefined || earlier === folded) continue;
    const { value, record } = projection.record(now, await apply([last]));
    return { seq, event: last.event, record, change: value, before };
  }
  throw noSuchEvent(`number ${seq}`);
}

async function findSeq(client: ClientBase, wanted: WantedEvent): Promise<string> {
  const { rows } = await client.query<{ seq: string | null }>(...queryOf(wanted));
  const seq = rows[0]?.seq ?? undefined;
  if (seq === undefined) throw noSuchEvent(describe(wanted));
  return seq;
}

/** Of those that are folded: what is noted of the fleet itself is often newer. */
const newest = 'select max(seq) as seq from events where type <> all($1::text[])';

function queryOf(wanted: WantedEvent): [query: string, values: unknown[]] {
  if (wanted.by === 'seq') return ['select seq from events where seq = $1', [wanted.seq]];
  if (wanted.by === 'newest') return [newest, [unfoldedTypes]];
  const { cluster, kind, namespace, name } = wanted.object;
  const query = `${newest}
      and ($2::text is null or cluster = $2) and kind = $3 and namespace = $4 and name = $5`;
  return [query, [unfoldedTypes, cluster ?? null, kind, namespace, name]];
}

function describe(wanted: WantedEvent): string {
  if (wanted.by === 'newest') return 'at all';
  if (wanted.by === 'seq') return `number ${wanted.seq}`;
  const { cluster = '*', kind, namespace, name } = wanted.object;
  return `of ${[cluster, kind, namespace, name].filter((part) => part !== '').join('/')}`;
}

function noSuchEvent(what: string): Error {
  return fail('not-found', `the history has no event ${what}`, {
    hint: '`fleetgate history OBJECT` lists the events of an object with their numbers.',
  });
}
