// Keeps the content of one gateway: what its objects ask for now (live) beside what its newest version holds (head),
// and where they differ. Everything is kept by adding and taking away, so that a change costs what it changes.
import { hash } from 'node:crypto';
import { compareText } from '#libs/gateway/compare-text.ts';
import type { StoredEntry } from '#libs/snapshot/entry.ts';
import { Digest } from '#libs/snapshot/digest.ts';
import type { VersionContent, VersionPort } from './gateway-head.ts';
import type { Proposal } from './limits.ts';
import { PortCount } from './port-count.ts';
import { isListenerKey, isRuleKey, routeTextOfRuleKey } from '#libs/snapshot/entry-key.ts';

export interface EntryChange {
  readonly key: string;
  /** null = removed. */
  readonly hash: string | null;
}

export class GatewayContent {
  readonly #live = new Map<string, StoredEntry>();
  #liveBytes = 0;
  readonly #livePorts = new PortCount();
  #headPorts: readonly VersionPort[] = [];
  readonly #head = new Map<string, string>();
  readonly #digest = new Digest();
  #headRules = 0;
  /** Keys where live and head differ. */
  readonly #pending = new Set<string>();
  /** Rules of head that live does not have. */
  readonly #removedRules = new Set<string>();
  /** Live hash of the keys touched since the last `settle`, as it was then. */
  readonly #touched = new Map<string, string | undefined>();

  /** Sets or removes a live entry. */
  put(key: string, stored: StoredEntry | undefined): void {
    const before = this.#live.get(key);
    if (before?.hash === stored?.hash) return;
    if (!this.#touched.has(key)) this.#touched.set(key, before?.hash);
    this.#liveBytes += bytesOf(stored) - bytesOf(before);
    if (isListenerKey(key)) this.#livePorts.put(key, stored?.json);
    if (stored === undefined) this.#live.delete(key);
    else this.#live.set(key, stored);
    this.#compare(key);
  }

  /** Tells whether live is another content than at the last call. */
  settle(): boolean {
    let changed = false;
    for (const [key, hash] of this.#touched) changed ||= this.#live.get(key)?.hash !== hash;
    this.#touched.clear();
    return changed;
  }

  get differs(): boolean {
    return this.#pending.size > 0;
  }

  /** Gives the ports of head. */
  get headPorts(): readonly VersionPort[] {
    return this.#headPorts;
  }

  get headEntries(): number {
    return this.#head.size;
  }

  /** Gives the digest of head. */
  digest(): string {
    return this.#digest.value();
  }

  /** Gives what the newest version holds. */
  head(): VersionContent {
    return { digest: this.#digest.value(), entries: new Map(this.#head), ports: this.#headPorts };
  }

  /** Gives the SHA-256 of how live differs from head; null = it does not. It costs what the difference is. */
  heldDigest(): string | null {
    if (!this.differs) return null;
    const pairs = [...this.#pending].toSorted().map((key) => [key, this.#live.get(key)?.hash ?? null]);
    return hash('sha256', JSON.stringify(pairs));
  }

  /** Describes live as the next version, for the limits. */
  proposal(): Proposal {
    return {
      entries: this.#live.size,
      bytes: this.#liveBytes,
      headEntries: this.#head.size,
      headRules: this.#headRules,
      removedRules: this.#removedRules.size,
      removedRoutes: () => new Set([...this.#removedRules].map(routeTextOfRuleKey)).size,
    };
  }

  /** Makes head what live is. Gives the differences and the entries that they bring. */
  takeLive(): { readonly changes: readonly EntryChange[]; readonly entries: readonly StoredEntry[] } {
    const keys = [...this.#pending].toSorted();
    const stored = keys.map((key) => this.#live.get(key));
    for (const [i, key] of keys.entries()) this.#setHead(key, stored[i]?.hash);
    this.#headPorts = this.#livePorts.list();
    return {
      changes: keys.map((key, i) => ({ key, hash: stored[i]?.hash ?? null })),
      entries: stored.filter((entry) => entry !== undefined),
    };
  }

  /** Makes head what a version was. Gives the differences. */
  takeVersion({ entries, ports = [] }: Omit<VersionContent, 'digest'>): readonly EntryChange[] {
    const gone = [...this.#head.keys()].filter((key) => !entries.has(key)).map((key) => ({ key, hash: null }));
    const set = [...entries]
      .filter(([key, hash]) => this.#head.get(key) !== hash)
      .map(([key, hash]) => ({ key, hash }));
    const changes: EntryChange[] = [...gone, ...set].toSorted((a, b) => compareText(a.key, b.key));
    for (const { key, hash } of changes) this.#setHead(key, hash ?? undefined);
    this.#headPorts = ports;
    return changes;
  }

  #setHead(key: string, hash: string | undefined): void {
    if (isRuleKey(key)) this.#headRules += Number(hash !== undefined) - Number(this.#head.has(key));
    if (hash === undefined) {
      this.#head.delete(key);
      this.#digest.delete(key);
    } else {
      this.#head.set(key, hash);
      this.#digest.set(key, hash);
    }
    this.#compare(key);
  }

  #compare(key: string): void {
    const live = this.#live.get(key)?.hash;
    const head = this.#head.get(key);
    if (live === head) this.#pending.delete(key);
    else this.#pending.add(key);
    if (live === undefined && head !== undefined && isRuleKey(key)) this.#removedRules.add(key);
    else this.#removedRules.delete(key);
  }
}

function bytesOf(stored: StoredEntry | undefined): number {
  return stored === undefined ? 0 : Buffer.byteLength(stored.json);
}
