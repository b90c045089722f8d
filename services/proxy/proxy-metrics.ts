// Counts what one node does. Series per gateway carry its name; none is ever made from what a request holds.
import { createMetrics, type Metrics } from '#libs/runtime/metrics.ts';
import type { Held } from '#libs/protocol/messages.ts';
import { emptyDigest } from '#libs/snapshot/digest.ts';
import type { XdsType } from '#libs/xds/envoy/resources.ts';

/** What is read at each scrape. */
interface ProxyState {
  held(): readonly Held[];
  envoyLive(): boolean;
  hubConnected(): boolean;
  problems(): number;
  faults(): number;
}

export interface ProxyMetrics {
  readonly registry: Metrics['registry'];
  activated(gateway: string, outcome: 'applied' | 'rejected', seconds: number): void;
  received(bytes: number): void;
  pushed(type: XdsType, resources: number, bytes: number): void;
  refused(type: XdsType): void;
  hubLost(): void;
  envoyEnded(): void;
  notSaved(): void;
}

/** Makes the metrics of a node and their registry. */
export function proxyMetrics(node: string, state: ProxyState): ProxyMetrics {
  const metrics = createMetrics('proxy', { node });
  const activation = metrics.histogram('node_activation_seconds', 'From receipt of a snapshot to its end', ['outcome']);
  const rejected = metrics.counter('node_rejected_total', 'Snapshots that were not taken', ['gateway']);
  const received = metrics.counter('node_received_bytes_total', 'Bytes of messages from control');
  const pushed = metrics.counter('node_pushed_resources_total', 'Resources sent to Envoy, removals too', ['type']);
  const pushedBytes = metrics.counter('node_pushed_bytes_total', 'Bytes sent to Envoy', ['type']);
  const refused = metrics.counter('node_refused_responses_total', 'Responses that Envoy refused', ['type']);
  const hubLost = metrics.counter('node_control_disconnects_total', 'Connections to control that ended');
  const envoyEnded = metrics.counter('node_envoy_exits_total', 'How often Envoy ended unasked');
  const notSaved = metrics.counter('node_last_good_failures_total', 'Changes that could not be written to disk');
  metrics.gauge('node_gateway_version', 'Version that serves', ['gateway'], (gauge) => {
    gauge.reset();
    for (const { gateway, version, digest } of state.held()) {
      // Without entries it is deleted, or not for this node any more.
      if (digest !== emptyDigest) gauge.set({ gateway }, version);
    }
  });
  metrics.gauge('node_envoy_live', '1 while Envoy serves', [], (gauge) => gauge.set(state.envoyLive() ? 1 : 0));
  metrics.gauge('node_control_connected', '1 while connected to control', [], (gauge) =>
    gauge.set(state.hubConnected() ? 1 : 0),
  );
  metrics.gauge('node_problems', 'Parts of snapshots that answer 500 because Envoy would not take them', [], (gauge) =>
    gauge.set(state.problems()),
  );
  metrics.gauge('node_faults', 'Reasons why Envoy may not serve what it should', [], (gauge) =>
    gauge.set(state.faults()),
  );
  return {
    registry: metrics.registry,
    activated(gateway, outcome, seconds) {
      activation.observe({ outcome }, seconds);
      if (outcome === 'rejected') rejected.inc({ gateway });
    },
    received: (bytes) => received.inc(bytes),
    pushed(type, resources, bytes) {
      pushed.inc({ type }, resources);
      pushedBytes.inc({ type }, bytes);
    },
    refused: (type) => refused.inc({ type }),
    hubLost: () => hubLost.inc(),
    envoyEnded: () => envoyEnded.inc(),
    notSaved: () => notSaved.inc(),
  };
}
