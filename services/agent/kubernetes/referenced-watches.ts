// Runs a small watch for each referenced Secret, ConfigMap and ClusterTrustBundle, by its name, as the kubelet does.
// Nothing else of these kinds is read, and nothing of a kind that the cluster does not serve.
import { type WatchedKind, kinds } from '#libs/gateway/kinds.ts';
import { toLocalKey } from '#libs/gateway/object-key.ts';
import type { ObjectName, SourceSink } from '../source.ts';
import type { ApiClient } from './api-client.ts';
import { type ServedKind, collectionPath } from './discovery.ts';
import type { Reachability } from './reachability.ts';
import { type KnownObject, type Reflector, startReflector } from './reflector.ts';
import type { ReflectorTiming } from './timing.ts';

const referencesMax = 2000;

/** Kinds of which only those objects are read that others name. */
export const referencedKinds: readonly WatchedKind[] = kinds
  .filter((info) => info.watch === 'referenced')
  .map(({ kind }) => kind);

interface Watched {
  readonly name: ObjectName;
  readonly served: ServedKind;
  readonly reflector: Reflector;
  /**
   * unreadable: the agent may not read it; it exists or not (a ClusterTrustBundle counts as not: GEP-5075). ended: its
   * kind was not there any more.
   */
  state: 'listing' | 'listed' | 'unreadable' | 'ended';
}

/** Watches the objects that are referred to, as that changes, until it is stopped. */
export class ReferencedWatches {
  readonly #client: ApiClient;
  readonly #sink: SourceSink;
  readonly #reachability: Reachability;
  readonly #timing: Partial<ReflectorTiming> | undefined;
  readonly #onListed: () => void;
  readonly #onMissing: () => void;
  readonly #watched = new Map<string, Watched>();
  readonly #ending = new Map<string, Promise<void>>();
  /** Where the kinds are; null = not served; absent = nobody has looked yet. */
  readonly #served = new Map<WatchedKind, ServedKind | null>();
  /** What was known of objects whose kind is read in another version now. */
  readonly #handedOver = new Map<string, ReadonlyMap<string, KnownObject>>();
  #wanted: readonly ObjectName[] = [];

  constructor(options: {
    readonly client: ApiClient;
    readonly sink: SourceSink;
    readonly reachability: Reachability;
    /** One more object was listed for the first time, or is not waited for any more. */
    readonly onListed: () => void;
    /** A kind is not there any more, or not where it was. */
    readonly onMissing: () => void;
    readonly timing?: Partial<ReflectorTiming> | undefined;
  }) {
    this.#client = options.client;
    this.#sink = options.sink;
    this.#reachability = options.reachability;
    this.#timing = options.timing;
    this.#onListed = options.onListed;
    this.#onMissing = options.onMissing;
  }

  get areListed(): boolean {
    if (this.#ending.size > 0 || !referencedKinds.every((kind) => this.#served.has(kind))) return false;
    return this.#watched.values().every(({ state }) => state !== 'listing');
  }

  isUnreadable(key: string): boolean {
    const watched = this.#watched.get(key);
    return watched?.state === 'unreadable' && watched.name.kind !== 'ClusterTrustBundle';
  }

  /** Takes note of where a kind is; null = the cluster does not serve it, and its objects are gone. */
  serve(kind: WatchedKind, served: ServedKind | null): void {
    const before = this.#served.get(kind);
    this.#served.set(kind, served);
    this.#apply();
    if (before === undefined || (before === null) !== (served === null)) this.#onListed();
  }

  set(wanted: readonly ObjectName[]): void {
    const excess = wanted.length - referencesMax;
    this.#sink.problem(
      'references',
      excess > 0
        ? `${excess} referenced Secrets, ConfigMaps and ClusterTrustBundles are beyond the limit of ${referencesMax}`
        : null,
    );
    this.#wanted = wanted.slice(0, referencesMax);
    this.#apply();
  }

  async stop(): Promise<void> {
    this.#wanted = [];
    await Promise.all([...this.#watched.values()].map(({ reflector }) => reflector.stop()));
    this.#watched.clear();
    await Promise.all(this.#ending.values());
  }

  #apply(): void {
    const keep = this.#readable();
    for (const [key, watched] of this.#watched) {
      if (keep.get(key)?.[1].root === watched.served.root && watched.state !== 'ended') continue;
      this.#watched.delete(key);
      this.#ending.set(key, this.#end(key, watched));
    }
    for (const [key, [name, served]] of keep) {
      // One that is named again while its watch still ends starts after that, so that its deletion comes first.
      if (!this.#watched.has(key) && !this.#ending.has(key)) this.#watched.set(key, this.#start(name, served));
    }
  }

  /** Gives the objects that are wanted and of a kind that is served, by key. */
  #readable(): ReadonlyMap<string, readonly [ObjectName, ServedKind]> {
    const readable = new Map<string, readonly [ObjectName, ServedKind]>();
    for (const name of this.#wanted) {
      const served = this.#served.get(name.kind) ?? null;
      if (served !== null) readable.set(toLocalKey(name), [name, served]);
    }
    return readable;
  }

  async #end(key: string, { reflector }: Watched): Promise<void> {
    await reflector.stop();
    if (this.#readable().has(key)) this.#handedOver.set(key, new Map(reflector.known));
    else await reflector.forget();
    this.#ending.delete(key);
    this.#reachability.forget(key);
    this.#apply();
    this.#onListed();
  }

  #start(name: ObjectName, served: ServedKind): Watched {
    const about = toLocalKey(name);
    const known = this.#handedOver.get(about);
    this.#handedOver.delete(about);
    const reflector = startReflector({
      client: this.#client,
      collection: {
        path: collectionPath(served, name.namespace),
        fieldSelector: `metadata.name=${name.name}`,
      },
      apiVersion: served.apiVersion,
      kind: name.kind,
      onChange: (change) => this.#sink.change({ ...change, kind: name.kind }),
      onListed: () => {
        watched.state = 'listed';
        this.#onListed();
      },
      onMissing: () => {
        watched.state = 'ended';
        this.#onMissing();
      },
      onProblem: (problem) => {
        const sentence = `${about} ${problem?.sentence}`;
        this.#reachability.report(about, problem === null ? null : { ...problem, sentence });
        if (problem?.status !== 403) return;
        // What may not be read is not trusted, whatever it said before.
        if (name.kind === 'ClusterTrustBundle') void reflector.forget();
        if (watched.state !== 'listing') return;
        watched.state = 'unreadable';
        this.#onListed();
      },
      wait: (ms, signal) => this.#reachability.wait(ms, signal),
      onRestart: (why) => this.#sink.restarted(name.kind, why),
      ...(known === undefined ? {} : { known }),
      ...(this.#timing === undefined ? {} : { timing: this.#timing }),
    });
    const watched: Watched = { name, served, reflector, state: 'listing' };
    return watched;
  }
}
