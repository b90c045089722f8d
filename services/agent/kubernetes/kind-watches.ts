// Runs a reflector for each kind that the cluster serves, in its best version. It looks for missing kinds again and
// again; a kind that goes away takes its objects with it. Kinds of which only referenced objects are read it leaves to
// others, and says when they come and go.
import { type KindInfo, type WatchedKind, kinds } from '#libs/gateway/kinds.ts';
import { backoff, jittered, pause } from '#libs/runtime/pause.ts';
import type { SourceSink } from '../source.ts';
import type { ApiClient } from './api-client.ts';
import { type Discovery, type ServedKind, collectionPath, discoverKinds } from './discovery.ts';
import type { Reachability } from './reachability.ts';
import { type KnownObject, type Reflector, startReflector } from './reflector.ts';
import { ServedApiReport } from './served-api-report.ts';
import type { ReflectorTiming } from './timing.ts';

interface KindWatchesOptions {
  readonly client: ApiClient;
  readonly sink: SourceSink;
  readonly reachability: Reachability;
  /** Whether the agent provides data planes. */
  readonly provides: boolean;
  /** Takes note of where a kind is whose referenced objects are read; null = the cluster does not serve it. */
  readonly onReferenced: (kind: WatchedKind, served: ServedKind | null) => void;
  readonly timing?: Partial<ReflectorTiming>;
  /** How often to look for kinds that are missing. */
  readonly missingPollMs?: number;
}

interface KindWatch {
  readonly served: ServedKind;
  readonly reflector: Reflector;
  state: 'running' | 'ended';
}

const kindTable: readonly (KindInfo & { readonly kind: WatchedKind })[] = kinds;
const allPollMs = 600_000;
const optionalPollMs = 30_000;
const confirmMs = 2000;

/** Watches every kind of the table that the cluster serves, until it is stopped. */
export class KindWatches {
  readonly #options: KindWatchesOptions;
  readonly #watches = new Map<WatchedKind, KindWatch>();
  /** Kinds of which only referenced objects are read, as far as they are served. */
  readonly #referenced = new Map<WatchedKind, ServedKind>();
  readonly #report: ServedApiReport;
  /** Kinds that the last look did not find: a second look decides. */
  readonly #doubted = new Set<WatchedKind>();
  readonly #abort = new AbortController();
  #wake: AbortController = new AbortController();
  #done: Promise<void> = Promise.resolve();

  constructor(options: KindWatchesOptions) {
    this.#options = options;
    this.#report = new ServedApiReport(options);
  }

  start(): void {
    this.#done = this.#run();
  }

  /** Reads again everything that is watched at these roots (`/apis/<group>/<version>`), and looks for kinds at once. */
  reread(roots: ReadonlySet<string>): void {
    for (const { served, reflector } of this.#watches.values()) if (roots.has(served.root)) reflector.reread();
    this.look();
  }

  /** Looks at once for what the cluster serves. */
  look(): void {
    this.#wake.abort();
  }

  /** Says in which version a kind is watched, if it is. */
  served(kind: WatchedKind): ServedKind | undefined {
    return this.#watches.get(kind)?.served;
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#done;
    await Promise.all([...this.#watches.values()].map(({ reflector }) => reflector.stop()));
  }

  async #run(): Promise<void> {
    const { client, sink, missingPollMs = 5000 } = this.#options;
    const { signal } = this.#abort;
    for (let failures = 0; !signal.aborted;) {
      this.#wake = new AbortController();
      const found = await discoverKinds(client, signal);
      if (signal.aborted) return;
      if (!found.ok) {
        sink.problem('discovery', `the API server does not say what it serves: ${found.message}`);
        await this.#options.reachability.wait(backoff(failures++, { minMs: 100, maxMs: 10_000 }), signal);
        continue;
      }
      failures = 0;
      sink.problem('discovery', null);
      await this.#report.tell(this.#lasting(found.served), signal);
      if (signal.aborted) return;
      const pollMs = await this.#apply(found);
      const waitMs = this.#doubted.size > 0 ? Math.min(confirmMs, missingPollMs) : Math.max(missingPollMs, pollMs);
      await pause(jittered(waitMs), AbortSignal.any([signal, this.#wake.signal]));
    }
  }

  /** Names the kinds that a look found, and those that it misses for the first time. */
  #lasting(found: ReadonlyMap<WatchedKind, ServedKind>): readonly WatchedKind[] {
    const before = [...this.#watches.keys(), ...this.#referenced.keys()];
    return [...found.keys(), ...before.filter((kind) => !found.has(kind) && !this.#doubted.has(kind))];
  }

  /** Gives how long it may take, at least, until the next look. */
  async #apply(found: Discovery & { readonly ok: true }): Promise<number> {
    const { sink } = this.#options;
    const missing: string[] = [];
    let pollMs = allPollMs;
    // Where referenced objects are is known before anything refers to them.
    for (const info of kindTable.toSorted((a, b) => Number(a.watch === 'all') - Number(b.watch === 'all'))) {
      const served = found.served.get(info.kind);
      if (served !== undefined) {
        this.#doubted.delete(info.kind);
        if (info.watch === 'all') await this.#watch(served);
        else this.#refer(info.kind, served);
        continue;
      }
      pollMs = Math.min(pollMs, info.optional === true ? optionalPollMs : 0);
      if (info.optional !== true) missing.push(info.plural);
      const isKnown = this.#watches.has(info.kind) || this.#referenced.has(info.kind);
      const isSure = !isKnown && !found.emptyGroups.has(info.group);
      if (!isSure && !this.#doubted.delete(info.kind)) this.#doubted.add(info.kind);
      else if (info.watch === 'all') await this.#drop(info.kind);
      else this.#refer(info.kind, null);
    }
    sink.problem(
      'missing',
      missing.length === 0 ? null : `the cluster has no CRDs of these kinds: ${missing.join(', ')}`,
    );
    return pollMs;
  }

  #refer(kind: WatchedKind, served: ServedKind | null): void {
    if (served === null) this.#referenced.delete(kind);
    else this.#referenced.set(kind, served);
    this.#options.onReferenced(kind, served);
  }

  async #watch(served: ServedKind): Promise<void> {
    const current = this.#watches.get(served.kind);
    if (current?.state === 'running' && current.served.root === served.root) return;
    await current?.reflector.stop();
    const watch = this.#start(served, current?.reflector.known);
    this.#watches.set(served.kind, watch);
    // Another version of the API may read the same objects differently.
    if (current !== undefined) watch.reflector.reread();
  }

  #start(served: ServedKind, known: ReadonlyMap<string, KnownObject> | undefined): KindWatch {
    const { client, sink, reachability, timing } = this.#options;
    const { kind, apiVersion } = served;
    const reflector = startReflector({
      client,
      collection: { path: collectionPath(served) },
      apiVersion,
      kind,
      onChange: (change) => (kind === 'GatewayClass' ? this.#report.class(change) : sink.change({ ...change, kind })),
      onListed: () => sink.listed(kind),
      onMissing: () => {
        watch.state = 'ended';
        this.#wake.abort();
      },
      onProblem: (problem) =>
        reachability.report(
          kind,
          problem === null ? null : { ...problem, sentence: `${served.plural} ${problem.sentence}` },
        ),
      wait: (ms, signal) => reachability.wait(ms, signal),
      onRestart: (why) => sink.restarted(kind, why),
      ...(known === undefined ? {} : { known }),
      ...(timing === undefined ? {} : { timing }),
    });
    const watch: KindWatch = { served, reflector, state: 'running' };
    return watch;
  }

  /** Ends the watch of a kind that is not there, and of its objects. */
  async #drop(kind: WatchedKind): Promise<void> {
    const watch = this.#watches.get(kind);
    this.#watches.delete(kind);
    await watch?.reflector.stop();
    await watch?.reflector.forget();
    this.#options.reachability.forget(kind);
    this.#options.sink.listed(kind);
  }
}
