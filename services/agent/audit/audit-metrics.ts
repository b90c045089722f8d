// Counts what Kubernetes told of requests and what came of it, and measures what waits.
import type { AttributionEvent } from '#libs/events/attribution-event.ts';
import type { Metrics } from '#libs/runtime/metrics.ts';
import type { NoClaim } from './parse-audit-event.ts';

/** Counts and measures attribution. */
export interface AuditMetrics {
  /** An event or review was read: `claim`, or why it is none. */
  received(from: 'audit' | 'admission', outcome: 'claim' | NoClaim): void;
  refused(): void;
  dropped(items: number): void;
  attributed(certainty: AttributionEvent['certainty']): void;
  /** Measures from now on; until then there is nothing. */
  measure(measured: Measured): void;
}

interface Measured {
  /** Claims, versions and changes in memory. */
  readonly items: () => number;
  /** Changes of which there is more to tell. */
  readonly awaiting: () => number;
  /** Attributions that wait for NATS. */
  readonly queue: () => number;
  /** Since something was received; undefined = never. */
  readonly silentMs: () => number | undefined;
}

/** Registers the metrics. */
export function createAuditMetrics(metrics: Metrics): AuditMetrics {
  let measured: Measured = { items: () => 0, awaiting: () => 0, queue: () => 0, silentMs: () => undefined };
  const received = metrics.counter('agent_audit_received_total', 'Audit events and reviews by what they say', [
    'from',
    'outcome',
  ]);
  const refused = metrics.counter('agent_audit_refused_total', 'Requests to the receiver from who is not known');
  const dropped = metrics.counter('agent_audit_dropped_total', 'What was given up before it was joined or stored');
  const attributed = metrics.counter('agent_attributions_total', 'Attributions stored in the log', ['certainty']);
  metrics.gauge('agent_audit_items', 'Claims, versions and changes in memory', [], (gauge) =>
    gauge.set(measured.items()),
  );
  metrics.gauge('agent_audit_awaiting', 'Changes whose author is awaited', [], (gauge) =>
    gauge.set(measured.awaiting()),
  );
  metrics.gauge('agent_attribution_queue_length', 'Attributions that wait for NATS', [], (gauge) =>
    gauge.set(measured.queue()),
  );
  metrics.gauge('agent_audit_silence_seconds', 'Time since an audit event or review was received', [], (gauge) => {
    const silentMs = measured.silentMs();
    if (silentMs !== undefined) gauge.set(silentMs / 1000);
  });
  return {
    received: (from, outcome) => received.inc({ from, outcome }),
    refused: () => refused.inc(),
    dropped: (items) => dropped.inc(items),
    attributed: (certainty) => attributed.inc({ certainty }),
    measure(given) {
      measured = given;
    },
  };
}
