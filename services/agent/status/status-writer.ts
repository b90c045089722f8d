// Writes the desired statuses onto the objects of the cluster, through a queue of objects with the newest wish of each.
// A status that somebody else changes is put right again. What says no more than how many objects are attached is
// written at a steady pace, so that a thousand routes are not a thousand writes of their Gateway.
import type { DesiredStatus } from '#libs/events/agent-exchange.ts';
import { isRecord } from '#libs/gateway/fields/record.ts';
import { kindInfo } from '#libs/gateway/kinds.ts';
import type { KubeObject } from '#libs/gateway/object.ts';
import { isNewer } from '../kubernetes/resource-version.ts';
import type { LiveObject } from '../objects/live-object.ts';
import { type Due, KeyedQueue, type Verdict } from '../queue/keyed-queue.ts';
import type { WriteStatus } from '../source.ts';
import type { WishTaker } from '../wishes/wish-book.ts';
import { changesOnlyCounts, mergeStatus } from './merge-status.ts';
import type { StatusFields } from './status-fields.ts';

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
  readonly delayMs?: (tries: number) => number;
}

/** Holds a status as the API server has it, newer than what the watch has shown. */
interface Fresh {
  readonly resourceVersion: string;
  readonly status: StatusFields;
}

interface StatusWrite {
  readonly desired: DesiredStatus;
  readonly live: LiveObject;
  readonly resourceVersion: string;
  readonly fields: StatusFields;
  /** `counts`: it says no more than how many objects are attached, and may wait. */
  readonly what: 'counts' | 'anything';
}

const burstSeconds = 5;
const countsEveryMsDefault = 1000;
const quickTries = 3;
const concurrency = 8;

/** Writes the statuses of one cluster. */
export class StatusWriter implements WishTaker {
  readonly #options: StatusWriterOptions;
  readonly #queue: KeyedQueue<StatusWrite>;
  readonly #wishes = new Map<string, DesiredStatus>();
  /** Wishes that the API server refuses as they are. */
  readonly #refused = new WeakSet<DesiredStatus>();
  /** When the counts of an object may be written again. */
  readonly #countsDueAt = new Map<string, number>();
  readonly #fresh = new Map<string, Fresh>();

  constructor(options: StatusWriterOptions) {
    this.#options = options;
    const { ratePerSecond, delayMs, onProblem } = options;
    this.#queue = new KeyedQueue({
      next: (key) => this.#next(key),
      work: (key, write) => this.#write(key, write),
      onProblem: (key, sentence) => onProblem(`status ${key}`, sentence),
      ratePerSecond,
      burst: ratePerSecond * burstSeconds,
      concurrency,
      quickTries,
      delayMs,
    });
  }

  get queueLength(): number {
    return this.#queue.length;
  }

  want(key: string, desired: DesiredStatus): void {
    if (kindInfo(desired.kind)?.status !== true) return;
    this.#wishes.set(key, desired);
    this.#queue.renew(key);
  }

  unwant(key: string): void {
    if (this.#wishes.delete(key)) this.#queue.forget(key);
  }

  /** Takes note that an object was seen, or is gone. */
  observe(key: string, live: LiveObject | null): void {
    const fresh = this.#fresh.get(key);
    const version = live?.object.metadata.resourceVersion;
    if (version === undefined || (fresh !== undefined && !isNewer(fresh.resourceVersion, version)))
      this.#fresh.delete(key);
    if (live === null) this.#countsDueAt.delete(key);
    else this.#queue.nudge(key);
  }

  stop(): void {
    this.#queue.stop();
  }

  /** Says what is to be written now, if anything; counts wait until they are due. */
  #next(key: string): Due<StatusWrite> | null {
    const desired = this.#wishes.get(key);
    const live = this.#options.find(key);
    if (desired === undefined || this.#refused.has(desired) || live === undefined) return null;
    const { uid, resourceVersion } = live.object.metadata;
    if (uid !== desired.uid) return null;
    const fresh = this.#fresh.get(key) ?? { resourceVersion, status: live.status ?? {} };
    const fields = mergeStatus(fresh.status, desired.status, this.#options.now());
    if (fields === null) return null;
    const write = { desired, live, resourceVersion: fresh.resourceVersion, fields };
    if (!changesOnlyCounts(fresh.status, fields)) return { work: { ...write, what: 'anything' } };
    return { work: { ...write, what: 'counts' }, notBefore: this.#countsDueAt.get(key) ?? 0 };
  }

  async #write(key: string, { desired, live, resourceVersion, fields, what }: StatusWrite): Promise<Verdict> {
    const target = { ...live.name, apiVersion: live.object.apiVersion, resourceVersion };
    const result = await this.#options.write(target, fields);
    this.#options.onWrite(result.outcome);
    if (what === 'counts') {
      const { countsEveryMs = countsEveryMsDefault } = this.#options;
      this.#countsDueAt.set(key, performance.now() + countsEveryMs);
    }
    switch (result.outcome) {
      case 'written':
      case 'conflict':
        if (result.current !== null) this.#learn(key, result.current);
        return { type: result.outcome === 'written' ? 'done' : 'stale' };
      case 'gone':
        return { type: 'over' };
      case 'refused':
        this.#refused.add(desired);
        return { type: 'refused', sentence: `the status of ${key} is refused: ${result.reason}`, againMs: null };
      case 'failed':
        break;
    }
    return { type: 'failed', sentence: `the status of ${key} cannot be written: ${result.reason}` };
  }

  #learn(key: string, current: KubeObject): void {
    const seen = this.#options.find(key)?.object.metadata.resourceVersion;
    const { resourceVersion } = current.metadata;
    if (seen !== undefined && !isNewer(resourceVersion, seen)) return;
    this.#fresh.set(key, { resourceVersion, status: isRecord(current['status']) ? current['status'] : {} });
  }
}
