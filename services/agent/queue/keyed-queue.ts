// Works through keys, some at a time and not too many a second: one queue for all that writes to a cluster.
//
//   renew, nudge ──▶ queue ──due──▶ work ──verdict──▶ done with it
//                     ▲ ▲   │                 │
//                     │ │   └─not due yet─▶ paced: comes back when it is due, or sooner with other work
//                     │ └─────────────────────┤ at once, a few times
//                     └──────── delayed ◀─────┘ later and later
//
// A key is in work once at a time. What is to be done for it is asked when its turn comes, so that the newest counts.
import { fullJitter } from '#libs/runtime/pause.ts';
import { TokenBucket } from './token-bucket.ts';

/** Says what is to be done for a key. */
export interface Due<W> {
  readonly work: W;
  /** By `performance.now()`; until then only other work of the key goes ahead. Absent = at once. */
  readonly notBefore?: number;
}

/**
 * What came of a piece of work.
 *
 * - done: it went well. What is due then is done at once a few times, then more and more slowly: somebody undoes it.
 * - stale: as done, but nothing was achieved yet; it was based on an old state.
 * - over: there is nothing more to do until the key is nudged.
 * - failed: it is tried again, more and more slowly; the sentence is told if that goes on.
 * - refused: the sentence, where there is one, is told at once; it is tried again after `againMs`, null = never.
 */
export type Verdict =
  | { readonly type: 'done' | 'stale' | 'over' }
  | { readonly type: 'failed'; readonly sentence: string }
  | { readonly type: 'refused'; readonly sentence: string | null; readonly againMs: number | null };

interface KeyedQueueOptions<W> {
  /** What is to be done for the key now; null = nothing. */
  readonly next: (key: string) => Due<W> | null;
  /** Does it; never rejects. */
  readonly work: (key: string, work: W) => Promise<Verdict>;
  /** What is wrong with a key, in a sentence; null once nothing is. */
  readonly onProblem: (key: string, sentence: string | null) => void;
  readonly ratePerSecond: number;
  /** How much may be done at once after a calm. */
  readonly burst: number;
  readonly concurrency: number;
  /** Pieces of work for one key that need not wait for each other, since it was renewed or calm. */
  readonly quickTries: number;
  /** Wait after the given number of tries, from 1. */
  readonly delayMs?: ((tries: number) => number) | undefined;
}

/** How often a key was worked on since it was renewed or calm. */
interface Effort {
  readonly tries: number;
  readonly endedAt: number;
}

const patientTries = 3;
/** After this long without work for a key, what others change of it is put right at once. */
const calmMs = 60_000;

/** Does what is due for keys; each user says what that is. */
export class KeyedQueue<W> {
  readonly #options: KeyedQueueOptions<W>;
  readonly #tokens: TokenBucket;
  readonly #queue = new Set<string>();
  readonly #busy = new Set<string>();
  /** Keys that wait after a failure, or because others undo what is done. */
  readonly #delayed = new Map<string, NodeJS.Timeout>();
  /** Keys whose work is not due yet. */
  readonly #paced = new Map<string, NodeJS.Timeout>();
  readonly #efforts = new Map<string, Effort>();
  /** Keys in work of which nothing is wanted any more: what comes of it does not matter. */
  readonly #forgotten = new Set<string>();
  #state: 'running' | 'stopped' = 'running';

  constructor(options: KeyedQueueOptions<W>) {
    this.#options = options;
    this.#tokens = new TokenBucket(options);
  }

  /** Keys that wait or are worked on. */
  get length(): number {
    return this.#queue.size + this.#busy.size + this.#delayed.size + this.#paced.size;
  }

  /** What is wanted of the key changed: it is worked on as soon as there is room, however often it failed before. */
  renew(key: string): void {
    this.#efforts.delete(key);
    clear(this.#delayed, key);
    this.#enqueue(key);
  }

  /** What is there under the key changed: what somebody keeps changing is put right more and more slowly. */
  nudge(key: string): void {
    if (this.#options.next(key) === null) return;
    const effort = this.#efforts.get(key);
    if (effort !== undefined && performance.now() - effort.endedAt > calmMs) this.#efforts.delete(key);
    this.#again(key);
  }

  /** Nothing is wanted of the key any more, and nothing is wrong with it. */
  forget(key: string): void {
    this.#efforts.delete(key);
    this.#queue.delete(key);
    clear(this.#delayed, key);
    clear(this.#paced, key);
    if (this.#busy.has(key)) this.#forgotten.add(key);
    this.#options.onProblem(key, null);
  }

  /** Starts nothing more; what comes of the work that is under way is ignored. */
  stop(): void {
    this.#state = 'stopped';
    this.#tokens.stop();
    for (const waiting of [this.#delayed, this.#paced]) for (const key of waiting.keys()) clear(waiting, key);
    this.#queue.clear();
  }

  #enqueue(key: string): void {
    if (this.#state === 'stopped' || this.#delayed.has(key)) return;
    this.#queue.add(key);
    this.#pump();
  }

  #pump(): void {
    for (const key of this.#queue) {
      if (this.#busy.size >= this.#options.concurrency) return;
      if (this.#busy.has(key)) continue;
      const due = this.#options.next(key);
      if (due === null || this.#putsOff(key, due)) {
        this.#queue.delete(key);
        continue;
      }
      if (!this.#tokens.take(() => this.#pump())) return;
      this.#queue.delete(key);
      clear(this.#paced, key);
      this.#busy.add(key);
      void this.#work(key, due.work);
    }
  }

  #putsOff(key: string, { notBefore }: Due<W>): boolean {
    const waitMs = notBefore === undefined ? 0 : notBefore - performance.now();
    if (waitMs > 0) this.#wait(this.#paced, key, waitMs);
    return waitMs > 0;
  }

  async #work(key: string, work: W): Promise<void> {
    const verdict = await this.#options.work(key, work);
    this.#busy.delete(key);
    if (this.#state === 'stopped') return;
    if (!this.#forgotten.delete(key)) this.#conclude(key, verdict);
    this.#pump();
  }

  #conclude(key: string, verdict: Verdict): void {
    const tries = (this.#efforts.get(key)?.tries ?? 0) + 1;
    this.#efforts.set(key, { tries, endedAt: performance.now() });
    switch (verdict.type) {
      case 'done':
        this.#options.onProblem(key, null);
        if (this.#options.next(key) !== null) this.#again(key);
        return;
      case 'stale':
        if (this.#options.next(key) !== null) this.#again(key);
        return;
      case 'over':
        this.#options.onProblem(key, null);
        this.#efforts.delete(key);
        return;
      case 'failed':
        if (tries >= patientTries) this.#options.onProblem(key, verdict.sentence);
        this.#wait(this.#delayed, key, this.#delayMs(tries));
        return;
      case 'refused':
        if (verdict.sentence !== null) this.#options.onProblem(key, verdict.sentence);
        if (verdict.againMs !== null) this.#wait(this.#delayed, key, verdict.againMs);
    }
  }

  #again(key: string): void {
    const tries = this.#efforts.get(key)?.tries ?? 0;
    if (tries < this.#options.quickTries) this.#enqueue(key);
    else if (this.#state === 'running') this.#wait(this.#delayed, key, this.#delayMs(tries));
  }

  #delayMs(tries: number): number {
    return this.#options.delayMs?.(tries) ?? fullJitter(tries, { minMs: 50, maxMs: 60_000 });
  }

  #wait(waiting: Map<string, NodeJS.Timeout>, key: string, ms: number): void {
    if (waiting.has(key)) return;
    const timer = setTimeout(() => {
      waiting.delete(key);
      this.#enqueue(key);
    }, ms);
    waiting.set(key, timer);
  }
}

function clear(waiting: Map<string, NodeJS.Timeout>, key: string): void {
  clearTimeout(waiting.get(key));
  waiting.delete(key);
}
