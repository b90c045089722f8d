// Where desired statuses come from: messages as they change, and all of them whenever some may have been missed.
import type { DesiredStatus } from '#libs/events/agent-exchange.ts';
import { statusSubject } from '#libs/events/subjects.ts';
import { messageOf } from '#libs/runtime/errors.ts';
import type { Logger } from '#libs/runtime/log.ts';
import { backoff, pause } from '#libs/runtime/pause.ts';
import { type Asker, fetchStatuses, parseStatuses } from '../changes/inventory.ts';

export interface StatusWishes {
  /** Asks for all of them, soon. */
  refresh(): void;
  stop(): Promise<void>;
}

/** What acts on the wishes. */
interface WishTaker {
  wish(desired: DesiredStatus): void;
  /** Called before all wishes are asked for; `replace` brings the answer. */
  beginReplace(): void;
  replace(all: readonly DesiredStatus[]): void;
}

/** Feeds those who act on them until stopped; asks for all statuses at once. */
export function startStatusWishes(asker: Asker, takers: readonly WishTaker[], log: Logger): StatusWishes {
  const abort = new AbortController();
  let state: 'idle' | 'asking' | 'asking, and once more' = 'idle';
  const subscription = asker.nats.subscribe(statusSubject(asker.cluster.name), (json) => {
    const wishes = parseStatuses(json);
    if (wishes === null) log.error('a message of statuses cannot be read');
    for (const wish of wishes ?? []) for (const taker of takers) taker.wish(wish);
  });

  async function ask(): Promise<void> {
    for (let failures = 0; !abort.signal.aborted;) {
      state = 'asking';
      for (const taker of takers) taker.beginReplace();
      try {
        const all = await fetchStatuses(asker);
        for (const taker of takers) taker.replace(all);
        if (state === 'asking') break;
      } catch (error) {
        if (failures === 0)
          log.warn({ reason: messageOf(error) }, 'the projector does not say which statuses it wants');
        await pause(backoff(failures++, { minMs: 100, maxMs: 10_000 }), abort.signal);
      }
    }
    state = 'idle';
  }

  let asking = ask();
  return {
    refresh() {
      if (state !== 'idle') state = 'asking, and once more';
      else asking = ask();
    },
    async stop() {
      abort.abort();
      await subscription.stop();
      await asking;
    },
  };
}
