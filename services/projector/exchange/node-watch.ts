// Keeps the reports of all nodes as control writes them: by notice, again after each reconnect, and every now and then
// in any case.
import type { Kysely } from 'kysely';
import type { Database } from '#libs/runtime/postgres/database.ts';
import type { NodeEvent } from '#libs/events/node-event.ts';
import type { Logger } from '#libs/runtime/log.ts';
import { pause } from '#libs/runtime/pause.ts';
import { listen } from '#libs/runtime/postgres/postgres.ts';
import type { NodeReport } from '#libs/projection/model/delivery/node-report.ts';
import { readDepartures, readNodeReports } from './node-reports.ts';

export interface NodeWatch {
  /** All reports, in name order. */
  readonly reports: readonly NodeReport[];
  stop(): Promise<void>;
}

const channel = 'fleetgate_nodes';
const gatherMs = 20;
const readAllMs = 30_000;
const retryMs = 1000;

/** Reads all reports, then calls `onReports` after each change of them and for nodes that left. */
export async function startNodeWatch(options: {
  readonly url: string;
  readonly db: Kysely<Database>;
  readonly log: Logger;
  readonly signal: AbortSignal;
  /** Takes over the reports, and appends to the history which nodes left. */
  readonly onReports: (departures: readonly NodeEvent[]) => Promise<void>;
  /** Called for the nodes that said something; undefined = it is not known which. */
  readonly onNoticed: (names: readonly string[] | undefined) => Promise<void>;
}): Promise<NodeWatch> {
  const stopping = new AbortController();
  const signal = AbortSignal.any([options.signal, stopping.signal]);
  // At first, for those that left while no projector led.
  let dirty: Set<string> | 'all' = 'all';
  let noticed = Promise.withResolvers<void>();
  const listening = await listen(
    options.url,
    [channel],
    (_channel, node) => {
      if (node === null || node === '') dirty = 'all';
      else if (dirty !== 'all') dirty.add(node);
      noticed.resolve();
    },
    options.log,
    signal,
  );
  let reports = byName(await readNodeReports(options.db));

  async function refresh(): Promise<void> {
    const names = dirty;
    dirty = new Set();
    try {
      const before = JSON.stringify([...reports.values()]);
      reports = await reread(options.db, reports, names);
      await options.onNoticed(names === 'all' ? undefined : [...names]);
      const departures = await readDepartures(options.db);
      const isNew = departures.length > 0 || before !== JSON.stringify([...reports.values()]);
      if (isNew) await options.onReports(departures);
    } catch (error) {
      dirty = 'all';
      options.log.warn({ err: error }, 'node reports cannot be read');
      await pause(retryMs, signal);
    }
  }

  async function run(): Promise<void> {
    while (!signal.aborted) {
      if (dirty !== 'all' && dirty.size === 0) {
        const timeUp = pause(readAllMs, signal).then(() => 'time up' as const);
        if ((await Promise.race([noticed.promise, timeUp])) === 'time up') dirty = 'all';
      }
      await pause(gatherMs, signal);
      noticed = Promise.withResolvers<void>();
      if (!signal.aborted && (dirty === 'all' || dirty.size > 0)) await refresh();
    }
  }

  const running = run();
  return {
    get reports() {
      return [...reports.values()];
    },
    async stop() {
      stopping.abort();
      await Promise.all([running, listening.stop()]);
    },
  };
}

async function reread(
  db: Kysely<Database>,
  reports: ReadonlyMap<string, NodeReport>,
  names: ReadonlySet<string> | 'all',
): Promise<ReadonlyMap<string, NodeReport>> {
  if (names === 'all') return byName(await readNodeReports(db));
  const changed = byName(await readNodeReports(db, [...names]));
  const kept = [...reports].filter(([name]) => !names.has(name));
  return new Map([...kept, ...changed].toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

function byName(reports: readonly NodeReport[]): ReadonlyMap<string, NodeReport> {
  return new Map(reports.map((report) => [report.node, report]));
}
