// Runs a small watch for each referenced Secret and ConfigMap, by its name, as the kubelet does. Nothing else of
// these kinds is read.
import { kindInfo } from '#libs/gateway/kinds.ts';
import { toLocalKey } from '#libs/gateway/object-key.ts';
import type { ObjectName, SourceSink } from '../source.ts';
import type { ApiClient } from './api-client.ts';
import type { Reachability } from './reachability.ts';
import { type Reflector, startReflector } from './reflector.ts';
import type { ReflectorTiming } from './timing.ts';

const referencesMax = 2000;

interface Watched {
  readonly name: ObjectName;
  readonly reflector: Reflector;
  /** unreadable: the agent may not read it; it exists or not. */
  state: 'listing' | 'listed' | 'unreadable';
}

/** Watches the objects that are referred to, as that changes, until it is stopped. */
export class ReferencedWatches {
  readonly #client: ApiClient;
  readonly #sink: SourceSink;
  readonly #reachability: Reachability;
  readonly #timing: Partial<ReflectorTiming> | undefined;
  readonly #onListed: () => void;
  readonly #watched = new Map<string, Watched>();
  readonly #ending = new Map<string, Promise<void>>();
  #wanted: readonly ObjectName[] = [];

  constructor(options: {
    readonly client: ApiClient;
    readonly sink: SourceSink;
    readonly reachability: Reachability;
    /** One more object was listed for the first time, or is not waited for any more. */
    readonly onListed: () => void;
    readonly timing?: Partial<ReflectorTiming> | undefined;
  }) {
    this.#client = options.client;
    this.#sink = options.sink;
    this.#reachability = options.reachability;
    this.#timing = options.timing;
    this.#onListed = options.onListed;
  }

  get areListed(): boolean {
    return this.#ending.size === 0 && this.#watched.values().every(({ state }) => state !== 'listing');
  }

  isUnreadable(key: string): boolean {
    return this.#watched.get(key)?.state === 'unreadable';
  }

  set(wanted: readonly ObjectName[]): void {
    const excess = wanted.length - referencesMax;
    this.#sink.problem(
      'references',
      excess > 0 ? `${excess} referenced Secrets and ConfigMaps are beyond the limit of ${referencesMax}` : null,
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
    const keep = new Map(this.#wanted.map((name) => [toLocalKey(name), name]));
    for (const [key, watched] of this.#watched) {
      if (keep.has(key)) continue;
      this.#watched.delete(key);
      this.#ending.set(key, this.#end(key, watched));
    }
    for (const [key, name] of keep) {
      // One that is named again while its watch still ends starts after that, so that its deletion comes first.
      if (!this.#watched.has(key) && !this.#ending.has(key)) this.#watched.set(key, this.#start(name));
    }
  }

  async #end(key: string, { reflector }: Watched): Promise<void> {
    await reflector.stop();
    await reflector.forget();
    this.#ending.delete(key);
    this.#reachability.forget(key);
    this.#apply();
    this.#onListed();
  }

  #start(name: ObjectName): Watched {
    const about = toLocalKey(name);
    const reflector = startReflector({
      client: this.#client,
      collection: {
        path: `/api/v1/namespaces/${name.namespace}/${kindInfo(name.kind)?.plural}`,
        fieldSelector: `metadata.name=${name.name}`,
      },
      apiVersion: 'v1',
      kind: name.kind,
      onChange: (change) => this.#sink.change({ ...change, kind: name.kind }),
      onListed: () => {
        watched.state = 'listed';
        this.#onListed();
      },
      onMissing: () => undefined,
      onProblem: (problem) => {
        const sentence = `${about} ${problem?.sentence}`;
        this.#reachability.report(about, problem === null ? null : { ...problem, sentence });
        if (problem?.status !== 403 || watched.state !== 'listing') return;
        watched.state = 'unreadable';
        this.#onListed();
      },
      wait: (ms, signal) => this.#reachability.wait(ms, signal),
      onRestart: (why) => this.#sink.restarted(name.kind, why),
      ...(this.#timing === undefined ? {} : { timing: this.#timing }),
    });
    const watched: Watched = { name, reflector, state: 'listing' };
    return watched;
  }
}
