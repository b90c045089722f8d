// Opens the outbox of a cluster onto the stream of NATS, and reports how the events in it fare.
import type { ChangeEvent } from '#libs/events/change-event.ts';
import { changeSubject } from '#libs/events/subjects.ts';
import { messageOf, sentenceOf } from '#libs/runtime/errors.ts';
import type { Nats } from '#libs/runtime/nats/nats.ts';
import type { AgentMetrics } from '../agent-metrics.ts';
import type { Doubts } from '../doubts.ts';
import type { Problems } from '../problems.ts';
import type { Sync } from '../sync.ts';
import { Outbox } from './outbox.ts';

/** Names the problem that changes are not stored. */
export const aboutPublishing = 'publish';
const publishTimeoutMs = 5000;

/** Opens an outbox whose overflow raises doubts. */
export function openOutbox(options: {
  readonly cluster: string;
  readonly nats: Nats;
  readonly doubts: Doubts;
  readonly problems: Problems;
  readonly metrics: AgentMetrics;
  readonly sync: Sync;
  readonly onStored: (event: ChangeEvent) => void;
}): Outbox {
  const { cluster, nats, doubts, problems, metrics, sync, onStored } = options;
  const subject = changeSubject(cluster);
  const outbox = new Outbox({
    publish: (event, id) => nats.publishStream(subject, event, { id, timeoutMs: publishTimeoutMs }),
    canPublish: () => nats.connected,
    isHopeless: (error) => /max_?payload/i.test(messageOf(error)),
    onPublished(event) {
      metrics.published(event);
      onStored(event);
      problems.set(aboutPublishing, null);
      problems.set(aboutSize(event), null);
      sync.check(outbox.length);
    },
    onFailed(event, error, fate) {
      metrics.publishFailed();
      const about = aboutSize(event);
      if (fate === 'hopeless') {
        sync.check(outbox.length);
        problems.set(about, `${about} is too large to be sent: ${messageOf(error)}`);
      } else if (nats.connected)
        problems.set(aboutPublishing, `changes wait here, for they are not stored: ${sentenceOf(error)}`);
    },
    onOverflow: () => doubts.raise('the queue overflowed'),
  });
  return outbox;
}

function aboutSize({ kind, namespace, name }: ChangeEvent): string {
  return `${kind} ${namespace}/${name}`;
}
