// Holds what one gateway should serve: its entries, the way from recent versions to this one, and the texts of
// messages, each made once for all nodes that need it.
//
//   step 5→6 · step 6→7 · step 7→8     a delta from 6 = the keys of the steps since 6, with what they are now
import type { ReferenceChange } from '#libs/protocol/hub-session.ts';
import type { Held } from '#libs/protocol/messages.ts';
import type { OuterColumns, Row } from '#libs/runtime/postgres/database.ts';
import { Digest } from '#libs/snapshot/digest.ts';
import type { EntryPool, PooledEntry } from './entry-pool.ts';

/** A row of a version or of a difference; json null where hash is. */
export type EntryRow = Pick<Row<'snapshot_changes'>, 'key' | 'hash'> & OuterColumns<Pick<Row<'entries'>, 'json'>>;

interface Step {
  readonly keys: readonly string[];
  /** Identity of the version that it leads to. */
  readonly to: string;
}

const stepsMax = 512;
const deltaAlwaysBelow = 64;
const deltaShareMax = 0.5;

/** Is thrown where rows do not lead to the digest that is stated for them. */
export class DigestMismatch extends Error {
  override readonly name = 'DigestMismatch';
}

export class ServedGateway {
  readonly #pool: EntryPool;
  readonly #entries = new Map<string, PooledEntry>();
  readonly #references = new Map<string, number>();
  /** What entries need of nodes → how many do. */
  readonly #needs = new Map<string, number>();
  readonly #digest = new Digest();
  readonly #steps = new Map<string, Step>();
  readonly #texts = new Map<string, Buffer>();
  readonly #changed = new Map<string, readonly string[] | undefined>();
  #held: Held;

  /** Begins with the rows of a whole version. Throws DigestMismatch. */
  constructor(pool: EntryPool, held: Held, rows: Iterable<EntryRow>) {
    this.#pool = pool;
    this.#held = held;
    const touched = new Map<string, boolean>();
    const content = [...rows];
    this.#checkDigest(held, content);
    for (const row of content) this.#set(row, touched);
  }

  get held(): Held {
    return this.#held;
  }

  get references(): Iterable<string> {
    return this.#references.keys();
  }

  get needs(): Iterable<string> {
    return this.#needs.keys();
  }

  refersTo(key: string): boolean {
    return this.#references.has(key);
  }

  /** Goes on to another version by the rows that differ. Throws DigestMismatch, and then nothing has changed. */
  advance(to: Held, rows: readonly EntryRow[]): ReferenceChange {
    this.#checkDigest(to, rows);
    const touched = new Map<string, boolean>();
    for (const row of rows) this.#set(row, touched);
    this.#steps.set(identity(this.#held), { keys: rows.map(({ key }) => key), to: identity(to) });
    for (const oldest of this.#steps.keys()) {
      if (this.#steps.size <= stepsMax) break;
      this.#steps.delete(oldest);
    }
    this.#held = to;
    this.#texts.clear();
    this.#changed.clear();
    const added: string[] = [];
    const removed: string[] = [];
    for (const [key, before] of touched) {
      if (this.#references.has(key) && !before) added.push(key);
      if (!this.#references.has(key) && before) removed.push(key);
    }
    return { added, removed };
  }

  /** Finds the rows that lead from here to a whole content. */
  differenceTo(content: readonly EntryRow[]): readonly EntryRow[] {
    const present = new Set(content.map(({ key }) => key));
    const gone = [...this.#entries.keys()].filter((key) => !present.has(key));
    const changed = content.filter(({ key, hash }) => this.#entries.get(key)?.hash !== hash);
    return [...changed, ...gone.map((key) => ({ key, hash: null, json: null }))];
  }

  /** Makes a base known by the keys that changed from it to a version that is or was served. */
  learn(base: Held, keys: readonly string[], to: Held): void {
    this.#steps.set(identity(base), { keys, to: identity(to) });
    this.#changed.delete(identity(base));
  }

  hasStep(base: Held): boolean {
    return this.#steps.has(identity(base));
  }

  /** Tells whether a delta from this base is known and worth it. */
  hasBase(base: Held): boolean {
    const keys = this.#changedSince(base);
    if (keys === undefined) return false;
    return keys.length <= Math.max(deltaAlwaysBelow, this.#entries.size * deltaShareMax);
  }

  /** Writes the snapshot message: a delta where the base allows it, else the whole. */
  message(base: Held | null): Buffer {
    const name = base === null ? '' : identity(base);
    let text = this.#texts.get(name);
    if (text === undefined) {
      text = Buffer.from(this.#encode(base));
      this.#texts.set(name, text);
    }
    return text;
  }

  /** Gives the entries back to the pool. */
  close(): void {
    for (const { hash } of this.#entries.values()) this.#pool.drop(hash);
    this.#entries.clear();
  }

  /** Takes a row over. `touched`: discovery key → whether anything referred to it before the first change. */
  #set({ key, hash, json }: EntryRow, touched: Map<string, boolean>): void {
    const before = this.#entries.get(key);
    const entry = hash === null || json === null ? undefined : this.#pool.take(key, hash, json);
    for (const reference of entry?.references ?? []) this.#count(reference, 1, touched);
    for (const reference of before?.references ?? []) this.#count(reference, -1, touched);
    for (const need of entry?.needs ?? []) add(this.#needs, need, 1);
    for (const need of before?.needs ?? []) add(this.#needs, need, -1);
    if (before !== undefined) this.#pool.drop(before.hash);
    if (entry === undefined) this.#entries.delete(key);
    else this.#entries.set(key, entry);
  }

  #count(reference: string, by: 1 | -1, touched: Map<string, boolean>): void {
    if (!touched.has(reference)) touched.set(reference, this.#references.has(reference));
    add(this.#references, reference, by);
  }

  #checkDigest(to: Held, rows: readonly EntryRow[]): void {
    for (const { key, hash } of rows) this.#setDigest(key, hash);
    const value = this.#digest.value();
    if (value === to.digest) return;
    for (const { key } of rows) this.#setDigest(key, this.#entries.get(key)?.hash ?? null);
    throw new DigestMismatch(`${to.gateway} ${to.version}: ${value} by its rows, ${to.digest} stated`);
  }

  #setDigest(key: string, hash: string | null): void {
    if (hash === null) this.#digest.delete(key);
    else this.#digest.set(key, hash);
  }

  #changedSince(base: Held): readonly string[] | undefined {
    const from = identity(base);
    if (this.#changed.has(from)) return this.#changed.get(from);
    const keys = this.#walk(from);
    this.#changed.set(from, keys);
    return keys;
  }

  #walk(from: string): readonly string[] | undefined {
    const until = identity(this.#held);
    const keys = new Set<string>();
    let at = from;
    for (let steps = 0; at !== until; steps++) {
      const step = this.#steps.get(at);
      if (step === undefined || steps > stepsMax) return undefined;
      for (const key of step.keys) keys.add(key);
      at = step.to;
    }
    return [...keys];
  }

  #encode(base: Held | null): string {
    const keys = base === null ? undefined : this.#changedSince(base);
    const upserts: { key: string; hash: string; json: string }[] = [];
    const removes: string[] = [];
    for (const key of keys ?? this.#entries.keys()) {
      const entry = this.#entries.get(key);
      if (entry === undefined) removes.push(key);
      else upserts.push({ key, hash: entry.hash, json: entry.json });
    }
    const known = base === null || keys === undefined ? null : { version: base.version, digest: base.digest };
    return JSON.stringify({ type: 'snapshot', ...this.#held, base: known, upserts, removes });
  }
}

function add(uses: Map<string, number>, name: string, by: 1 | -1): void {
  const now = (uses.get(name) ?? 0) + by;
  if (now > 0) uses.set(name, now);
  else uses.delete(name);
}

function identity({ version, digest }: Held): string {
  return `${version} ${digest}`;
}
