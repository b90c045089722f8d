// Puts together what finds out who changes a cluster:
//
//   API server ──EventList, review──▶ receiver ─┐
//   audit file ──────────────────────▶ reader ──┼─▶ join ──▶ outbox ──▶ NATS
//   mirror ───────version, change────▶ witness ─┘
//
// It may fail as a whole without holding up a change: what is wrong is in the heartbeat.
import type { ChangeEvent } from '#libs/events/change-event.ts';
import { attributionSubject } from '#libs/events/subjects.ts';
import { foreignPolicies } from '#libs/gateway/foreign-kinds.ts';
import { kinds } from '#libs/gateway/kinds.ts';
import { messageOf } from '#libs/runtime/errors.ts';
import type { Logger } from '#libs/runtime/log.ts';
import type { Nats } from '#libs/runtime/nats/nats.ts';
import { backoff, pause } from '#libs/runtime/pause.ts';
import type { Problems } from '../problems.ts';
import { AttributionOutbox } from './attribution-outbox.ts';
import { followAuditFile } from './audit-file.ts';
import type { AuditMetrics } from './audit-metrics.ts';
import { AuditProblems } from './audit-problems.ts';
import type { AuditSettings } from './audit-settings.ts';
import { Join } from './join.ts';
import { type AuditReading, parseAuditEvent } from './parse-audit-event.ts';
import { parseReview } from './parse-review.ts';
import { type Receiver, type ReceiverOptions, startReceiver } from './receiver.ts';
import { type Witness, createWitness } from './witness.ts';

export interface Attribution {
  readonly witness: Witness;
  stop(): Promise<void>;
}

interface AttributionOptions {
  readonly settings: AuditSettings;
  readonly cluster: string;
  readonly nats: Nats;
  readonly problems: Problems;
  readonly metrics: AuditMetrics;
  readonly log: Logger;
}

const settleMs = 2000;
const keepMs = 600_000;
const itemsMax = 100_000;
const itemsOfOneMax = 500;
const tickMs = 250;
const publishTimeoutMs = 5000;
const aboutReceiver = 'audit receiver';

/** Starts it; it goes on until stopped. What cannot start is tried again, and named. */
export function startAttribution(options: AttributionOptions): Attribution {
  const { settings, nats, problems, metrics } = options;
  const now = Date.now;
  const silenceMs = Math.max(settings.waitMs, 60_000);
  const troubles = new AuditProblems({ set: (about, sentence) => problems.set(about, sentence), now, silenceMs });
  const onDropped = (items: number): void => {
    metrics.dropped(items);
    troubles.dropped(items);
  };
  const outbox = openAttributionOutbox(options, onDropped);
  const join = new Join({
    emit: (event, id) => outbox.offer(event, id),
    onDropped,
    ...{ waitMs: settings.waitMs, settleMs, keepMs: keepMs + settings.waitMs, itemsMax, itemsOfOneMax },
  });
  const take = (from: 'audit' | 'admission', reading: AuditReading): void => {
    const outcome = reading.ok ? 'claim' : reading.why;
    metrics.received(from, outcome);
    troubles.received(outcome === 'claim' || outcome === 'vague' ? outcome : 'other');
    if (reading.ok) for (const claim of reading.claims) join.claim(claim, now());
  };
  const onEvents = (events: readonly unknown[]): void => {
    for (const event of events) take('audit', parseAuditEvent(event, isWatched));
  };
  const onReview = (review: unknown): void => take('admission', parseReview(review, now(), isWatched));
  metrics.measure({
    items: () => join.size,
    awaiting: () => join.awaiting,
    queue: () => outbox.length,
    silentMs: () => troubles.silentMs,
  });
  const stops = [
    listen(options, {
      onEvents,
      onReview,
      onRefused(from) {
        metrics.refused();
        troubles.refused(from);
      },
    }),
    readFile(options, onEvents),
  ];
  const ticking = setInterval(() => {
    join.tick(now());
    troubles.check();
  }, tickMs);
  const ignore = nats.onStatus((status) => {
    if (status === 'connected') outbox.pump();
  });
  const witness = createWitness({ join, hasReviews: settings.listen !== null, now, keepMs });
  return {
    witness: {
      ...witness,
      stored(event: ChangeEvent) {
        if (event.via === 'watch') troubles.changed();
        witness.stored(event);
      },
    },
    async stop() {
      clearInterval(ticking);
      ignore();
      await Promise.all(stops.map((stop) => stop()));
      outbox.stop();
    },
  };
}

function openAttributionOutbox(
  { cluster, nats, metrics, problems }: AttributionOptions,
  onDropped: (events: number) => void,
): AttributionOutbox {
  const subject = attributionSubject(cluster);
  return new AttributionOutbox({
    async publish(event, id) {
      try {
        await nats.publishStream(subject, event, { id, timeoutMs: publishTimeoutMs });
        problems.set('attribution', null);
      } catch (error) {
        if (nats.connected) problems.set('attribution', `attributions wait here: ${messageOf(error)}`);
        throw error;
      }
    },
    canPublish: () => nats.connected,
    onPublished: ({ certainty }) => metrics.attributed(certainty),
    onDropped,
  });
}

/** Listens, and tries again where it cannot. */
function listen(
  { settings, log, problems }: AttributionOptions,
  takers: Pick<ReceiverOptions, 'onEvents' | 'onReview' | 'onRefused'>,
): () => Promise<void> {
  const { listen: place } = settings;
  if (place === null) return () => Promise.resolve();
  const abort = new AbortController();
  const onProblem = (sentence: string | null): void => problems.set('audit certificate', sentence);
  const open = async (): Promise<Receiver | undefined> => {
    for (let attempt = 0; !abort.signal.aborted; attempt++) {
      try {
        const receiver = await startReceiver({ ...place, ...takers, log, onProblem });
        problems.set(aboutReceiver, null);
        log.info({ port: receiver.port }, 'audit events are awaited');
        return receiver;
      } catch (error) {
        problems.set(aboutReceiver, `the receiver of audit events cannot start: ${messageOf(error)}`);
        await pause(backoff(attempt, { minMs: 500, maxMs: 10_000 }), abort.signal);
      }
    }
    return undefined;
  };
  const opened = open();
  return async () => {
    abort.abort();
    const receiver = await opened;
    await receiver?.stop();
  };
}

function readFile(
  { settings, metrics, problems }: AttributionOptions,
  onEvents: (events: readonly unknown[]) => void,
): () => Promise<void> {
  const { file: path, placeFile } = settings;
  if (path === undefined) return () => Promise.resolve();
  return followAuditFile({
    path,
    placeFile,
    onEvents,
    onMalformed: () => metrics.received('audit', 'malformed'),
    onProblem: (sentence) => problems.set('audit file', sentence),
  });
}

const watchedResources: ReadonlySet<string> = new Set([
  ...kinds.filter(({ stream }) => stream === 'history').map(({ group, plural }) => `${group}/${plural}`),
  ...[...foreignPolicies.values()].flat().map(({ group, plural }) => `${group}/${plural}`),
]);

/** Says whether changes of a resource are in the history. Policies that are found by their label alone are not. */
function isWatched(group: string, resource: string): boolean {
  return watchedResources.has(`${group}/${resource}`);
}
