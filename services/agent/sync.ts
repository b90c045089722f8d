// Says when the agent is in step with its cluster: everything was listed once, and what the history lacked is stored.
import type { Logger } from '#libs/runtime/log.ts';
import type { LiveObjects } from './objects/live-objects.ts';

/** Waits until the agent is in step with its cluster. */
export class Sync {
  readonly #live: LiveObjects;
  readonly #log: Logger;
  readonly #reached = Promise.withResolvers<void>();
  #state: 'awaited' | 'reached' = 'awaited';

  constructor(live: LiveObjects, log: Logger) {
    this.#live = live;
    this.#log = log;
  }

  get isReached(): boolean {
    return this.#state === 'reached';
  }

  /** Resolves when it is reached for the first time; it stays so. */
  get reached(): Promise<void> {
    return this.#reached.promise;
  }

  /**
   * Looks whether it is reached, when a kind was listed or an event was stored; `waiting` = events that are not
   * stored.
   */
  check(waiting: number): void {
    if (this.isReached || waiting > 0 || this.#live.unlistedKinds().length > 0) return;
    this.#state = 'reached';
    this.#log.info({ objects: this.#live.size }, 'synced');
    this.#reached.resolve();
  }
}
