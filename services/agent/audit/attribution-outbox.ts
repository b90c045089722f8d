// Brings attributions to the log: each at least once, for its id makes a repetition harmless. It is bounded; over its
// bound the oldest are given up, and counted.
import type { AttributionEvent } from '#libs/events/attribution-event.ts';
import { backoff } from '#libs/runtime/pause.ts';

interface AttributionOutboxOptions {
  /** Stores one; rejects when it is not known to be stored. */
  readonly publish: (event: AttributionEvent, id: string) => Promise<unknown>;
  readonly canPublish: () => boolean;
  readonly onPublished: (event: AttributionEvent) => void;
  readonly onDropped: (events: number) => void;
  readonly lengthMax?: number;
  readonly windowMax?: number;
}

const lengthMaxDefault = 20_000;
const windowMaxDefault = 64;

/** Holds attributions until they are stored. */
export class AttributionOutbox {
  readonly #options: AttributionOutboxOptions;
  /** By id, the oldest first. */
  readonly #queue = new Map<string, AttributionEvent>();
  readonly #inFlight = new Set<string>();
  #failures = 0;
  #retry: NodeJS.Timeout | undefined;
  #state: 'live' | 'stopped' = 'live';

  constructor(options: AttributionOutboxOptions) {
    this.#options = options;
  }

  get length(): number {
    return this.#queue.size;
  }

  offer(event: AttributionEvent, id: string): void {
    if (this.#state === 'stopped') return;
    this.#queue.set(id, event);
    const excess = this.#queue.size - (this.#options.lengthMax ?? lengthMaxDefault);
    if (excess > 0) {
      for (const oldest of [...this.#queue.keys().take(excess)]) this.#queue.delete(oldest);
      this.#options.onDropped(excess);
    }
    this.pump();
  }

  /** Sends what can be sent; to be called when the connection is back. */
  pump(): void {
    if (this.#state === 'stopped' || this.#retry !== undefined || !this.#options.canPublish()) return;
    for (const [id, event] of this.#queue) {
      if (this.#inFlight.size >= (this.#options.windowMax ?? windowMaxDefault)) return;
      if (!this.#inFlight.has(id)) void this.#send(id, event);
    }
  }

  stop(): void {
    this.#state = 'stopped';
    clearTimeout(this.#retry);
    this.#queue.clear();
  }

  async #send(id: string, event: AttributionEvent): Promise<void> {
    this.#inFlight.add(id);
    try {
      await this.#options.publish(event, id);
      this.#failures = 0;
      this.#queue.delete(id);
      this.#options.onPublished(event);
    } catch {
      this.#retry ??= setTimeout(
        () => {
          this.#retry = undefined;
          this.pump();
        },
        backoff(this.#failures++, { minMs: 100, maxMs: 5000 }),
      );
    } finally {
      this.#inFlight.delete(id);
    }
    this.pump();
  }
}
