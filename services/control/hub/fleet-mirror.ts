// Holds the fleet in the hub's memory as Postgres has it: every gateway's head, the content of those that nodes here
// serve, and all discovery. Rows come in through `take`; what they changed goes out to the hub. Contents are loaded
// when a node first needs them.
import type pg from 'pg';
import type { Logger } from '#libs/runtime/log.ts';
import type { FleetView, ReferenceChange } from '#libs/protocol/hub-session.ts';
import type { Held } from '#libs/protocol/messages.ts';
import type { Labels } from '#libs/snapshot/gateway-glob.ts';
import { sameValue } from '#libs/derivation/same-value.ts';
import { DiscoveryStore } from './discovery-store.ts';
import { EntryPool } from './entry-pool.ts';
import { type FleetRows, type HeadRow, readContent, readKeysSince, readRange } from './fleet-rows.ts';
import { DigestMismatch, type EntryRow, ServedGateway } from './served-gateway.ts';

/** What the nodes have to hear about. */
export interface FleetChange {
  /** Discovery keys with another item. */
  readonly discovery: readonly string[];
  readonly serving: readonly { readonly gateway: string; readonly references: ReferenceChange }[];
  /** Gateways that came up, came back or have other labels. */
  readonly appeared: readonly string[];
}

interface Head {
  readonly held: Held | null;
  readonly deleted: boolean;
  readonly labels: Labels;
}

const contentsIdleMax = 50;

export class FleetMirror implements FleetView {
  readonly #pool: pg.Pool;
  readonly #log: Logger;
  readonly #entries = new EntryPool();
  readonly #discovery = new DiscoveryStore();
  readonly #heads = new Map<string, Head>();
  readonly #served = new Map<string, ServedGateway>();
  readonly #loading = new Map<string, Promise<void>>();
  readonly #learning = new Map<string, Promise<void>>();

  constructor(pool: pg.Pool, log: Logger) {
    this.#pool = pool;
    this.#log = log;
  }

  // ---- read by the sessions

  serving(gateway: string): Held | undefined {
    return this.#served.get(gateway)?.held;
  }

  hasBase(base: Held): boolean {
    return this.#served.get(base.gateway)?.hasBase(base) ?? false;
  }

  keysOf(gateway: string): Iterable<string> {
    return this.#served.get(gateway)?.references ?? [];
  }

  refersTo(gateway: string, key: string): boolean {
    return this.#served.get(gateway)?.refersTo(key) ?? false;
  }

  needsOf(gateway: string): Iterable<string> {
    return this.#served.get(gateway)?.needs ?? [];
  }

  discoveryHash(key: string): string | undefined {
    return this.#discovery.hash(key);
  }

  snapshotMessage(gateway: string, base: Held | null): Buffer | undefined {
    return this.#served.get(gateway)?.message(base);
  }

  discoveryMessage(upserts: readonly string[], removes: readonly string[]): Buffer {
    return this.#discovery.message(upserts, removes);
  }

  // ---- read by the hub

  /** Lists gateways with a version that are there, or that the node holds although they are gone. */
  *gateways(held: ReadonlySet<string>): Iterable<string> {
    for (const [gateway, head] of this.#heads) {
      if (head.held !== null && (!head.deleted || held.has(gateway))) yield gateway;
    }
  }

  labelsOf(gateway: string): Labels {
    return this.#heads.get(gateway)?.labels ?? {};
  }

  isLoaded(gateway: string): boolean {
    return this.#served.has(gateway);
  }

  get sizes(): { readonly gateways: number; readonly contents: number; readonly entries: number } {
    return { gateways: this.#heads.size, contents: this.#served.size, entries: this.#entries.size };
  }

  /** Loads a gateway's content; resolves when it is there and current, or when the gateway has none. */
  load(gateway: string): Promise<void> {
    if (this.#served.has(gateway)) return Promise.resolve();
    let loading = this.#loading.get(gateway);
    if (loading === undefined) {
      loading = this.#load(gateway).finally(() => this.#loading.delete(gateway));
      this.#loading.set(gateway, loading);
    }
    return loading;
  }

  /** Makes a delta from what a node holds possible, where the history has that version. */
  async learn(base: Held): Promise<void> {
    const served = this.#served.get(base.gateway);
    if (served === undefined || served.hasStep(base) || isSame(served.held, base)) return;
    const name = `${base.gateway} ${base.version} ${base.digest}`;
    let learning = this.#learning.get(name);
    if (learning === undefined) {
      learning = this.#learn(served, base).finally(() => this.#learning.delete(name));
      this.#learning.set(name, learning);
    }
    await learning;
  }

  /** Forgets contents that no node here serves, beyond a few. */
  forgetIdle(inUse: ReadonlySet<string>): void {
    const idle = [...this.#served.keys()].filter((gateway) => !inUse.has(gateway));
    for (const gateway of idle.slice(0, Math.max(0, idle.length - contentsIdleMax))) this.#drop(gateway);
  }

  // ---- written by the feed

  /** Takes over changed rows and says what they change; what needs further reads is said later. One call at a time. */
  async take(rows: FleetRows, mode: 'changed' | 'all', emit: (change: FleetChange) => void): Promise<void> {
    const discovery = mode === 'all' ? this.#discovery.replace(rows.discovery) : this.#discovery.update(rows.discovery);
    const appeared: string[] = [];
    const serving: FleetChange['serving'][number][] = [];
    const behind: ServedGateway[] = [];
    if (mode === 'all') this.#forgetAbsent(rows);
    for (const head of rows.heads) {
      if (this.#setHead(head)) appeared.push(head.gateway);
      const served = this.#served.get(head.gateway);
      if (served === undefined || head.held === null || isSame(served.held, head.held)) continue;
      const isNext = head.held.version === served.held.version + 1 && head.rows.length > 0;
      const references = isNext ? this.#advance(served, head.held, head.rows) : null;
      if (references === null) behind.push(served);
      else serving.push({ gateway: head.gateway, references });
    }
    if (discovery.length > 0 || serving.length > 0 || appeared.length > 0) emit({ discovery, serving, appeared });
    for (const served of behind) {
      const references = await this.#catchUp(served);
      if (references === null) continue;
      emit({ discovery: [], serving: [{ gateway: served.held.gateway, references }], appeared: [] });
    }
  }

  /** Notes a head; tells whether the gateway came up, came back or has other labels. */
  #setHead({ gateway, held, deleted, labels }: HeadRow): boolean {
    const before = this.#heads.get(gateway);
    this.#heads.set(gateway, { held, deleted, labels });
    if (held === null || deleted) return false;
    return before === undefined || before.held === null || before.deleted || !sameValue(before.labels, labels);
  }

  #forgetAbsent(rows: FleetRows): void {
    const present = new Set(rows.heads.map(({ gateway }) => gateway));
    for (const gateway of this.#heads.keys()) if (!present.has(gateway)) this.#heads.delete(gateway);
  }

  async #load(gateway: string): Promise<void> {
    const held = this.#heads.get(gateway)?.held;
    if (held === null || held === undefined) return;
    const served = new ServedGateway(this.#entries, held, await readContent(this.#pool, held));
    for (;;) {
      const newest = this.#heads.get(gateway)?.held;
      if (newest === null || newest === undefined || isSame(served.held, newest)) break;
      served.advance(newest, await this.#rowsTo(served, newest));
    }
    this.#served.set(gateway, served);
  }

  /** Goes on by the difference of the versions, and by the whole content where that does not lead there. */
  async #catchUp(served: ServedGateway): Promise<ReferenceChange | null> {
    const newest = this.#heads.get(served.held.gateway)?.held;
    if (newest === null || newest === undefined || isSame(served.held, newest)) return null;
    const references = this.#advance(served, newest, await this.#rowsTo(served, newest));
    if (references !== null) return references;
    return this.#advance(served, newest, served.differenceTo(await readContent(this.#pool, newest)));
  }

  async #rowsTo(served: ServedGateway, newest: Held): Promise<readonly EntryRow[]> {
    if (newest.version > served.held.version) return readRange(this.#pool, served.held, newest);
    return served.differenceTo(await readContent(this.#pool, newest));
  }

  /** Goes on by the rows; null where they do not lead to the digest, and then what serves stays. */
  #advance(served: ServedGateway, to: Held, rows: readonly EntryRow[]): ReferenceChange | null {
    try {
      return served.advance(to, rows);
    } catch (error) {
      if (!(error instanceof DigestMismatch)) throw error;
      this.#log.error({ err: error }, 'the rows of a version do not have its digest');
      return null;
    }
  }

  async #learn(served: ServedGateway, base: Held): Promise<void> {
    const to = served.held;
    const keys = await readKeysSince(this.#pool, base, to);
    if (keys !== undefined && !served.hasStep(base)) served.learn(base, keys, to);
  }

  #drop(gateway: string): void {
    this.#served.get(gateway)?.close();
    this.#served.delete(gateway);
  }
}

function isSame(a: Held, b: Held): boolean {
  return a.version === b.version && a.digest === b.digest;
}
