// Sends events to the log, and keeps what the history is believed to hold of each object.
// The queue is keyed by object and the newest event wins, so that it is bounded by the number of objects. Over a hard
// limit, or when NATS was away, the belief is refreshed from the inventory and everything is compared again
// (reconciler.ts). Gateways of a cluster that the history does not know yet come last, so that no node ever serves
// half of what was listed.
import type { InventoryItem } from '#libs/events/agent-exchange.ts';
import type { ChangeEvent } from '#libs/events/change-event.ts';
import { changeMessageId } from '#libs/events/subjects.ts';
import { fullJitter } from '#libs/runtime/pause.ts';
import { parseLocalKey, toLocalKey } from '#libs/gateway/object-key.ts';

/** Says what the history holds of an object, or will hold once the queue is through. */
export interface Held {
  readonly uid: string;
  readonly hash: string;
  readonly resourceVersion: string;
}

/** Says how events are stored, and who learns how they fare. */
export interface OutboxOptions {
  /** Stores one event; rejects when it is not known to be stored. */
  readonly publish: (event: ChangeEvent, id: string) => Promise<unknown>;
  readonly canPublish: () => boolean;
  /** An event that no repetition can bring through (too large): dropped and named. */
  readonly isHopeless: (error: unknown) => boolean;
  readonly onPublished: (event: ChangeEvent) => void;
  readonly onFailed: (event: ChangeEvent, error: unknown, hopeless: 'hopeless' | 'retried') => void;
  /** The queue overflowed: nothing is taken until `refresh`. */
  readonly onOverflow: () => void;
  readonly queueLengthMax?: number;
  readonly windowMax?: number;
  readonly retryDelayMs?: (attempt: number) => number;
  /** How long the Gateways of an unknown cluster wait for the rest of the first listing. */
  readonly firstListingMaxMs?: number;
}

/** One try to send an event. */
interface Attempt {
  readonly event: ChangeEvent;
}

const queueLengthMaxDefault = 100_000;
const windowMaxDefault = 256;
const firstListingMaxMsDefault = 10_000;
const lastKind = 'Gateway';

/** Brings events to the log: one at a time of each object, many at a time of different ones. */
export class Outbox {
  readonly #options: OutboxOptions;
  readonly #held = new Map<string, Held>();
  readonly #queue = new Map<string, ChangeEvent>();
  readonly #inFlight = new Map<string, Attempt>();
  /** Stored since a refresh began, so perhaps newer than its inventory; null = no refresh is under way. */
  #storedMeanwhile: Map<string, ChangeEvent> | null = null;
  readonly #waiting = new Set<() => void>();
  #state: 'live' | 'overflowed' | 'stopped' = 'live';
  #failures = 0;
  #retry: NodeJS.Timeout | undefined;
  /** Runs during the first listing of a cluster that the history does not know. */
  #firstListing: NodeJS.Timeout | undefined;
  #refreshes = 0;

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  /** Events that wait or are under way. */
  get length(): number {
    return this.#queue.size + this.#inFlight.size;
  }

  get held(): ReadonlyMap<string, Held> {
    return this.#held;
  }

  holds(key: string, uid: string, hash: string): boolean {
    const held = this.#held.get(key);
    return held !== undefined && held.uid === uid && held.hash === hash;
  }

  /** Sends an event, at once where nothing is in its way. */
  offer(event: ChangeEvent): void {
    if (this.#state !== 'live') return;
    const key = toLocalKey(event);
    hold(this.#held, key, event);
    this.#queue.set(key, event);
    if (this.#queue.size > (this.#options.queueLengthMax ?? queueLengthMaxDefault)) return this.#overflow();
    this.pump();
  }

  /** Resolves when the queue is short enough for a flood: what compares or lists waits here, what watches does not. */
  room(): Promise<void> | undefined {
    if (this.#hasRoom()) return undefined;
    return new Promise((resolve) => this.#waiting.add(resolve));
  }

  /** Sends what can be sent; to be called when the connection is back. */
  pump(): void {
    if (this.#state === 'stopped' || this.#retry !== undefined || !this.#options.canPublish()) return;
    const windowMax = this.#options.windowMax ?? windowMaxDefault;
    for (const [key, event] of this.#queue) {
      if (this.#inFlight.size >= windowMax) return;
      // One at a time per object, so that the log has them in order.
      if (this.#inFlight.has(key)) continue;
      if (this.#firstListing !== undefined && event.kind === lastKind) continue;
      this.#queue.delete(key);
      const attempt = { event };
      this.#inFlight.set(key, attempt);
      void this.#send(key, attempt);
    }
  }

  /** The connection is back: no reason to wait for the next try, nor for answers that went astray with the old one. */
  reconnected(): void {
    clearTimeout(this.#retry);
    this.#retry = undefined;
    this.#failures = 0;
    for (const [key, { event }] of this.#inFlight) if (!this.#queue.has(key)) this.#queue.set(key, event);
    this.#inFlight.clear();
    this.pump();
  }

  /** Is to be called before the inventory is asked for; then `refresh` with the answer. */
  beginRefresh(): void {
    this.#storedMeanwhile = new Map();
  }

  /** Replaces the belief by the inventory, but for what is on its way or was stored since `beginRefresh`. */
  refresh(inventory: readonly InventoryItem[]): void {
    this.#held.clear();
    for (const { key, uid, hash, resourceVersion } of inventory) this.#held.set(key, { uid, hash, resourceVersion });
    for (const [key, event] of this.#storedMeanwhile ?? []) hold(this.#held, key, event);
    for (const [key, { event }] of this.#inFlight) hold(this.#held, key, event);
    for (const [key, event] of this.#queue) hold(this.#held, key, event);
    this.#storedMeanwhile = null;
    if (this.#state === 'overflowed') this.#state = 'live';
    if (this.#refreshes++ === 0 && !inventory.some(({ key }) => parseLocalKey(key).kind === lastKind)) {
      const maxMs = this.#options.firstListingMaxMs ?? firstListingMaxMsDefault;
      this.#firstListing = setTimeout(() => this.listed(), maxMs).unref();
    }
  }

  /** Everything was listed once: Gateways that waited for the rest follow it. */
  listed(): void {
    if (this.#firstListing === undefined) return;
    clearTimeout(this.#firstListing);
    this.#firstListing = undefined;
    const waiting = [...this.#queue].filter(([, event]) => event.kind === lastKind);
    for (const [key, event] of waiting) {
      this.#queue.delete(key);
      this.#queue.set(key, event);
    }
    this.pump();
  }

  stop(): void {
    this.#state = 'stopped';
    clearTimeout(this.#retry);
    clearTimeout(this.#firstListing);
    this.#queue.clear();
    this.#wake();
  }

  async #send(key: string, attempt: Attempt): Promise<void> {
    const { event } = attempt;
    try {
      await this.#options.publish(event, changeMessageId(event));
      if (this.#inFlight.get(key) !== attempt) return;
      this.#failures = 0;
      this.#inFlight.delete(key);
      this.#storedMeanwhile?.set(key, event);
      this.#options.onPublished(event);
    } catch (error) {
      if (this.#inFlight.get(key) !== attempt) return;
      this.#inFlight.delete(key);
      this.#failed(key, event, error);
    }
    if (this.#waiting.size > 0 && this.#hasRoom()) this.#wake();
    this.pump();
  }

  #hasRoom(): boolean {
    return this.#state !== 'live' || this.#queue.size < (this.#options.queueLengthMax ?? queueLengthMaxDefault) / 4;
  }

  #wake(): void {
    for (const resume of this.#waiting) resume();
    this.#waiting.clear();
  }

  #failed(key: string, event: ChangeEvent, error: unknown): void {
    if (this.#state === 'stopped') return;
    if (this.#options.isHopeless(error)) return this.#options.onFailed(event, error, 'hopeless');
    this.#options.onFailed(event, error, 'retried');
    // Perhaps stored all the same: the same id makes the repetition harmless, and a newer event makes it needless.
    if (this.#state === 'live' && !this.#queue.has(key)) this.#queue.set(key, event);
    if (this.#retry !== undefined) return;
    const delayMs = this.#options.retryDelayMs ?? ((attempt) => fullJitter(attempt, { minMs: 100, maxMs: 5000 }));
    this.#retry = setTimeout(
      () => {
        this.#retry = undefined;
        this.pump();
      },
      delayMs(this.#failures++),
    );
  }

  #overflow(): void {
    this.#state = 'overflowed';
    this.#queue.clear();
    this.#wake();
    this.#options.onOverflow();
  }
}

function hold(held: Map<string, Held>, key: string, event: ChangeEvent): void {
  if (event.type === 'deleted') held.delete(key);
  else held.set(key, { uid: event.uid, hash: event.hash, resourceVersion: event.resourceVersion });
}
