// Writes the desired statuses onto the objects of the cluster: a queue of objects, the newest wish of each, some at a time and
// not too many a second. A status that somebody else changes is put right again. What says no more than how many objects are
// attached is written at a steady pace, so that a thousand routes are not a thousand writes of their Gateway.
import type { DesiredStatus } from '#libs/events/agent-exchange.ts';
import { isRecord } from '#libs/gateway/fields/record.ts';
import { kindInfo } from '#libs/gateway/kinds.ts';
import type { KubeObject } from '#libs/gateway/object.ts';
import { fullJitter } from '#libs/runtime/pause.ts';
import { isNewer } from '../kubernetes/resource-version.ts';
import type { LiveObject } from '../objects/live-object.ts';
import type { WriteStatus } from '../source.ts';
import { changesOnlyCounts, mergeStatus } from './merge-status.ts';
import type { StatusFields } from './status-fields.ts';
import { TokenBucket } from '../queue/token-bucket.ts';
import { toLocalKey } from '#libs/gateway/object-key.ts';

interface StatusWriterOptions {
  readonly write: WriteStatus;
  readonly find: (key: string) => LiveObject | undefined;
  /** RFC 3339, whole seconds. */
  readonly now: () => string;
  readonly onWrite: (outcome: 'written' | 'conflict' | 'gone' | 'refused' | 'failed') => void;
  readonly onProblem: (about: string, sentence: string | null) => void;
  /** Sustained; up to five seconds' worth may go at once after a calm. */
  readonly ratePerSecond: number;
  /** Between two writes of one object where only counts changed. */
  readonly countsEveryMs?: number;
  readonly concurrency?: number;
  readonly delayMs?: (attempt: number) => number;
}

interface Wish {
  readonly desired: DesiredStatus;
  /** Writes since the wish came, or since it was calm. */
  attempts: number;
  writtenAt: number;
  /** The API server refused it as it is. */
  isRefused: boolean;
}

interface Fresh {
  readonly resourceVersion: string;
  readonly status: StatusFields;
}

interface Attempt {
  readonly wish: Wish;
  readonly live: LiveObject;
  readonly resourceVersion: string;
  readonly fields: StatusFields;
  /** `counts`: it says no more than how many objects are attached, and may wait. */
  readonly what: 'counts' | 'anything';
}

const burstSeconds = 5;
const countsEveryMsDefault = 1000;
const patientAttempts = 3;
/** After this long without a write, a change of the status by others is put right at once. */
const calmMs = 60_000;

export class StatusWriter {
  readonly #options: StatusWriterOptions;
  readonly #wishes = new Map<string, Wish>();
  readonly #queue = new Set<string>();
  readonly #busy = new Set<string>();
  readonly #delayed = new Map<string, NodeJS.Timeout>();
  /** Counts that wait for their pace; anything else of the same object does not wait. */
  readonly #paced = new Map<string, NodeJS.Timeout>();
  /** When the counts of an object may be written again. */
  readonly #countsDueAt = new Map<string, number>();
  /** Statuses that are newer than what the watch has shown. */
  readonly #fresh = new Map<string, Fresh>();
  /** Wishes that came while all of them are being asked for; null = nobody asks. */
  #cameMeanwhile: Set<string> | null = null;
  readonly #tokens: TokenBucket;
  #state: 'running' | 'stopped' = 'running';

  constructor(options: StatusWriterOptions) {
    this.#options = options;
    const { ratePerSecond } = options;
    this.#tokens = new TokenBucket({ ratePerSecond, burst: ratePerSecond * burstSeconds });
  }

  get queueLength(): number {
    return this.#queue.size + this.#busy.size + this.#delayed.size + this.#paced.size;
  }

  wish(desired: DesiredStatus): void {
    const key = keyOf(desired);
    if (key === null) return;
    this.#cameMeanwhile?.add(key);
    this.#want(key, desired);
  }

  /** Call before asking for all wishes; then `replace` with the answer. */
  beginReplace(): void {
    this.#cameMeanwhile = new Set();
  }

  /** All wishes that there are, but for those that came since `beginReplace`. */
  replace(all: readonly DesiredStatus[]): void {
    const newer = this.#cameMeanwhile ?? new Set();
    this.#cameMeanwhile = null;
    const present = new Set<string>();
    for (const desired of all) {
      const key = keyOf(desired);
      if (key === null) continue;
      present.add(key);
      if (!newer.has(key)) this.#want(key, desired);
    }
    for (const key of this.#wishes.keys()) if (!present.has(key) && !newer.has(key)) this.#drop(key);
  }

  /** The object was seen, or is gone. */
  observe(key: string, live: LiveObject | null): void {
    const fresh = this.#fresh.get(key);
    if (
      live === null ||
      (fresh !== undefined && !isNewer(fresh.resourceVersion, live.object.metadata.resourceVersion))
    ) {
      this.#fresh.delete(key);
    }
    if (live === null) this.#countsDueAt.delete(key);
    const wish = this.#wishes.get(key);
    if (live === null || wish === undefined || this.#next(key) === null) return;
    if (performance.now() - wish.writtenAt > calmMs) wish.attempts = 0;
    this.#again(key);
  }

  stop(): void {
    this.#state = 'stopped';
    this.#tokens.stop();
    for (const timer of [...this.#delayed.values(), ...this.#paced.values()]) clearTimeout(timer);
    this.#queue.clear();
  }

  #want(key: string, desired: DesiredStatus): void {
    this.#wishes.set(key, { desired, attempts: 0, writtenAt: performance.now(), isRefused: false });
    clearTimeout(this.#delayed.get(key));
    this.#delayed.delete(key);
    this.#enqueue(key);
  }

  #drop(key: string): void {
    this.#wishes.delete(key);
    this.#queue.delete(key);
    this.#options.onProblem(`status ${key}`, null);
  }

  #enqueue(key: string): void {
    if (this.#state === 'stopped' || this.#delayed.has(key)) return;
    this.#queue.add(key);
    this.#pump();
  }

  #pump(): void {
    for (const key of this.#queue) {
      if (this.#busy.size >= (this.#options.concurrency ?? 8)) return;
      if (this.#busy.has(key)) continue;
      const next = this.#next(key);
      if (next === null || this.#putsOff(key, next)) {
        this.#queue.delete(key);
        continue;
      }
      if (!this.#tokens.take(() => this.#pump())) return;
      this.#queue.delete(key);
      clearTimeout(this.#paced.get(key));
      this.#paced.delete(key);
      this.#busy.add(key);
      void this.#write(key, next);
    }
  }

  /** What is to be written now, if anything. */
  #next(key: string): Attempt | null {
    const wish = this.#wishes.get(key);
    const live = this.#options.find(key);
    if (wish === undefined || wish.isRefused || live === undefined) return null;
    const { uid, resourceVersion } = live.object.metadata;
    if (uid !== wish.desired.uid) return null;
    const fresh = this.#fresh.get(key) ?? { resourceVersion, status: live.status ?? {} };
    const fields = mergeStatus(fresh.status, wish.desired.status, this.#options.now());
    if (fields === null) return null;
    const what = changesOnlyCounts(fresh.status, fields) ? 'counts' : 'anything';
    return { wish, live, resourceVersion: fresh.resourceVersion, fields, what };
  }

  /** Puts off counts that are not due: the newest are written then. */
  #putsOff(key: string, { what }: Attempt): boolean {
    const waitMs = what === 'counts' ? (this.#countsDueAt.get(key) ?? 0) - performance.now() : 0;
    if (waitMs > 0 && !this.#paced.has(key)) {
      const timer = setTimeout(() => {
        this.#paced.delete(key);
        this.#enqueue(key);
      }, waitMs);
      this.#paced.set(key, timer);
    }
    return waitMs > 0;
  }

  async #write(key: string, { wish, live, resourceVersion, fields, what }: Attempt): Promise<void> {
    const target = { ...live.name, apiVersion: live.object.apiVersion, resourceVersion };
    const result = await this.#options.write(target, fields);
    this.#busy.delete(key);
    if (this.#state === 'stopped') return;
    this.#options.onWrite(result.outcome);
    wish.attempts += 1;
    wish.writtenAt = performance.now();
    if (what === 'counts')
      this.#countsDueAt.set(key, wish.writtenAt + (this.#options.countsEveryMs ?? countsEveryMsDefault));
    switch (result.outcome) {
      case 'written':
      case 'conflict':
        if (result.current !== null) this.#learn(key, result.current);
        break;
      case 'gone':
        break;
      case 'refused':
        wish.isRefused = true;
        this.#options.onProblem(`status ${key}`, `the status of ${key} is refused: ${result.reason}`);
        break;
      case 'failed':
        if (wish.attempts >= patientAttempts) {
          this.#options.onProblem(`status ${key}`, `the status of ${key} cannot be written: ${result.reason}`);
        }
    }
    if (result.outcome === 'written') this.#options.onProblem(`status ${key}`, null);
    if (result.outcome !== 'gone' && this.#next(key) !== null) this.#again(key);
    this.#pump();
  }

  /** Tries again: at once after a first conflict, then more and more slowly, also where somebody else keeps undoing it. */
  #again(key: string): void {
    const attempts = this.#wishes.get(key)?.attempts ?? 0;
    if (attempts < patientAttempts) return this.#enqueue(key);
    if (this.#delayed.has(key) || this.#state === 'stopped') return;
    const delayMs = this.#options.delayMs ?? ((attempt) => fullJitter(attempt, { minMs: 50, maxMs: 60_000 }));
    const timer = setTimeout(() => {
      this.#delayed.delete(key);
      this.#enqueue(key);
    }, delayMs(attempts));
    this.#delayed.set(key, timer);
  }

  #learn(key: string, current: KubeObject): void {
    const seen = this.#options.find(key)?.object.metadata.resourceVersion;
    const { resourceVersion } = current.metadata;
    if (seen !== undefined && !isNewer(resourceVersion, seen)) return;
    this.#fresh.set(key, { resourceVersion, status: isRecord(current['status']) ? current['status'] : {} });
  }
}

/** Null for a kind whose status is not ours to write. */
function keyOf({ kind, namespace, name }: Pick<DesiredStatus, 'kind' | 'namespace' | 'name'>): string | null {
  const info = kindInfo(kind);
  return info?.status === true ? toLocalKey({ kind: info.kind, namespace, name }) : null;
}
