// Makes the data planes that the fleet wants, keeps them so, and removes what is not wanted any more.
//
//   wishes ──▶ plan ──▶ wanted objects ─┐
//                                       ├─▶ queue ──▶ apply, delete
//   watch of what we own ──▶ drift ─────┘
//
// An object is written when what we want of it changed, or when it changed behind us; a write that changed nothing
// settles that. Objects go by their keys, `kind/namespace/name`.
import type { DesiredStatus } from '#libs/events/agent-exchange.ts';
import { parseLocalKey } from '#libs/gateway/object-key.ts';
import type { Logger } from '#libs/runtime/log.ts';
import type { ApiClient } from '../kubernetes/api-client.ts';
import { type Due, KeyedQueue, type Verdict } from '../queue/keyed-queue.ts';
import type { WishTaker } from '../wishes/wish-book.ts';
import { type WantedPlane, planDataPlanes, wantedPlane } from './data-plane.ts';
import { type ApplyResult, applyObject, deleteObject } from './object-client.ts';
import type { ProvisionSettings } from './objects.ts';
import { OwnedObjects, type SeenObject } from './owned-objects.ts';
import { type WantedObject, WantedObjects } from './wanted-objects.ts';

interface ProvisionerOptions {
  readonly client: ApiClient;
  readonly settings: ProvisionSettings;
  /** spec.gatewayClassName of a Gateway, and the UID of a class, as the cluster has them. */
  readonly classOf: (namespace: string, gateway: string) => string | undefined;
  readonly classUid: (className: string) => string | undefined;
  readonly onProblem: (about: string, sentence: string | null) => void;
  readonly log: Logger;
  readonly delayMs?: (tries: number) => number;
}

/** What is to be done with an object: make it as it is wanted, or delete what is there. */
type Task =
  | { readonly type: 'apply'; readonly wanted: WantedObject; readonly seen: SeenObject | undefined }
  | { readonly type: 'delete'; readonly seen: SeenObject };

/** The last write of an object that went well. */
interface Written {
  readonly hash: string;
  readonly contentHash: string;
}

const rate = { ratePerSecond: 50, burst: 100, concurrency: 16, quickTries: 5 };
/** What was refused as it is may be taken later: a quota grew, a policy changed. */
const refusedAgainMs = 60_000;
const planSoonMs = 5;

/** Provides the data planes of one cluster. */
export class Provisioner implements WishTaker {
  readonly #options: ProvisionerOptions;
  readonly #abort = new AbortController();
  readonly #owned: OwnedObjects;
  readonly #wanted: WantedObjects;
  readonly #queue: KeyedQueue<Task>;
  readonly #wishes = new Map<string, DesiredStatus>();
  readonly #written = new Map<string, Written>();
  /** Kinds that the agent may not write, and what the API server says of it. */
  readonly #forbidden = new Map<string, string>();
  /** Whether all wishes are known, and whether all are planned: then what is not among them may be removed. */
  #isComplete = false;
  #mayRemove = false;
  #planning: NodeJS.Timeout | undefined;

  constructor(options: ProvisionerOptions) {
    this.#options = options;
    this.#wanted = new WantedObjects(options.settings);
    this.#queue = new KeyedQueue({
      ...rate,
      next: (key) => this.#next(key),
      work: (key, task) => (task.type === 'delete' ? this.#delete(key, task.seen) : this.#apply(key, task)),
      onProblem: (key, sentence) => options.onProblem(`data plane ${key}`, sentence),
      delayMs: options.delayMs,
    });
    this.#owned = new OwnedObjects({
      client: options.client,
      onChange: (key) => this.#queue.nudge(key),
      onListed: () => this.#planSoon(),
      onProblem: (kind, sentence) => options.onProblem(`provision ${kind}`, sentence),
    });
  }

  get queueLength(): number {
    return this.#queue.length;
  }

  get isPlanning(): boolean {
    return this.#planning !== undefined;
  }

  want(key: string, desired: DesiredStatus): void {
    if (desired.kind !== 'Gateway') return;
    if (desired.dataPlane === undefined) this.#wishes.delete(key);
    else this.#wishes.set(key, desired);
    this.#planSoon();
  }

  unwant(key: string): void {
    if (this.#wishes.delete(key)) this.#planSoon();
  }

  complete(): void {
    this.#isComplete = true;
    this.#planSoon();
  }

  /** Plans anew when a Gateway or GatewayClass was seen, or is gone. */
  observe(key: string, live: object | null): void {
    const { kind } = parseLocalKey(key);
    if (kind !== 'Gateway' && kind !== 'GatewayClass') return;
    // Its wish may live a little longer; a new Gateway of the name gets a new one.
    if (live === null) this.#wishes.delete(key);
    this.#planSoon();
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    clearTimeout(this.#planning);
    this.#queue.stop();
    await this.#owned.stop();
  }

  /** Plans once for many wishes that come at once. */
  #planSoon(): void {
    if (this.#abort.signal.aborted) return;
    this.#planning ??= setTimeout(() => {
      this.#planning = undefined;
      this.#plan();
    }, planSoonMs);
  }

  #plan(): void {
    const { settings, classOf, classUid } = this.#options;
    const planes = [...this.#wishes.values()].flatMap((desired): readonly WantedPlane[] => {
      const plane = wantedPlane(desired, classOf(desired.namespace, desired.name));
      return plane === null ? [] : [plane];
    });
    const { wanted, unwanted } = this.#wanted.plan(planDataPlanes(planes, settings.namespace, classUid));
    // Not before: until now, nothing was known to be wanted. A Gateway that the cluster has not shown yet, as after a
    // start, may have any of the data planes that there are.
    this.#mayRemove = this.#isComplete && planes.length === this.#wishes.size;
    for (const key of unwanted) {
      this.#written.delete(key);
      this.#queue.forget(key);
    }
    for (const key of wanted) this.#queue.renew(key);
    // What is not wanted any more, and what was made before this agent started, for somebody who is gone.
    for (const key of this.#owned.keys()) if (this.#wanted.get(key) === undefined) this.#queue.nudge(key);
  }

  #next(key: string): Due<Task> | null {
    const wanted = this.#wanted.get(key);
    const seen = this.#owned.get(key);
    // One that is on its way out is made anew when it is gone.
    if (seen?.isLeaving === true) return null;
    if (wanted === undefined) {
      const isDue = seen !== undefined && this.#mayRemove && !this.#wanted.isKept(key);
      return isDue ? { work: { type: 'delete', seen } } : null;
    }
    const written = this.#written.get(key);
    const isAsWanted = seen?.contentHash === written?.contentHash && written?.hash === wanted.hash;
    return isAsWanted ? null : { work: { type: 'apply', wanted, seen } };
  }

  async #delete(key: string, seen: SeenObject): Promise<Verdict> {
    const result = await deleteObject(this.#options.client, seen, this.#abort.signal);
    if (result.outcome === 'deleted') return { type: 'over' };
    return { type: 'failed', sentence: `${key} cannot be deleted: ${result.reason}` };
  }

  async #apply(key: string, { wanted, seen: before }: Extract<Task, { readonly type: 'apply' }>): Promise<Verdict> {
    const { client, log } = this.#options;
    const known = before === undefined ? 'unknown' : 'ours';
    const result = await applyObject(client, wanted.object, known, this.#abort.signal);
    if (result.outcome !== 'applied') return this.#notApplied(key, result);
    const { seen } = result;
    this.#written.set(key, { hash: wanted.hash, contentHash: seen.contentHash });
    this.#owned.see(seen);
    if (this.#forbidden.delete(parseLocalKey(key).kind)) this.#tellForbidden();
    log.debug({ id: key, changed: before?.resourceVersion !== seen.resourceVersion }, 'applied');
    return { type: 'done' };
  }

  #notApplied(key: string, result: Exclude<ApplyResult, { readonly outcome: 'applied' }>): Verdict {
    const againMs = refusedAgainMs;
    switch (result.outcome) {
      case 'gone':
        return { type: 'over' };
      case 'foreign': {
        const sentence = `${key} was made by somebody else, so that the data plane cannot be provided`;
        return { type: 'refused', sentence, againMs };
      }
      case 'refused':
        return { type: 'refused', sentence: `${key} is refused: ${result.reason}`, againMs };
      case 'forbidden':
        this.#forbidden.set(parseLocalKey(key).kind, result.reason);
        this.#tellForbidden();
        return { type: 'refused', sentence: null, againMs };
      case 'failed':
        break;
    }
    return { type: 'failed', sentence: `${key} cannot be applied: ${result.reason}` };
  }

  /** Tells one sentence, however many data planes are wanted. */
  #tellForbidden(): void {
    const [reason] = this.#forbidden.values();
    const sentence = reason === undefined ? null : `the agent may not provide data planes: ${reason}`;
    this.#options.onProblem('data planes', sentence);
  }
}
