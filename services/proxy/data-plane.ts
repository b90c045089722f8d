// Brings content into Envoy and says whether it answers requests: it compiles, pushes, and waits until Envoy has taken
// it and waits for nothing. What Envoy refuses, or does not take in time, is put back. Endpoints and TLS material go
// past all that, always the newest.
import { messageOf } from '#libs/runtime/errors.ts';
import type { Logger } from '#libs/runtime/log.ts';
import { pause } from '#libs/runtime/pause.ts';
import type { Activation, EntryChanges, GatewayContent } from '#libs/protocol/node-session.ts';
import type { Entry } from '#libs/snapshot/entry.ts';
import type { XdsCompiler, XdsDiscovery } from '#libs/xds/compiler.ts';
import { xdsTypes, type XdsChange, type XdsType } from '#libs/xds/envoy/resources.ts';
import type { AdsServer } from './ads/ads-server.ts';

/** What the data plane needs of the compiler. */
export type Compiler = Pick<XdsCompiler, 'setSnapshot' | 'setDiscovery' | 'flush' | 'tables' | 'problems'>;

interface DataPlaneOptions {
  readonly createCompiler: () => Compiler;
  readonly ads: AdsServer;
  /** Names of listeners that do not take connections yet. */
  readonly warmingListeners: () => Promise<readonly string[]>;
  /** How often Envoy ended so far. */
  readonly envoyExits: () => number;
  /** How long a connected Envoy may take. */
  readonly deadlineMs: number;
  readonly log: Logger;
}

/** A change of discovery, TLS material opened. */
interface DiscoveryChange {
  readonly upserts: readonly { readonly key: string; readonly item: XdsDiscovery }[];
  readonly removes: readonly string[];
}

/** Says why something is not in force; empty when it is. */
type Reasons = readonly string[];

/** Names by type that must be in force. */
type Awaited = ReadonlyMap<XdsType, ReadonlySet<string>>;

interface Wait {
  readonly awaited: Awaited;
  readonly exitsAtStart: number;
  readonly settle: (reasons: Reasons) => void;
  timer: NodeJS.Timeout | undefined;
}

const listenerPollMs = 2;
const reasonsMax = 20;
const reasonLengthMax = 2000;
const exitsMax = 2;

export class DataPlane {
  readonly #options: DataPlaneOptions;
  #compiler: Compiler;
  readonly #contents = new Map<string, Map<string, Entry>>();
  readonly #discovery = new Map<string, XdsDiscovery>();
  /** One change of structure at a time; the rest waits in turn. */
  #turn: Promise<unknown> = Promise.resolve();
  #wait: Wait | null = null;
  #faults: Reasons = [];

  constructor(options: DataPlaneOptions) {
    this.#options = options;
    this.#compiler = options.createCompiler();
  }

  /** Says what is wrong with what Envoy serves, for readiness; empty when nothing is. */
  get faults(): Reasons {
    return this.#faults;
  }

  /** Lists what was left out of the content because Envoy would not take it. */
  problems(): ReturnType<Compiler['problems']> {
    return this.#compiler.problems();
  }

  /**
   * Puts saved content into the tables; resolves when Envoy serves it, with reasons where it does not take all of it.
   */
  restore(gateways: readonly GatewayContent[], discovery: DiscoveryChange): Promise<Reasons> {
    this.#noteDiscovery(discovery);
    for (const { gateway, entries } of gateways)
      this.#contents.set(gateway, new Map([...entries].map(([key, { json }]) => [key, parseEntry(json)])));
    const change = this.#recompile();
    return this.#inTurn(async () => {
      const reasons = await this.#push(change);
      if (reasons.length > 0) this.#goOnWithout(reasons, 'Envoy does not take all of the saved snapshots');
      return reasons;
    });
  }

  /** Resolves when requests are answered by it, or when what served before is back, with the reasons. */
  activate(activation: Activation): Promise<Reasons> {
    return this.#inTurn(async () => {
      const reasons = await this.#change(activation.gateway, activation.changes);
      if (reasons.length > 0) await this.#goBack(activation);
      else this.#faults = [];
      return reasons.slice(0, reasonsMax).map((reason) => reason.slice(0, reasonLengthMax));
    });
  }

  /** Takes newer endpoints and TLS material, and sends them at once. */
  discover(discovery: DiscoveryChange): void {
    this.#noteDiscovery(discovery);
    let change: XdsChange;
    try {
      this.#compiler.setDiscovery(discovery.upserts, discovery.removes);
      change = this.#compiler.flush();
    } catch (error) {
      this.#options.log.error({ err: error }, 'discovery cannot be compiled');
      change = this.#recompile();
    }
    this.#put(change);
    if ([...change.upserts, ...change.removes].every(({ type }) => type === 'endpoints' || type === 'secret')) return;
    void this.#inTurn(async () => {
      const reasons = await this.#settled(awaitedOf(change));
      if (reasons.length > 0) this.#goOnWithout(reasons, 'Envoy does not take what follows from discovery');
    });
  }

  /** Envoy connected: its time begins. */
  connected(): void {
    const wait = this.#wait;
    if (wait === null) return;
    const exits = this.#options.envoyExits() - wait.exitsAtStart;
    if (exits >= exitsMax) wait.settle([`Envoy ended ${exits} times while it took this`]);
    else this.#startTimer(wait);
  }

  /** Envoy is gone: nothing can be expected of it. */
  disconnected(): void {
    clearTimeout(this.#wait?.timer);
  }

  /** Envoy answered. */
  progress(): void {
    const wait = this.#wait;
    if (wait !== null && this.#isInForce(wait.awaited)) wait.settle([]);
  }

  /** Envoy did not take these. */
  refused(type: XdsType, names: readonly string[], reason: string): 'go on' | 'wait' {
    const wait = this.#wait;
    const awaited = wait?.awaited.get(type);
    if (wait === null || !names.some((name) => awaited?.has(name))) {
      this.#options.log.warn({ type, names: names.slice(0, 10), reason }, 'Envoy refuses resources');
      return 'go on';
    }
    wait.settle([reason]);
    return 'wait';
  }

  async #change(gateway: string, changes: EntryChanges): Promise<Reasons> {
    let change: XdsChange;
    try {
      change = this.#compile(gateway, changes);
    } catch (error) {
      this.#options.log.error({ err: error, gateway }, 'a snapshot cannot be compiled');
      return [`cannot be compiled: ${messageOf(error)}`];
    }
    return this.#push(change);
  }

  async #goBack({ gateway, undo }: Activation): Promise<void> {
    let change: XdsChange;
    try {
      change = this.#compile(gateway, undo);
    } catch (error) {
      this.#options.log.error({ err: error, gateway }, 'the compiler starts anew');
      change = this.#recompile();
    }
    let reasons = await this.#push(change);
    if (reasons.length > 0) {
      // Envoy says what it holds when it connects again, and gets what differs.
      this.#options.ads.reset();
      reasons = await this.#settled(awaitedOf(change));
    }
    if (reasons.length > 0) this.#goOnWithout(reasons, 'Envoy does not take the previous snapshot back');
  }

  #goOnWithout(reasons: Reasons, message: string): void {
    this.#faults = reasons.map((reason) => `${message}: ${reason}`);
    this.#options.log.error({ reasons }, message);
    this.#options.ads.giveUp();
  }

  #compile(gateway: string, changes: EntryChanges): XdsChange {
    const content = this.#contents.get(gateway) ?? new Map<string, Entry>();
    this.#contents.set(gateway, content);
    const upserts: (readonly [string, Entry])[] = [];
    const removes: string[] = [];
    for (const [key, entry] of changes) {
      if (entry === null) removes.push(key);
      else upserts.push([key, parseEntry(entry.json)]);
    }
    for (const [key, entry] of upserts) content.set(key, entry);
    for (const key of removes) content.delete(key);
    this.#compiler.setSnapshot(gateway, upserts, removes);
    return this.#compiler.flush();
  }

  /** Compiles everything from the start; returns the change from what the tables hold. */
  #recompile(): XdsChange {
    const compiler = this.#options.createCompiler();
    compiler.setDiscovery(
      [...this.#discovery].map(([key, item]) => ({ key, item })),
      [],
    );
    for (const [gateway, entries] of this.#contents) compiler.setSnapshot(gateway, entries, []);
    compiler.flush();
    this.#compiler = compiler;
    const tables = compiler.tables();
    const upserts = xdsTypes.flatMap(({ type }) => [...tables[type].values()]);
    const removes = xdsTypes.toReversed().flatMap(({ type }) => {
      const names = [...this.#options.ads.tables.table(type).keys()];
      return names.filter((name) => !tables[type].has(name)).map((name) => ({ type, name }));
    });
    return { upserts, removes };
  }

  async #push(change: XdsChange): Promise<Reasons> {
    const awaited = awaitedOf(change);
    const failed = this.#put(change);
    return failed.length > 0 ? failed : this.#settled(awaited);
  }

  #put({ upserts, removes }: XdsChange): Reasons {
    try {
      this.#options.ads.set(upserts);
      this.#options.ads.remove(removes);
      return [];
    } catch (error) {
      this.#options.log.error({ err: error }, 'a resource cannot be encoded');
      return [`cannot be encoded: ${messageOf(error)}`];
    } finally {
      this.#options.ads.flush();
    }
  }

  /** Resolves when all is in force, or with what Envoy says against it, or when its time is over. */
  async #settled(awaited: Awaited): Promise<Reasons> {
    if (!this.#isInForce(awaited)) {
      const reasons = await this.#waitFor(awaited);
      if (reasons.length > 0) return reasons;
    }
    const listeners = awaited.get('listener');
    return listeners === undefined ? [] : this.#listenersTaken(listeners);
  }

  #waitFor(awaited: Awaited): Promise<Reasons> {
    return new Promise((resolve) => {
      const settle = (reasons: Reasons): void => {
        clearTimeout(wait.timer);
        this.#wait = null;
        resolve(reasons);
      };
      const wait: Wait = { awaited, settle, exitsAtStart: this.#options.envoyExits(), timer: undefined };
      this.#wait = wait;
      if (this.#options.ads.connected) this.#startTimer(wait);
    });
  }

  #startTimer(wait: Wait): void {
    clearTimeout(wait.timer);
    const { deadlineMs } = this.#options;
    wait.timer = setTimeout(() => {
      const missing = [...wait.awaited.keys()].filter((type) => !this.#isInForceOf(type, wait.awaited));
      wait.settle([`Envoy did not take it within ${deadlineMs} ms (missing: ${missing.join(', ')})`]);
    }, deadlineMs);
  }

  /** Envoy acknowledges a listener before it takes connections. */
  async #listenersTaken(listeners: ReadonlySet<string>): Promise<Reasons> {
    const until = performance.now() + this.#options.deadlineMs;
    for (;;) {
      const warming = await this.#options.warmingListeners().catch(() => [...listeners]);
      const missing = warming.filter((name) => listeners.has(name));
      if (missing.length === 0) return [];
      if (performance.now() > until) return [`listeners do not take connections: ${missing.join(', ')}`];
      await pause(listenerPollMs);
    }
  }

  #isInForce(awaited: Awaited): boolean {
    for (const type of awaited.keys()) if (!this.#isInForceOf(type, awaited)) return false;
    return true;
  }

  #isInForceOf(type: XdsType, awaited: Awaited): boolean {
    return this.#options.ads.isInForce(type, awaited.get(type) ?? []);
  }

  #noteDiscovery({ upserts, removes }: DiscoveryChange): void {
    for (const { key, item } of upserts) this.#discovery.set(key, item);
    for (const key of removes) this.#discovery.delete(key);
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => undefined);
    return done;
  }
}

/** Names what makes a change answer requests: all upserts, and that removed scopes and listeners are gone. */
function awaitedOf({ upserts, removes }: XdsChange): Awaited {
  const awaited = new Map<XdsType, Set<string>>();
  const add = (type: XdsType, name: string): void => {
    const names = awaited.get(type);
    if (names === undefined) awaited.set(type, new Set([name]));
    else names.add(name);
  };
  for (const { type, name } of upserts) add(type, name);
  for (const { type, name } of removes) if (type === 'scope' || type === 'listener') add(type, name);
  return awaited;
}

/** Reads an entry that the projector wrote and whose hash holds; the compiler looks at what kind it is. */
function parseEntry(json: string): Entry {
  const value: unknown = JSON.parse(json);
  if (!isEntry(value)) throw new Error('an entry is not an object with a kind');
  return value;
}

function isEntry(value: unknown): value is Entry {
  return typeof value === 'object' && value !== null && 'kind' in value && typeof value.kind === 'string';
}
