// Runs a reflector for each kind of policy that belongs to another gateway and that the cluster serves, and looks for
// such kinds again and again: CRDs come and go. What it may not see is told as not known, never taken for nothing.
import type { ForeignKind } from '#libs/gateway/foreign-kinds.ts';
import { backoff, jittered, pause } from '#libs/runtime/pause.ts';
import type { SourceSink } from '../source.ts';
import type { ApiClient } from './api-client.ts';
import { type ServedKind, collectionPath } from './discovery.ts';
import { type PolicyDiscovery, discoverPolicies } from './policy-discovery.ts';
import type { Reachability } from './reachability.ts';
import { type KnownObject, type Reflector, startReflector } from './reflector.ts';
import type { ReflectorTiming } from './timing.ts';

interface PolicyWatchesOptions {
  readonly client: ApiClient;
  readonly sink: SourceSink;
  readonly reachability: Reachability;
  /** Kinds of which the history has objects. */
  readonly held: Iterable<ForeignKind>;
  readonly timing?: Partial<ReflectorTiming>;
  /** How often to look for kinds, and to try again what is forbidden. */
  readonly pollMs?: number;
}

type ServedPolicy = ServedKind & { readonly kind: ForeignKind };

interface PolicyWatch {
  readonly served: ServedPolicy;
  readonly reflector: Reflector;
  state: 'running' | 'ended';
}

const pollMsDefault = 30_000;

/** Watches the policies of other gateways until it is stopped. */
export class PolicyWatches {
  readonly #options: PolicyWatchesOptions;
  readonly #pollMs: number;
  readonly #watches = new Map<ForeignKind, PolicyWatch>();
  /** Kinds of the history that no look has found yet. */
  readonly #held: Set<ForeignKind>;
  /** Kinds that the last look did not find: a second look decides. */
  readonly #doubted = new Set<ForeignKind>();
  readonly #abort = new AbortController();
  #wake: AbortController = new AbortController();
  #done: Promise<void> = Promise.resolve();

  constructor(options: PolicyWatchesOptions) {
    this.#options = options;
    this.#pollMs = options.pollMs ?? pollMsDefault;
    this.#held = new Set(options.held);
  }

  start(): void {
    this.#done = this.#run();
  }

  /** Reads anew what is below some roots, whose schemas have changed, and looks whether there are more kinds. */
  reread(roots: ReadonlySet<string>): void {
    for (const { served, reflector } of this.#watches.values()) if (roots.has(served.root)) reflector.reread();
    this.#wake.abort();
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#done;
    await Promise.all([...this.#watches.values()].map(({ reflector }) => reflector.stop()));
  }

  async #run(): Promise<void> {
    const { client, sink, reachability } = this.#options;
    const { signal } = this.#abort;
    for (let failures = 0; !signal.aborted;) {
      this.#wake = new AbortController();
      const found = await discoverPolicies(client, [...this.#held, ...this.#watches.keys()], signal);
      if (signal.aborted) return;
      if (!found.ok) {
        const unknown = 'whether policies of other gateways are attached is not known';
        sink.problem('policies', `the API server does not say which policies it serves, ${unknown}: ${found.message}`);
        await reachability.wait(backoff(failures++, { minMs: 100, maxMs: 10_000 }), signal);
        continue;
      }
      failures = 0;
      sink.problem('policies', unreadSentence(found));
      await this.#apply(found);
      await pause(jittered(this.#pollMs), AbortSignal.any([signal, this.#wake.signal]));
    }
  }

  async #apply({ served }: PolicyDiscovery & { readonly ok: true }): Promise<void> {
    for (const one of served.values()) {
      this.#doubted.delete(one.kind);
      this.#held.delete(one.kind);
      await this.#watch(one);
    }
    for (const kind of [...this.#held, ...this.#watches.keys()]) {
      if (served.has(kind)) continue;
      if (this.#doubted.delete(kind)) await this.#drop(kind);
      else this.#doubted.add(kind);
    }
  }

  async #watch(served: ServedPolicy): Promise<void> {
    const current = this.#watches.get(served.kind);
    if (current?.state === 'running' && current.served.root === served.root) return;
    await current?.reflector.stop();
    this.#watches.set(served.kind, this.#start(served, current?.reflector.known));
  }

  #start(served: ServedPolicy, known: ReadonlyMap<string, KnownObject> | undefined): PolicyWatch {
    const { client, sink, reachability, timing } = this.#options;
    const { kind, apiVersion, plural } = served;
    let refusals: 'none' | 'some' = 'none';
    const reflector = startReflector({
      client,
      collection: { path: collectionPath(served) },
      apiVersion,
      kind,
      onChange: (change) => sink.change({ ...change, kind }),
      onListed: () => sink.listed(kind),
      onMissing: () => {
        watch.state = 'ended';
        this.#wake.abort();
      },
      onProblem: (problem) => {
        refusals = problem?.status === 403 ? 'some' : 'none';
        const unknown = 'whether policies of this kind are attached is not known';
        const sentence = `${plural}.${apiVersion.split('/', 1)[0]} ${problem?.sentence}: ${unknown}`;
        reachability.report(kind, problem === null ? null : { ...problem, sentence });
      },
      wait: (ms, signal) =>
        refusals === 'some' ? pause(Math.max(ms, jittered(this.#pollMs)), signal) : reachability.wait(ms, signal),
      onRestart: (why) => sink.restarted(kind, why),
      ...(known === undefined ? {} : { known }),
      ...(timing === undefined ? {} : { timing }),
    });
    const watch: PolicyWatch = { served, reflector, state: 'running' };
    return watch;
  }

  /** Ends the watch of a kind that is not there, or no policy, and of its objects. */
  async #drop(kind: ForeignKind): Promise<void> {
    const watch = this.#watches.get(kind);
    this.#watches.delete(kind);
    this.#held.delete(kind);
    await watch?.reflector.stop();
    await watch?.reflector.forget();
    this.#options.reachability.forget(kind);
    this.#options.sink.listed(kind);
  }
}

function unreadSentence({ unread }: PolicyDiscovery & { readonly ok: true }): string | null {
  if (unread === null) return null;
  const unknown = 'whether policies of other kinds are attached is not known';
  return `CRDs of policies that are not known by name cannot be seen, ${unknown}: ${unread}`;
}
