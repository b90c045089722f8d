// Makes the data planes that the fleet wants, keeps them so, and removes what is not wanted any more.
//
//   wishes ──▶ plan ──▶ wanted objects ─┐
//                                       ├─▶ queue ──▶ apply, delete
//   watch of what we own ──▶ drift ─────┘
//
// An object is written when what we want of it changed, or when it changed behind us; a write that changed nothing settles that.
import type { DesiredStatus } from '#libs/events/agent-exchange.ts';
import { sha256 } from '#libs/gateway/canonical.ts';
import type { Logger } from '#libs/runtime/log.ts';
import { backoff } from '#libs/runtime/pause.ts';
import type { ApiClient } from '../kubernetes/api-client.ts';
import { TokenBucket } from '../queue/token-bucket.ts';
import { type DataPlane, type WantedPlane, planDataPlanes, wantedPlane } from './data-plane.ts';
import { type ApplyResult, applyObject, deleteObject } from './object-client.ts';
import { type OwnedObject, type ProvisionSettings, buildObjects } from './objects.ts';
import { OwnedObjects, type SeenObject } from './owned-objects.ts';
import { parseLocalKey, toLocalKey, toNamespacedKey } from '#libs/gateway/object-key.ts';

interface ProvisionerOptions {
  readonly client: ApiClient;
  readonly settings: ProvisionSettings;
  /** spec.gatewayClassName of a Gateway, and the UID of a class, as the cluster has them. */
  readonly classOf: (namespace: string, gateway: string) => string | undefined;
  readonly classUid: (className: string) => string | undefined;
  readonly onProblem: (about: string, sentence: string | null) => void;
  readonly onWrite?: (kind: string, outcome: string) => void;
  readonly log: Logger;
  readonly ratePerSecond?: number;
  readonly concurrency?: number;
  readonly delayMs?: (attempt: number) => number;
}

interface Wanted {
  readonly object: OwnedObject;
  readonly hash: string;
}

/** The last write of an object that went well. */
interface Written {
  readonly hash: string;
  readonly contentHash: string;
}

const burst = 100;
const patientAttempts = 2;
const quickAttempts = 5;
/** After this long without a write, a change by others is put right at once. */
const calmMs = 60_000;
/** What was refused as it is may be taken later: a quota grew, a policy changed. */
const refusedAgainMs = 60_000;
const planSoonMs = 5;

export class Provisioner {
  readonly #options: ProvisionerOptions;
  readonly #abort = new AbortController();
  readonly #owned: OwnedObjects;
  readonly #wishes = new Map<string, DesiredStatus>();
  readonly #planes = new Map<string, { readonly text: string; readonly ids: readonly string[] }>();
  readonly #wanted = new Map<string, Wanted>();
  /** Data planes that stay as they are, by namespace/name. */
  readonly #kept = new Set<string>();
  readonly #written = new Map<string, Written>();
  readonly #attempts = new Map<string, number>();
  readonly #writtenAt = new Map<string, number>();
  readonly #queue = new Set<string>();
  readonly #busy = new Set<string>();
  readonly #delayed = new Map<string, NodeJS.Timeout>();
  /** Kinds that the agent may not write, and what the API server says of it. */
  readonly #forbidden = new Map<string, string>();
  readonly #tokens: TokenBucket;
  #cameMeanwhile: Set<string> | null = null;
  /** All wishes are known, and planned: what is not among them may be removed. */
  #isComplete = false;
  #mayRemove = false;
  #planning: NodeJS.Timeout | undefined;

  constructor(options: ProvisionerOptions) {
    this.#options = options;
    this.#tokens = new TokenBucket({ ratePerSecond: options.ratePerSecond ?? 50, burst });
    this.#owned = new OwnedObjects({
      client: options.client,
      onChange: (id) => this.#drifted(id),
      onListed: () => this.#planSoon(),
      onProblem: (kind, sentence) => options.onProblem(`provision ${kind}`, sentence),
    });
  }

  get queueLength(): number {
    return this.#queue.size + this.#busy.size + this.#delayed.size;
  }

  get isPlanning(): boolean {
    return this.#planning !== undefined;
  }

  wish(desired: DesiredStatus): void {
    if (desired.kind !== 'Gateway') return;
    const key = toNamespacedKey(desired);
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
      if (desired.kind !== 'Gateway') continue;
      const key = toNamespacedKey(desired);
      present.add(key);
      if (!newer.has(key)) this.#want(key, desired);
    }
    for (const key of this.#wishes.keys()) if (!present.has(key) && !newer.has(key)) this.#wishes.delete(key);
    this.#isComplete = true;
    this.#planSoon();
  }

  /** A Gateway or GatewayClass was seen (its UID), or is gone (null). */
  observe(kind: string, namespace: string, name: string, uid: string | null): void {
    const key = toNamespacedKey({ namespace, name });
    // Its wish may live a little longer; a new Gateway of the name gets a new one.
    if (kind === 'Gateway' && uid === null) this.#wishes.delete(key);
    this.#planSoon();
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    clearTimeout(this.#planning);
    this.#tokens.stop();
    for (const timer of this.#delayed.values()) clearTimeout(timer);
    this.#queue.clear();
    await this.#owned.stop();
  }

  #want(key: string, desired: DesiredStatus): void {
    if (desired.dataPlane === undefined) this.#wishes.delete(key);
    else this.#wishes.set(key, desired);
    this.#planSoon();
  }

  /** Many wishes that come together are planned together. */
  #planSoon(): void {
    if (this.#abort.signal.aborted) return;
    this.#planning ??= setTimeout(() => {
      this.#planning = undefined;
      this.#plan();
    }, planSoonMs);
  }

  #plan(): void {
    const { settings, classOf, classUid } = this.#options;
    const wanted = [...this.#wishes.values()].flatMap((desired): readonly WantedPlane[] => {
      const plane = wantedPlane(desired, classOf(desired.namespace, desired.name));
      return plane === null ? [] : [plane];
    });
    const planes = planDataPlanes(wanted, settings.namespace, classUid);
    const present = new Set(planes.map(toNamespacedKey));
    for (const [key, { ids }] of this.#planes) {
      if (present.has(key)) continue;
      this.#planes.delete(key);
      for (const id of ids) this.#unwant(id);
    }
    this.#kept.clear();
    // Without ports it is not known what a data plane should be like: what there is stays.
    for (const plane of planes) if (plane.wish.ports.length === 0) this.#kept.add(toNamespacedKey(plane));
    for (const plane of planes) if (plane.wish.ports.length > 0) this.#planOne(plane);
    // Not before: until now, nothing was known to be wanted.
    this.#mayRemove = this.#isComplete;
    // What was made before this agent started, for somebody who is gone.
    for (const id of this.#owned.ids()) if (!this.#wanted.has(id)) this.#enqueue(id);
  }

  #planOne(plane: DataPlane): void {
    const key = toNamespacedKey(plane);
    const text = JSON.stringify(plane);
    const before = this.#planes.get(key);
    if (before?.text === text) return;
    const objects = buildObjects(plane, this.#options.settings);
    const ids = objects.map((object) => toLocalKey({ kind: object.kind, ...object.metadata }));
    this.#planes.set(key, { text, ids });
    for (const id of before?.ids ?? []) if (!ids.includes(id)) this.#unwant(id);
    for (const [i, object] of objects.entries()) {
      const id = ids[i] ?? '';
      this.#wanted.set(id, { object, hash: sha256(JSON.stringify(object)) });
      this.#attempts.delete(id);
      this.#now(id);
    }
  }

  #unwant(id: string): void {
    this.#options.onProblem(`data plane ${id}`, null);
    this.#wanted.delete(id);
    this.#written.delete(id);
    this.#attempts.delete(id);
    this.#writtenAt.delete(id);
    this.#now(id);
  }

  #now(id: string): void {
    clearTimeout(this.#delayed.get(id));
    this.#delayed.delete(id);
    this.#enqueue(id);
  }

  #enqueue(id: string): void {
    if (this.#abort.signal.aborted || this.#delayed.has(id) || !this.#isDue(id)) return;
    this.#queue.add(id);
    this.#pump();
  }

  /** What somebody else keeps changing is put right more and more slowly. */
  #drifted(id: string): void {
    const attempts = this.#attempts.get(id) ?? 0;
    if (performance.now() - (this.#writtenAt.get(id) ?? 0) > calmMs) this.#attempts.delete(id);
    else if (attempts >= quickAttempts && this.#isDue(id)) return this.#later(id, this.#delayOf(attempts));
    this.#enqueue(id);
  }

  /** Whether there is something to write. */
  #isDue(id: string): boolean {
    const wanted = this.#wanted.get(id);
    const seen = this.#owned.get(id);
    const isKept = this.#kept.has(toNamespacedKey(parseLocalKey(id)));
    if (wanted === undefined) return seen !== undefined && !seen.isLeaving && this.#mayRemove && !isKept;
    const written = this.#written.get(id);
    // One that is on its way out is made anew when it is gone.
    if (seen?.isLeaving === true) return false;
    return written?.hash !== wanted.hash || seen === undefined || seen.contentHash !== written.contentHash;
  }

  #pump(): void {
    for (const id of this.#queue) {
      if (this.#busy.size >= (this.#options.concurrency ?? 16)) return;
      if (this.#busy.has(id)) continue;
      if (!this.#isDue(id)) {
        this.#queue.delete(id);
        continue;
      }
      if (!this.#tokens.take(() => this.#pump())) return;
      this.#queue.delete(id);
      this.#busy.add(id);
      void this.#work(id);
    }
  }

  async #work(id: string): Promise<void> {
    const wanted = this.#wanted.get(id);
    const seen = this.#owned.get(id);
    const { client } = this.#options;
    const { signal } = this.#abort;
    if (wanted === undefined) {
      const result = seen === undefined ? { outcome: 'deleted' as const } : await deleteObject(client, seen, signal);
      this.#finish(id, result.outcome);
      if (result.outcome !== 'deleted') this.#retry(id, `${id} cannot be deleted: ${result.reason}`);
      return this.#pump();
    }
    const result = await applyObject(client, wanted.object, seen === undefined ? 'unknown' : 'ours', signal);
    this.#finish(id, result.outcome);
    if (result.outcome === 'applied') this.#applied(id, wanted, seen, result.seen);
    else if (!signal.aborted && result.outcome !== 'gone') this.#failed(id, result);
    this.#pump();
  }

  #finish(id: string, outcome: string): void {
    this.#busy.delete(id);
    this.#options.onWrite?.(kindOf(id), outcome);
  }

  #applied(id: string, wanted: Wanted, before: SeenObject | undefined, seen: SeenObject): void {
    this.#written.set(id, { hash: wanted.hash, contentHash: seen.contentHash });
    this.#owned.see(seen);
    this.#settled(id);
    const changed = before?.resourceVersion !== seen.resourceVersion;
    this.#options.log.debug({ id, changed }, 'applied');
    this.#writtenAt.set(id, performance.now());
    if (before !== undefined && changed) this.#attempts.set(id, (this.#attempts.get(id) ?? 0) + 1);
    if (this.#isDue(id)) this.#retry(id);
  }

  #failed(id: string, result: Exclude<ApplyResult, { readonly outcome: 'applied' | 'gone' }>): void {
    switch (result.outcome) {
      case 'foreign':
        this.#problem(id, `${id} was made by somebody else, so that the data plane cannot be provided`);
        return this.#later(id, refusedAgainMs);
      case 'refused':
        this.#problem(id, `${id} is refused: ${result.reason}`);
        return this.#later(id, refusedAgainMs);
      case 'forbidden':
        this.#forbidden.set(kindOf(id), result.reason);
        this.#tellForbidden();
        return this.#later(id, refusedAgainMs);
      case 'failed':
        return this.#retry(id, `${id} cannot be applied: ${result.reason}`);
    }
  }

  #retry(id: string, sentence?: string): void {
    const attempt = this.#attempts.get(id) ?? 0;
    this.#attempts.set(id, attempt + 1);
    if (sentence !== undefined && attempt >= patientAttempts) this.#problem(id, sentence);
    this.#later(id, this.#delayOf(attempt));
  }

  #delayOf(attempt: number): number {
    const delayMs = this.#options.delayMs ?? ((count) => backoff(count, { minMs: 50, maxMs: 60_000 }));
    return delayMs(attempt);
  }

  #later(id: string, ms: number): void {
    if (this.#abort.signal.aborted || this.#delayed.has(id)) return;
    const timer = setTimeout(() => {
      this.#delayed.delete(id);
      this.#enqueue(id);
    }, ms);
    this.#delayed.set(id, timer);
  }

  #problem(id: string, sentence: string): void {
    this.#options.onProblem(`data plane ${id}`, sentence);
  }

  #settled(id: string): void {
    this.#options.onProblem(`data plane ${id}`, null);
    if (this.#forbidden.delete(kindOf(id))) this.#tellForbidden();
  }

  /** One sentence, however many data planes are wanted. */
  #tellForbidden(): void {
    const [reason] = this.#forbidden.values();
    const sentence = reason === undefined ? null : `the agent may not provide data planes: ${reason}`;
    this.#options.onProblem('data planes', sentence);
  }
}

function kindOf(id: string): string {
  return parseLocalKey(id).kind;
}
