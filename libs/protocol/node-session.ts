// Plays the node's side of the WebSocket, without the socket: messages in, effects out. The caller sends, activates and
// persists.
//
//   received ──▶ waiting (newest per gateway) ──▶ active (one at a time) ──▶ serving
//                    ▲ a newer one replaces it          └─ rejected: serving stays
//
// The hub decides what is newest, by what it sends last: after a history was made anew its versions may be lower than
// those held. Contents are kept as serving plus changes over it, so that a change costs what changed.
import { sha256 } from '#libs/gateway/canonical.ts';
import { Digest } from '#libs/snapshot/digest.ts';
import type { StoredEntry } from '#libs/snapshot/entry.ts';
import { understoodNeeds } from '#libs/snapshot/entry-needs.ts';
import {
  protocolVersion,
  type DiscoveryMessage,
  type Held,
  type Hello,
  type HubMessage,
  type NodeMessage,
  type Ping,
  type SnapshotMessage,
} from './messages.ts';
import type { DiscoveryItem } from '#libs/snapshot/discovery.ts';

/** Who the node is, as it says in hello. */
export type NodeIdentity = Pick<Hello, 'node' | 'version' | 'labels' | 'serves' | 'addresses'>;

/** Entries to be set, or removed where null, by key. */
export type EntryChanges = ReadonlyMap<string, StoredEntry | null>;

/** A snapshot to be brought into service; `undo` brings back what serves now. */
export interface Activation extends Held {
  readonly changes: EntryChanges;
  readonly undo: EntryChanges;
}

export interface GatewayContent extends Held {
  readonly entries: ReadonlyMap<string, StoredEntry>;
}

/** What a node holds: what it saves, and what it starts from. */
export interface NodeContent {
  readonly gateways: readonly GatewayContent[];
  readonly discovery: ReadonlyMap<string, { readonly hash: string; readonly item: DiscoveryItem }>;
}

export type Effect =
  | { readonly type: 'send'; readonly message: NodeMessage }
  | { readonly type: 'activate'; readonly activation: Activation }
  | { readonly type: 'discovery'; readonly message: DiscoveryMessage };

interface Target extends Held {
  /** Over what serves. */
  readonly changes: Map<string, StoredEntry | null>;
  readonly receivedAt: number;
}

interface GatewayState {
  serving: Held | null;
  readonly entries: Map<string, StoredEntry>;
  readonly digest: Digest;
  waiting: Target | null;
}

/** Every time is in ms on the caller's clock. */
export class NodeSession {
  readonly #identity: NodeIdentity;
  /** In the order of their turns. */
  readonly #gateways = new Map<string, GatewayState>();
  readonly #discovery: Map<string, { readonly hash: string; readonly item: DiscoveryItem }>;
  #active: { readonly target: Target; readonly undo: EntryChanges } | null = null;

  constructor(identity: NodeIdentity, saved: NodeContent = { gateways: [], discovery: new Map() }) {
    this.#identity = identity;
    this.#discovery = new Map(saved.discovery);
    for (const { gateway, version, digest, entries } of saved.gateways) {
      const hashes = [...entries].map(([key, entry]) => [key, entry.hash] as const);
      this.#gateways.set(gateway, {
        serving: { gateway, version, digest },
        entries: new Map(entries),
        digest: new Digest(hashes),
        waiting: null,
      });
    }
  }

  /** Gives the first message on each connection. */
  hello(): Hello {
    const discovery = Object.fromEntries([...this.#discovery].map(([key, { hash }]) => [key, hash]));
    const said = { ...this.#identity, understands: understoodNeeds, held: this.held(), discovery };
    return { type: 'hello', protocol: protocolVersion, ...said };
  }

  ping(envoy: Ping['envoy']): Ping {
    return { type: 'ping', held: this.held(), envoy };
  }

  /** Says what serves, per gateway. */
  held(): readonly Held[] {
    return [...this.#gateways.values()].flatMap(({ serving }) => serving ?? []);
  }

  /** Tells whether no hub has ever sent a snapshot, taken or not. */
  get isEmpty(): boolean {
    return this.#gateways.size === 0;
  }

  /** Says what serves, whole. The maps are live: to be read before the next call. */
  content(): NodeContent {
    const gateways = [...this.#gateways.values()].flatMap(({ serving, entries }) =>
      serving === null ? [] : [{ ...serving, entries }],
    );
    return { gateways, discovery: this.#discovery };
  }

  /** Tells whether no activation is under way; then none waits either. */
  get idle(): boolean {
    return this.#active === null;
  }

  receive(message: HubMessage, at: number): readonly Effect[] {
    switch (message.type) {
      case 'snapshot':
        return this.#receiveSnapshot(message, at);
      case 'discovery':
        return this.#receiveDiscovery(message);
      case 'pong':
        break;
    }
    return [];
  }

  /** The active one answers requests. */
  applied(at: number): readonly Effect[] {
    const { target } = this.#takeActive();
    const state = this.#state(target.gateway);
    const { gateway, version, digest } = target;
    const before = undoOf(state.entries, target.changes);
    applyChanges(state, target.changes);
    state.serving = { gateway, version, digest };
    if (state.waiting !== null) state.waiting = rebased(state.waiting, before, state.entries);
    return [
      send({ type: 'applied', gateway, version, digest, tookMs: Math.max(0, at - target.receivedAt) }),
      ...this.#activateNext(),
    ];
  }

  /** The active one was not taken, and what served before serves again. */
  rejected(reasons: readonly string[]): readonly Effect[] {
    const { target } = this.#takeActive();
    return [this.#reject(target, reasons), ...this.#activateNext()];
  }

  #receiveDiscovery(message: DiscoveryMessage): readonly Effect[] {
    for (const { key, hash, item } of message.upserts) this.#discovery.set(key, { hash, item });
    for (const key of message.removes) this.#discovery.delete(key);
    return [{ type: 'discovery', message }];
  }

  #receiveSnapshot(message: SnapshotMessage, at: number): readonly Effect[] {
    const { gateway, version, digest } = message;
    const state = this.#state(gateway);
    const known = state.waiting ?? this.#activeOf(gateway) ?? state.serving;
    if (known !== null && sameHeld(known, message))
      return known === state.serving ? [send({ type: 'applied', gateway, version, digest, tookMs: 0 })] : [];

    const changes = this.#changesOf(message, state);
    const fits = changes !== null && hashesHold(message) && digestWith(state, changes) === digest;
    if (!fits && message.base !== null) return [send({ type: 'resend', gateway })];
    if (!fits) return [this.#reject(message, ['the full snapshot does not have the digest that it states'])];

    state.waiting = { gateway, version, digest, changes, receivedAt: at };
    // Moved to the end of the order: a gateway that changes all the time does not keep the others waiting.
    this.#gateways.delete(gateway);
    this.#gateways.set(gateway, state);
    return this.#activateNext();
  }

  /** Gives the message as changes over what serves; null where its base is not known here. */
  #changesOf(message: SnapshotMessage, state: GatewayState): Map<string, StoredEntry | null> | null {
    const base = this.#baseOf(message, state);
    if (base === null) return null;
    const changes = new Map(base);
    for (const { key, hash, json } of message.upserts) setChange(changes, state.entries, key, { hash, json });
    for (const key of message.removes) setChange(changes, state.entries, key, null);
    return changes;
  }

  #baseOf(message: SnapshotMessage, state: GatewayState): EntryChanges | null {
    if (message.base === null) {
      const kept = new Set(message.upserts.map(({ key }) => key));
      return new Map([...state.entries.keys()].filter((key) => !kept.has(key)).map((key) => [key, null]));
    }
    for (const known of [state.waiting, this.#activeOf(message.gateway)])
      if (known !== null && sameHeld(known, message.base)) return known.changes;
    return state.serving !== null && sameHeld(state.serving, message.base) ? new Map() : null;
  }

  #activateNext(): readonly Effect[] {
    if (this.#active !== null) return [];
    for (const state of this.#gateways.values()) {
      const target = state.waiting;
      if (target === null) continue;
      state.waiting = null;
      const undo = undoOf(state.entries, target.changes);
      this.#active = { target, undo };
      const { gateway, version, digest, changes } = target;
      return [{ type: 'activate', activation: { gateway, version, digest, changes, undo } }];
    }
    return [];
  }

  #activeOf(gateway: string): Target | null {
    return this.#active?.target.gateway === gateway ? this.#active.target : null;
  }

  #takeActive(): { readonly target: Target; readonly undo: EntryChanges } {
    const active = this.#active;
    if (active === null) throw new Error('no activation is under way');
    this.#active = null;
    return active;
  }

  #reject({ gateway, version, digest }: Held, reasons: readonly string[]): Effect {
    return send({ type: 'rejected', gateway, version, digest, reasons, serving: this.#state(gateway).serving });
  }

  #state(gateway: string): GatewayState {
    const known = this.#gateways.get(gateway);
    if (known !== undefined) return known;
    const state: GatewayState = { serving: null, entries: new Map(), digest: new Digest(), waiting: null };
    this.#gateways.set(gateway, state);
    return state;
  }
}

function send(message: NodeMessage): Effect {
  return { type: 'send', message };
}

function sameHeld(a: Pick<Held, 'version' | 'digest'>, b: Pick<Held, 'version' | 'digest'>): boolean {
  return a.version === b.version && a.digest === b.digest;
}

function hashesHold(message: SnapshotMessage): boolean {
  return message.upserts.every(({ hash, json }) => sha256(json) === hash);
}

/** A change that says what serves anyway is none. */
function setChange(
  changes: Map<string, StoredEntry | null>,
  serving: ReadonlyMap<string, StoredEntry>,
  key: string,
  entry: StoredEntry | null,
): void {
  if (serving.get(key)?.hash === entry?.hash) changes.delete(key);
  else changes.set(key, entry);
}

function undoOf(serving: ReadonlyMap<string, StoredEntry>, changes: EntryChanges): EntryChanges {
  return new Map([...changes.keys()].map((key) => [key, serving.get(key) ?? null]));
}

/** Gives the digest that the content would have; the kept digest is as before afterwards. */
function digestWith(state: GatewayState, changes: EntryChanges): string {
  setInDigest(state.digest, changes);
  const value = state.digest.value();
  setInDigest(state.digest, undoOf(state.entries, changes));
  return value;
}

function applyChanges(state: GatewayState, changes: EntryChanges): void {
  setInDigest(state.digest, changes);
  for (const [key, entry] of changes) {
    if (entry === null) state.entries.delete(key);
    else state.entries.set(key, entry);
  }
}

function setInDigest(digest: Digest, changes: EntryChanges): void {
  for (const [key, entry] of changes) {
    if (entry === null) digest.delete(key);
    else digest.set(key, entry.hash);
  }
}

/**
 * Gives the same target content, as changes over the content that serves now; `before` = what served before, where it
 * differs.
 */
function rebased(target: Target, before: EntryChanges, serving: ReadonlyMap<string, StoredEntry>): Target {
  const changes = new Map<string, StoredEntry | null>();
  for (const [key, entry] of before) setChange(changes, serving, key, entry);
  for (const [key, entry] of target.changes) setChange(changes, serving, key, entry);
  return { ...target, changes };
}
