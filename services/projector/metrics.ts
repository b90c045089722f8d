// Registers what the projector counts and measures.
import type { Metrics } from '#libs/runtime/metrics.ts';

export type ProjectorMetrics = ReturnType<typeof createProjectorMetrics>;

const batchBuckets = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000];
const secondsBuckets = [0.0005, 0.001, 0.002, 0.003, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 5];

/** Registers the projector's metrics; names without the prefix `fleetgate_`. */
export function createProjectorMetrics(metrics: Metrics) {
  const dropped = metrics.counter('projector_messages_dropped_total', 'messages that made no event', ['reason']);
  for (const reason of ['known', 'refused', 'malformed', 'poison'] as const) dropped.inc({ reason }, 0);
  return {
    appended: metrics.counter('projector_events_appended_total', 'events appended to the history', ['type']),
    dropped,
    versions: metrics.counter('projector_versions_total', 'snapshot versions made', ['cause']),
    batchSize: metrics.histogram('projector_batch_messages', 'messages per batch of the stream', [], batchBuckets),
    foldSeconds: metrics.histogram('projector_fold_seconds', 'time to fold one transaction', [], secondsBuckets),
    commitSeconds: metrics.histogram('projector_commit_seconds', 'time to commit one transaction', [], secondsBuckets),
    loadSeconds: metrics.gauge('projector_load_seconds', 'time that the last load of the projection took'),
    failures: metrics.counter('projector_transactions_failed_total', 'transactions that failed'),
    resyncs: metrics.counter('projector_resyncs_total', 'times that agents were asked to compare again'),
    restores: metrics.counter('projector_restores_total', 'times that the database was found older than what was seen'),
    leader: metrics.gauge('projector_leader', '1 while this projector is the writer'),
    checkpoint: metrics.gauge('projector_stream_sequence', 'stream sequence of the checkpoint'),
    unwritable: metrics.gauge('projector_stream_unwritable', '1 while the stream stores nothing of what is sent'),
    lag: metrics.gauge('projector_stream_lag', 'messages of the stream that are not committed'),
  };
}
