// Brings the wishes of the projector: messages as they change, and all of them whenever some may have been missed.
import { statusSubject } from '#libs/events/subjects.ts';
import { messageOf } from '#libs/runtime/errors.ts';
import type { Logger } from '#libs/runtime/log.ts';
import { backoff, pause } from '#libs/runtime/pause.ts';
import type { Asker } from '../ask-pages.ts';
import { fetchStatuses, parseStatuses } from './statuses.ts';
import type { WishBook } from './wish-book.ts';

interface WishFeed {
  /** Asks for all of them, soon. */
  refresh(): void;
  stop(): Promise<void>;
}

/** Feeds the book until stopped; asks for all wishes at once. */
export function startWishFeed(asker: Asker, book: WishBook, log: Logger): WishFeed {
  const abort = new AbortController();
  let state: 'idle' | 'asking' | 'asking, and once more' = 'idle';
  const subscription = asker.nats.subscribe(statusSubject(asker.cluster.name), (json) => {
    const wishes = parseStatuses(json);
    if (wishes === null) log.error('a message of statuses cannot be read');
    for (const wish of wishes ?? []) book.wish(wish);
  });

  async function ask(): Promise<void> {
    for (let failures = 0; !abort.signal.aborted;) {
      state = 'asking';
      book.beginReplace();
      try {
        book.replace(await fetchStatuses(asker));
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
