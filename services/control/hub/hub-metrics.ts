// Registers what the hub counts.
import type { Metrics } from '#libs/runtime/metrics.ts';

export type HubMetrics = ReturnType<typeof createHubMetrics>;

export function createHubMetrics(metrics: Metrics) {
  return {
    nodes: metrics.gauge('hub_nodes', 'Nodes connected to this replica'),
    entries: metrics.gauge('hub_entries', 'Snapshot entries in memory'),
    received: metrics.counter('hub_messages_received_total', 'Messages of nodes', ['type']),
    sentBytes: metrics.counter('hub_sent_bytes_total', 'Bytes of messages to nodes', ['kind']),
    snapshots: metrics.counter('hub_snapshots_sent_total', 'Snapshots sent to nodes', ['form']),
    reports: metrics.counter('hub_reports_total', 'Reports of nodes', ['kind']),
    congestions: metrics.counter('hub_congestions_total', 'Times that a node read more slowly than it was sent to'),
    refused: metrics.counter('hub_refused_total', 'Connections that were not accepted', ['reason']),
    noticeToSent: metrics.histogram(
      'hub_notice_to_sent_seconds',
      'From the notification of a commit until its messages are with the sockets of all nodes',
      [],
      [0.0005, 0.001, 0.002, 0.003, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 5],
    ),
  };
}
