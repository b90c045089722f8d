// Tells the fleet regularly that the agent lives and what is wrong; at once, several together, when that changes.
import type { Heartbeat } from '#libs/events/agent-exchange.ts';
import { heartbeatSubject } from '#libs/events/subjects.ts';
import { heartbeatEveryMs } from '#libs/protocol/silence.ts';
import type { Nats } from '#libs/runtime/nats/nats.ts';
import packageFile from '../../package.json' with { type: 'json' };
import type { LiveObjects } from './objects/live-objects.ts';
import type { Problems } from './problems.ts';
import type { Source } from './source.ts';
import type { Sync } from './sync.ts';

interface HeartbeatOptions {
  readonly cluster: string;
  readonly source: Pick<Source, 'kind' | 'clusterUid'>;
  readonly nats: Nats;
  readonly live: LiveObjects;
  readonly sync: Sync;
  readonly problems: Problems;
  /** Once aborted, nothing is told any more. */
  readonly signal: AbortSignal;
}

const soonMs = 500;

/** Starts the heartbeat; returns what stops it. */
export function startHeartbeat(options: HeartbeatOptions): () => void {
  const { cluster, source, nats, live, sync, problems, signal } = options;
  let soon: NodeJS.Timeout | undefined;

  function beat(): void {
    if (!nats.connected || signal.aborted) return;
    const told: Heartbeat = {
      cluster,
      clusterUid: source.clusterUid,
      version: packageFile.version,
      source: source.kind,
      synced: sync.isReached,
      objects: live.size,
      problems: problems.list(),
    };
    nats.publish(heartbeatSubject(cluster), told);
  }

  const regular = setInterval(beat, heartbeatEveryMs);
  const unwatch = problems.watch(() => {
    soon ??= setTimeout(() => {
      soon = undefined;
      beat();
    }, soonMs);
  });
  void sync.reached.then(beat);
  return () => {
    clearInterval(regular);
    unwatch();
    clearTimeout(soon);
  };
}
