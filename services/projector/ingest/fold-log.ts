// Folds, and tells at level debug which stages that ran: one line for each batch. At other levels nothing is recorded.
import type { EngineRecord } from '#libs/derivation/recorder.ts';
import type { Projection } from '#libs/projection/projection.ts';
import type { Batch } from '#libs/projection/versions/projection-change.ts';
import type { Logger } from '#libs/runtime/log.ts';

const slowestMax = 5;

/** Does `fold`, which folds into the projection. `about` says in the line what was folded. */
export function foldLogged<T>(
  projection: Projection,
  log: Logger,
  about: () => Readonly<Record<string, unknown>>,
  fold: () => T,
): T {
  if (!log.isLevelEnabled('debug')) return fold();
  const { value, record } = projection.record(() => performance.now(), fold);
  log.debug({ ...about(), ...recordFields(record) }, 'folded');
  return value;
}

/** Says in a line what a batch holds: the numbers of its first and last event, and how many of what. */
export function batchFields({ events, slices, sealed }: Batch): Readonly<Record<string, unknown>> {
  const [first, last] = [events[0]?.seq.toString(), events.at(-1)?.seq.toString()];
  const counts = { events: events.length, slices: slices.length, sealed: sealed.length };
  return first === undefined ? counts : { seqs: first === last ? first : `${first}-${last}`, ...counts };
}

/** Makes as many fields as there are stages, and the five slowest keys. */
function recordFields({ stages, keys }: EngineRecord): Readonly<Record<string, unknown>> {
  const slowest = keys.toSorted((a, b) => b.ms - a.ms).slice(0, slowestMax);
  return {
    runs: stages.reduce((sum, { runs }) => sum + runs, 0),
    stagesMs: rounded(stages.reduce((sum, { ms }) => sum + ms, 0)),
    stages: stages.map(({ ms, ...counts }) => ({ ...counts, ms: rounded(ms) })),
    slowest: slowest.map(({ stage, key, ms, output }) => ({ stage, key, ms: rounded(ms), output })),
  };
}

/** Rounds to microseconds, which are as exact as it gets. */
function rounded(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
