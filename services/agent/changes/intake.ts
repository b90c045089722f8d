// Takes in what a source reports: it hands changes to the mirror, and the rest to those whom it concerns.
import type { Logger } from '#libs/runtime/log.ts';
import type { AgentMetrics } from '../agent-metrics.ts';
import { sliceProblem } from '../objects/slice-problem.ts';
import type { Problems } from '../problems.ts';
import type { SourceSink } from '../source.ts';
import type { Sync } from '../sync.ts';
import type { Mirror } from './mirror.ts';
import type { Outbox } from './outbox.ts';

/** Makes the sink to which a source reports. */
export function createIntake(options: {
  readonly mirror: Mirror;
  readonly outbox: Outbox;
  readonly problems: Problems;
  readonly metrics: AgentMetrics;
  readonly sync: Sync;
  readonly log: Logger;
}): SourceSink {
  const { mirror, outbox, problems, metrics, sync, log } = options;
  return {
    change(change) {
      metrics.changed(change.kind);
      const found = sliceProblem(change);
      if (found !== undefined) problems.set(found.about, found.sentence);
      return mirror.change(change);
    },
    listed(kind) {
      mirror.listed(kind);
      sync.check(outbox.length);
    },
    problem: (about, sentence) => problems.set(about, sentence),
    restarted(kind, why) {
      metrics.restarted(kind, why);
      log.debug({ kind, why }, 'a watch ended');
    },
  };
}
