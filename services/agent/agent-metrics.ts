// Counts what an agent does, and measures what waits in it.
import type { ChangeEvent } from '#libs/events/change-event.ts';
import type { WatchedKind } from '#libs/gateway/kinds.ts';
import type { Metrics } from '#libs/runtime/metrics.ts';
import type { LiveObjects } from './objects/live-objects.ts';

/** Counts and measures what an agent does. */
export interface AgentMetrics {
  published(event: ChangeEvent): void;
  publishFailed(): void;
  restarted(kind: WatchedKind, why: string): void;
  changed(kind: WatchedKind): void;
  statusWritten(outcome: string): void;
  sealed(): void;
  /** Measures queues from now on; until then they are empty. */
  measure(queues: Queues): void;
}

interface Queues {
  /** Events that wait for NATS. */
  readonly outbox: () => number;
  /** Statuses that wait to be written. */
  readonly statuses: () => number;
}

/** Registers the metrics. */
export function createAgentMetrics(metrics: Metrics, live: LiveObjects): AgentMetrics {
  let queues: Queues = { outbox: () => 0, statuses: () => 0 };
  const published = metrics.counter('agent_events_published_total', 'Events stored in the log', ['type', 'via']);
  const failed = metrics.counter('agent_publish_failures_total', 'Publishes that were not confirmed');
  const restarts = metrics.counter('agent_watch_restarts_total', 'Ends of a watch', ['kind', 'why']);
  const writes = metrics.counter('agent_status_writes_total', 'Status writes by outcome', ['outcome']);
  const sealed = metrics.counter('agent_secrets_sealed_total', 'Secrets sealed to the node key');
  metrics.gauge('agent_outbox_length', 'Events that wait for NATS', [], (gauge) => gauge.set(queues.outbox()));
  metrics.gauge('agent_objects', 'Objects of the cluster that are watched', [], (gauge) => gauge.set(live.size));
  metrics.gauge('agent_status_queue_length', 'Statuses that wait to be written', [], (gauge) =>
    gauge.set(queues.statuses()),
  );
  const lastChange = new Map<WatchedKind, number>();
  metrics.gauge('agent_last_event_age_seconds', 'Time since the source last reported a change', ['kind'], (gauge) => {
    for (const [kind, at] of lastChange) gauge.set({ kind }, (performance.now() - at) / 1000);
  });
  return {
    published: ({ type, via }) => published.inc({ type, via }),
    publishFailed: () => failed.inc(),
    restarted: (kind, why) => restarts.inc({ kind, why }),
    changed: (kind) => lastChange.set(kind, performance.now()),
    statusWritten: (outcome) => writes.inc({ outcome }),
    sealed: () => sealed.inc(),
    measure(given) {
      queues = given;
    },
  };
}
