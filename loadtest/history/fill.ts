// Fills a database with the history of a made-up fleet, by the projector's own writer: what follows from an event, its
// versions, entries and statuses, is written as it is in a real fleet. The clock is the history's: it lasts 90 days.
import type { Logger } from '#libs/runtime/log.ts';
import { createMetrics } from '#libs/runtime/metrics.ts';
import type { ChangeEvent } from '#libs/events/change-event.ts';
import { awaitLeadership } from '../../services/projector/leadership.ts';
import { Intake } from '../../services/projector/ingest/intake.ts';
import { Writer } from '../../services/projector/ingest/writer.ts';
import { createProjectorMetrics } from '../../services/projector/metrics.ts';
import { newIdentity } from '../../services/projector/presence.ts';
import { type FleetEvent, firstEvents, known, laterEvents, sizeFor } from './fleet.ts';

const batchMax = 500;
const days = 90;
const dayMs = 86_400_000;
const leaseMs = 60_000;
const commandEveryBatches = 20;
const reportEveryEvents = 50_000;

/** Appends so many events; answers how many seconds that took. `print` gets lines for people. */
export async function fillHistory(
  url: string,
  count: number,
  log: Logger,
  print: (line: string) => void,
): Promise<number> {
  const signal = new AbortController().signal;
  const leadership = await awaitLeadership({ url, log, signal, self: newIdentity(leaseMs) });
  if (leadership === undefined) throw new Error('another projector leads');
  const end = Date.now();
  let appended = 0;
  const now = (): Date => new Date(end - Math.round(days * dayMs * (1 - appended / count)));
  const metrics = createProjectorMetrics(createMetrics('bench'));
  const writer = await Writer.open({ leadership, limits: {}, metrics, log, now }, []);
  const begun = performance.now();
  const size = sizeFor(count);
  let written: Promise<unknown> = Promise.resolve();
  let batches = 0;
  for (const events of batchesOf(
    firstEvents(size),
    laterEvents(size, () => appended / count),
    now,
  )) {
    const intake = new Intake(writer.clusters, writer.projection);
    for (const event of events.slice(0, count - appended)) intake.add(event);
    const prepared = writer.prepare(intake, { streamCreated: 'bench', streamSeq: appended, storedAt: null });
    await written;
    written = writer.write(prepared);
    const before = appended;
    appended += intake.events.length;
    batches += 1;
    if (batches % commandEveryBatches === 0) {
      await written;
      appended += await command(writer, now(), batches);
    }
    if (Math.floor(before / reportEveryEvents) < Math.floor(appended / reportEveryEvents)) {
      print(`${appended} events, ${Math.round((appended / (performance.now() - begun)) * 1000)}/s`);
    }
    if (appended >= count) break;
  }
  await written;
  await leadership.release();
  return (performance.now() - begun) / 1000;
}

/** Rolls a gateway back and releases it; answers how many events that made. */
async function command(writer: Writer, at: Date, turn: number): Promise<number> {
  const base = {
    v: 2,
    gateway: known.gateway,
    actor: { name: 'ann', role: 'operator' },
    at: at.toISOString(),
    expiresAt: new Date(at.getTime() + dayMs).toISOString(),
    reason: `drill ${turn}`,
  } as const;
  await writer.decide({ ...base, type: 'rollback', id: `rollback-${turn}`, to: null }, writer.checkpoint);
  await writer.decide({ ...base, type: 'release', id: `release-${turn}` }, writer.checkpoint);
  return 2;
}

function* batchesOf(
  first: Iterable<FleetEvent>,
  later: Iterable<FleetEvent>,
  now: () => Date,
): Generator<readonly ChangeEvent[]> {
  let batch: ChangeEvent[] = [];
  for (const events of [first, later]) {
    for (const event of events) {
      batch.push(event(now()));
      if (batch.length < batchMax) continue;
      yield batch;
      batch = [];
    }
  }
}
