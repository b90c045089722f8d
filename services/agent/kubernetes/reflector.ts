// Keeps one collection of an API server known: list, then watch, and again after every kind of end, for ever.
//
//   list (pages) ──▶ watch ──closed──▶ watch from the last resourceVersion
//     ▲                │ └──failed───▶ wait (jittered, growing), watch again; after several, list
//     └──expired, closed at once again and again, missed events──┘
//
// A periodic list runs beside the watch and is compared with it: what the watch has missed comes to light, and the
// watch is made anew. After a change of the schema that list reports everything, for the server may read what it has
// stored differently, under the resourceVersion that it had. Changes are reported one after the other, and each is
// awaited.
import { toNamespacedKey } from '#libs/gateway/object-key.ts';
import type { KubeObject } from '#libs/gateway/object.ts';
import { pause } from '#libs/runtime/pause.ts';
import type { ApiClient } from './api-client.ts';
import { type CallFailure, type Collection, listPages } from './list.ts';
import type { WatchProblem } from './reachability.ts';
import { isNewer, parseKubeObject } from './resource-version.ts';
import { type ReflectorTiming, defaultTiming } from './timing.ts';
import { type WatchEnd, type WatchEvent, watchOnce } from './watch.ts';

/** Says that an object is now so, or gone. */
export type ReflectedChange =
  | { readonly type: 'applied'; readonly object: KubeObject; readonly via: 'watch' | 'relist' }
  | (KnownObject & { readonly type: 'deleted'; readonly via: 'watch' | 'relist' });

interface ReflectorOptions {
  readonly client: ApiClient;
  readonly collection: Collection;
  /** Filled in where items of a list leave them out. */
  readonly apiVersion: string;
  readonly kind: string;
  readonly onChange: (change: ReflectedChange) => void | Promise<void>;
  /** Every object that there is has been reported. */
  readonly onListed: () => void;
  /** The collection does not exist (404). The reflector has ended. */
  readonly onMissing: () => void;
  /** While something is wrong; null once it is not. */
  readonly onProblem: (problem: WatchProblem | null) => void;
  readonly onRestart: (why: string) => void;
  /** The wait after a failure, where something may end it early. */
  readonly wait?: (ms: number, signal: AbortSignal) => Promise<'waited' | 'restored' | void>;
  /** What a reflector before this one has reported. */
  readonly known?: ReadonlyMap<string, KnownObject>;
  readonly timing?: Partial<ReflectorTiming>;
}

/** Reflects one collection until it is stopped. */
export interface Reflector {
  /** Reports everything that is known as deleted; for a collection that is gone. */
  forget(): Promise<void>;
  /** Reports every object once more, as it reads now, whether or not its resourceVersion is known. */
  reread(): void;
  /** For the reflector that takes over, at another version of the same collection. */
  readonly known: ReadonlyMap<string, KnownObject>;
  stop(): Promise<void>;
}

/** Names an object in the version that was reported last. */
export interface KnownObject {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
}

/** Says what a list beside a watch has shown, and what was deleted while it ran. */
interface ListBeside {
  readonly present: ReadonlySet<string>;
  readonly deleted: ReadonlyMap<string, string>;
  readonly version: string;
  /** Whether what is known is reported, too. */
  readonly isReread: boolean;
}

/** Starts a reflector at once; it runs until it is stopped or the collection is missing. */
export function startReflector(options: ReflectorOptions): Reflector {
  const reflection = new Reflection(options);
  const done = reflection.run();
  return {
    known: reflection.known,
    forget: () => reflection.forget(),
    reread: () => reflection.reread(),
    async stop() {
      reflection.abort.abort();
      await done;
    },
  };
}

class Reflection {
  readonly abort = new AbortController();
  readonly #options: ReflectorOptions;
  readonly #timing: ReflectorTiming;
  readonly known: Map<string, KnownObject>;
  /** Deleted while a list runs beside the watch: key → resourceVersion of the deletion. */
  #deletedMeanwhile: Map<string, string> | null = null;
  #version = '';
  /** When the next periodic list is due; watches end more often than that. */
  #checkAt: number;
  /** How often everything was to be read again, and of these times, how many have been served. */
  readonly #rereads = { wanted: 0, done: 0 };
  #wake = new AbortController();
  #failures = 0;
  #hasBookmarks = false;
  #turn: Promise<void> = Promise.resolve();

  constructor(options: ReflectorOptions) {
    this.#options = options;
    this.#timing = { ...defaultTiming, ...options.timing };
    this.known = new Map(options.known);
    this.#checkAt = performance.now() + this.#timing.relistMs();
  }

  async run(): Promise<void> {
    const { signal } = this.abort;
    while (!signal.aborted) {
      const failure = await this.#list();
      if (signal.aborted) return;
      if (failure !== null) {
        if (failure.status === 404) return this.#options.onMissing();
        await this.#backOff(
          { status: failure.status, sentence: `cannot be listed: ${failure.message}` },
          failure.retryAfterMs,
        );
        continue;
      }
      const why = await this.#watchOn();
      if (!signal.aborted) this.#options.onRestart(why);
    }
  }

  async forget(): Promise<void> {
    for (const object of this.known.values()) await this.#remove(object, 'relist');
  }

  reread(): void {
    this.#rereads.wanted += 1;
    this.#checkAt = performance.now();
    this.#wake.abort();
  }

  /** Lists with nothing else going on: what comes is the truth, even where it is older than what was known. */
  async #list(): Promise<CallFailure | null> {
    const gone = new Map(this.known);
    let version = '';
    for await (const page of listPages(this.#options.client, this.#options.collection, this.abort.signal)) {
      if (page.type === 'failed') return page;
      version = page.resourceVersion;
      for (const item of page.items) {
        const object = this.#parse(item);
        if (object === null) continue;
        gone.delete(keyOf(object));
        if (!this.#isKnown(object)) await this.#apply(object, 'relist');
      }
    }
    for (const known of gone.values()) await this.#remove(known, 'relist');
    this.#version = version;
    if (!this.#owesReread()) this.#checkAt = performance.now() + this.#timing.relistMs();
    if (!this.abort.signal.aborted) this.#options.onListed();
    return null;
  }

  /** Watches, again and again, until a list is needed; says why. */
  async #watchOn(): Promise<string> {
    let emptyCloses = 0;
    for (;;) {
      const watch = new AbortController();
      const signal = AbortSignal.any([this.abort.signal, watch.signal]);
      const checking = this.#checkPeriodically(watch);
      const openedAt = performance.now();
      const from = this.#version;
      const end = await this.#watch(signal);
      const isMissed = watch.signal.aborted;
      watch.abort();
      await checking;
      if (this.abort.signal.aborted) return 'stopped';
      if (isMissed) return 'missed events';
      const isShort = performance.now() - openedAt < this.#timing.shortWatchMs;
      if (!isShort || this.#version !== from) this.#failures = emptyCloses = 0;
      switch (end.reason) {
        case 'expired':
          if (isShort) await this.#backOff(null, null);
          return 'expired';
        case 'missing':
          return 'missing';
        case 'closed':
          this.#options.onRestart('closed');
          // Some servers close a stale watch cleanly, without a 410 (fabric8io/kubernetes-client#7896).
          if (isShort && this.#version === from && ++emptyCloses >= 2) {
            await this.#backOff(null, null);
            return 'closed at once';
          }
          break;
        case 'failed':
          this.#options.onRestart(end.status === 0 ? 'broken' : `status ${end.status}`);
          await this.#backOff({ status: end.status, sentence: `cannot be watched: ${end.message}` }, end.retryAfterMs);
          if (this.#failures >= this.#timing.failuresBeforeList) return 'failing';
          break;
      }
    }
  }

  async #watch(signal: AbortSignal): Promise<WatchEnd> {
    const timeoutSeconds = this.#timing.watchTimeoutSeconds();
    return watchOnce({
      client: this.#options.client,
      collection: this.#options.collection,
      resourceVersion: this.#version,
      timeoutSeconds,
      // Bookmarks come about once a minute, where they come at all.
      silenceMs: this.#timing.silenceMs(timeoutSeconds, this.#hasBookmarks),
      onOpen: () => this.#options.onProblem(null),
      onEvents: (events) => this.#inTurn(() => this.#take(events)),
      signal,
    });
  }

  async #take(events: readonly WatchEvent[]): Promise<void> {
    for (const event of events) {
      if (this.abort.signal.aborted) return;
      if (event.type === 'BOOKMARK') {
        this.#hasBookmarks = true;
        this.#version = event.resourceVersion;
        continue;
      }
      const object = this.#parse(event.object);
      if (object === null) continue;
      if (event.type === 'DELETED') {
        this.#deletedMeanwhile?.set(keyOf(object), object.metadata.resourceVersion);
        await this.#remove(toKnown(object), 'watch');
      } else if (!this.#isKnown(object)) {
        const applied = this.#apply(object, 'watch');
        if (applied !== undefined) await applied;
      }
      this.#version = object.metadata.resourceVersion;
    }
  }

  /** Lists beside the running watch from time to time; aborts the watch when it missed something. */
  async #checkPeriodically(watch: AbortController): Promise<void> {
    const signal = AbortSignal.any([this.abort.signal, watch.signal]);
    for (let failures = 0; ;) {
      this.#wake = new AbortController();
      const waitMs = Math.max(0, this.#checkAt - performance.now());
      await pause(waitMs, AbortSignal.any([signal, this.#wake.signal]));
      if (signal.aborted) return;
      if (performance.now() < this.#checkAt) continue;
      const differences = await this.#check(signal);
      if (signal.aborted) return;
      const waitsMs = this.#owesReread() ? this.#timing.backoffMs(++failures) : this.#timing.relistMs();
      this.#checkAt = performance.now() + waitsMs;
      if (!this.#owesReread()) failures = 0;
      if (differences > 0) return watch.abort();
    }
  }

  #owesReread(): boolean {
    return this.#rereads.wanted > this.#rereads.done;
  }

  /** Reports what a list shows that the watch has not, which it counts, and all the rest where that is owed. */
  async #check(signal: AbortSignal): Promise<number> {
    const { wanted } = this.#rereads;
    const isReread = this.#owesReread();
    const deleted = new Map<string, string>();
    this.#deletedMeanwhile = deleted;
    const versionBefore = this.#version;
    const shown = new Map<string, KubeObject>();
    const present = new Set<string>();
    let version = '';
    try {
      for await (const page of listPages(this.#options.client, this.#options.collection, signal)) {
        if (page.type === 'failed') return 0;
        version = page.resourceVersion;
        for (const item of page.items) {
          const object = this.#parse(item);
          if (object === null) continue;
          present.add(keyOf(object));
          if (isReread || !this.#isKnown(object)) shown.set(keyOf(object), object);
        }
      }
      // An older list than what the watch has delivered: etcd was restored. Only a list without a watch can settle
      // that.
      if (isNewer(versionBefore, version)) return 1;
      // The events of the same changes may still be on their way.
      await pause(this.#timing.settleMs, signal);
      if (signal.aborted) return 0;
      return await this.#inTurn(async () => {
        const differences = await this.#settle(shown, { present, deleted, version, isReread });
        this.#rereads.done = wanted;
        return differences;
      });
    } finally {
      this.#deletedMeanwhile = null;
    }
  }

  async #settle(
    shown: ReadonlyMap<string, KubeObject>,
    { present, deleted, version, isReread }: ListBeside,
  ): Promise<number> {
    let differences = 0;
    for (const [key, object] of shown) {
      const { resourceVersion } = object.metadata;
      const known = this.known.get(key)?.resourceVersion ?? deleted.get(key);
      const isKnown = this.#isKnown(object);
      if ((isKnown && !isReread) || (known !== undefined && isNewer(known, resourceVersion))) continue;
      if (!isKnown) differences += 1;
      await this.#apply(object, 'relist');
    }
    for (const [key, known] of this.known) {
      if (present.has(key) || isNewer(known.resourceVersion, version)) continue;
      differences += 1;
      await this.#remove(known, 'relist');
    }
    this.#options.onListed();
    return differences;
  }

  #apply(object: KubeObject, via: 'watch' | 'relist'): void | Promise<void> {
    this.known.set(keyOf(object), toKnown(object));
    return this.#options.onChange({ type: 'applied', object, via });
  }

  async #remove(known: KnownObject, via: 'watch' | 'relist'): Promise<void> {
    this.known.delete(toNamespacedKey(known));
    await this.#options.onChange({ type: 'deleted', ...known, via });
  }

  #isKnown(object: KubeObject): boolean {
    const known = this.known.get(keyOf(object));
    return known?.uid === object.metadata.uid && known.resourceVersion === object.metadata.resourceVersion;
  }

  #parse(item: unknown): KubeObject | null {
    return parseKubeObject(item, this.#options.apiVersion, this.#options.kind);
  }

  /** Runs one piece of work at a time: the watch and the list beside it report to the same place. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(work);
    this.#turn = result.then(
      () => undefined,
      () => undefined,
    );
    return result;
  }

  async #backOff(problem: WatchProblem | null, retryAfterMs: number | null): Promise<void> {
    this.#failures += 1;
    // One broken connection is no news.
    if (problem !== null && this.#failures > 1) this.#options.onProblem(problem);
    const wait = this.#options.wait ?? pause;
    const why = await wait(retryAfterMs ?? this.#timing.backoffMs(this.#failures), this.abort.signal);
    if (why === 'restored') this.#failures = 1;
  }
}

function keyOf(object: KubeObject): string {
  return toNamespacedKey({ namespace: object.metadata.namespace ?? '', name: object.metadata.name });
}

function toKnown(object: KubeObject): KnownObject {
  const { namespace = '', name, uid, resourceVersion } = object.metadata;
  return { namespace, name, uid, resourceVersion };
}
