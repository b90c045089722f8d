// Notices what may have been lost on the way to the history: NATS was away, or the stream is another one.
import { z } from 'zod';
import { resyncSubject } from '#libs/events/subjects.ts';
import type { Nats } from '#libs/runtime/nats/nats.ts';
import type { Doubts } from '../doubts.ts';
import type { Outbox } from './outbox.ts';
import type { Reconciler } from './reconciler.ts';

const resync = z.object({ stream: z.string().optional() });

/** Raises doubts until stopped; returns what stops it. */
export function watchForLosses(options: {
  readonly nats: Nats;
  readonly outbox: Outbox;
  readonly reconciler: Reconciler;
  readonly doubts: Doubts;
}): () => Promise<void> {
  const { nats, outbox, reconciler, doubts } = options;
  const subscription = nats.subscribe(resyncSubject, (json) => {
    // Undefined: the projector does not say which stream it means; then compare in any case.
    const stream = resync.safeParse(json).data?.stream;
    if (reconciler.isBehind(stream)) doubts.raise('the stream was lost');
  });
  const ignore = nats.onStatus((status) => {
    if (status === 'disconnected') return;
    outbox.reconnected();
    doubts.raise('NATS was away');
  });
  return async () => {
    ignore();
    await subscription.stop();
  };
}
