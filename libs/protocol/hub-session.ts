// Plays the hub's half of one connection: what to send to one node, and when. It has no clock and no socket; the same
// inputs give the same outputs.
//
//   node:  applied · rejected · resend · ping ──▶ ┌────────────┐ ──▶ snapshot · discovery · pong   (to the node)
//   fleet: (un)assign · serving · discovery ────▶ │ HubSession │ ──▶ report                        (to be stored)
//   socket: congested · drained ────────────────▶ └────────────┘
//
// Promises: per gateway one snapshot in flight, then the newest; discovery before the snapshot that needs it; removes
// only when the node serves the newest of everything; a congested socket gets nothing until it drains, then only the
// newest; a snapshot that needs what the node does not understand is withheld, and reported as rejected for it.
import { emptyDigest } from '#libs/snapshot/digest.ts';
import { mayServe } from '#libs/snapshot/gateway-glob.ts';
import { messageParts } from './message-parts.ts';
import type { Applied, Held, Hello, Ping, Rejected, Resend } from './messages.ts';

/** What the hub knows. Every session reads the same one; it changes only between inputs. */
export interface FleetView {
  /** What the gateway should serve; undefined while that is not known. */
  serving(gateway: string): Held | undefined;
  /** Whether a delta from this base to what the gateway should serve can be made. */
  hasBase(base: Held): boolean;
  /** Discovery keys that the gateway's serving snapshot refers to. */
  keysOf(gateway: string): Iterable<string>;
  refersTo(gateway: string, key: string): boolean;
  /** What a node has to understand to serve the gateway's serving snapshot as it is meant (entry-needs.ts). */
  needsOf(gateway: string): Iterable<string>;
  /** Hash of the newest item of a discovery key; undefined = there is nothing to send. */
  discoveryHash(key: string): string | undefined;
}

/** What a node said about itself, to be stored. `holds` is everything that it serves. */
export type NodeReport =
  | { readonly kind: 'holds'; readonly held: readonly Held[] }
  | { readonly kind: 'applied'; readonly applied: Applied }
  | { readonly kind: 'rejected'; readonly rejected: Rejected };

/**
 * To be done in order. Snapshot and discovery name what to send; the hub has the texts. A full one with the empty
 * digest has no entries.
 */
export type HubOutput =
  | { readonly type: 'snapshot'; readonly base: Held | null; readonly target: Held }
  | { readonly type: 'discovery'; readonly upserts: readonly string[]; readonly removes: readonly string[] }
  | { readonly type: 'pong' }
  | { readonly type: 'report'; readonly report: NodeReport };

/** How a gateway's new serving snapshot differs from the one before in the discovery keys that it refers to. */
export interface ReferenceChange {
  readonly added: readonly string[];
  readonly removed: readonly string[];
}

interface Assigned {
  /** What the node serves, as it said last. */
  held: Held | null;
  inFlight: { readonly target: Held; readonly full: boolean } | null;
  /** The node could not use a delta. */
  needsFull: boolean;
  /** Not offered again until something newer is there, or enough pings have passed. */
  refused: { readonly target: Held; readonly pingsLeft: number } | null;
  retryPings: number;
  /** Needs more than the node understands, and was reported. */
  withheld: Held | null;
  /** Not for this node any more: it gets a snapshot without entries, and is forgotten when that is applied. */
  leaving: boolean;
}

const keysPerMessageMax = 2000;
const retryPingsFirst = 3;
const retryPingsMax = 30;

/** One connected node. Every method takes one input and returns what is to be done. */
export class HubSession {
  readonly #view: FleetView;
  readonly #gateways = new Map<string, Assigned>();
  /** Gateways whose newest snapshot the node is not known to serve. */
  readonly #unsettled = new Set<string>();
  /** What the node said that it serves, of gateways that the hub does not know yet. */
  readonly #unknown: Map<string, Held>;
  /** Discovery keys to be sent. */
  readonly #pending = new Set<string>();
  /**
   * Discovery keys that the node has and the newest snapshots do not refer to; kept current until they can be removed.
   */
  readonly #extra = new Set<string>();
  readonly #understands: ReadonlySet<string>;
  #congested = false;

  constructor(view: FleetView, hello: Hello) {
    this.#view = view;
    this.#understands = new Set(hello.understands);
    const served = hello.held.filter((held) => mayServe(hello.serves, held.gateway));
    this.#unknown = new Map(served.map((held) => [held.gateway, held]));
  }

  /**
   * Takes the first input: what the node serves of what the hub knows; `withdrawn` are not for it, though it may serve
   * them.
   */
  start(hello: Hello, gateways: Iterable<string>, withdrawn: Iterable<string> = []): readonly HubOutput[] {
    for (const gateway of gateways) this.#add(gateway);
    for (const gateway of withdrawn) this.#leave(gateway);
    for (const key of this.#pending) {
      if (Object.hasOwn(hello.discovery, key) && hello.discovery[key] === this.#view.discoveryHash(key))
        this.#pending.delete(key);
    }
    for (const [key, hash] of Object.entries(hello.discovery)) {
      if (this.#isNeeded(key)) continue;
      this.#extra.add(key);
      if (this.#view.discoveryHash(key) !== hash) this.#pending.add(key);
    }
    return [this.#holds(), ...this.#flush()];
  }

  /** A gateway that this node serves became known, or is for it now. */
  assign(gateway: string): readonly HubOutput[] {
    if (this.#isAssigned(gateway)) return [];
    this.#add(gateway);
    return this.#flush();
  }

  /** A gateway is not for this node any more. */
  unassign(gateway: string): readonly HubOutput[] {
    if (!this.#isAssigned(gateway) && !this.#unknown.has(gateway)) return [];
    this.#leave(gateway);
    const outputs = this.#flush();
    return this.#gateways.has(gateway) ? outputs : [this.#holds(), ...outputs];
  }

  /** The gateway should serve something else now. */
  servingChanged(gateway: string, change: ReferenceChange): readonly HubOutput[] {
    const state = this.#gateways.get(gateway);
    if (state === undefined || state.leaving) return [];
    for (const key of change.added) {
      if (!this.#extra.delete(key)) this.#pending.add(key);
    }
    for (const key of change.removed) {
      if (!this.#isNeeded(key)) this.#extra.add(key);
    }
    this.#settle(gateway, state);
    return this.#flush();
  }

  /** Discovery items changed. */
  discoveryChanged(keys: Iterable<string>): readonly HubOutput[] {
    for (const key of keys) if (this.#extra.has(key) || this.#isNeeded(key)) this.#pending.add(key);
    return this.#flush();
  }

  receive(message: Applied | Rejected | Resend | Ping): readonly HubOutput[] {
    switch (message.type) {
      case 'applied':
        return this.#applied(message);
      case 'rejected':
        return this.#rejected(message);
      case 'resend':
        return this.#resend(message);
      case 'ping':
        break;
    }
    return this.#ping(message);
  }

  /** The socket has more to send than it should: say nothing until it drained. */
  congested(): void {
    this.#congested = true;
  }

  drained(): readonly HubOutput[] {
    this.#congested = false;
    return this.#flush();
  }

  /** Says what the node serves, as it said last. */
  held(): readonly Held[] {
    const known = [...this.#gateways.values()].flatMap(({ held }) =>
      held === null || this.#isWithdrawn(held) ? [] : [held],
    );
    return [...known, ...this.#unknown.values()];
  }

  gateways(): Iterable<string> {
    return this.#gateways.keys();
  }

  #add(gateway: string): void {
    const state = this.#take(gateway);
    state.leaving = false;
    for (const key of this.#view.keysOf(gateway)) if (!this.#extra.delete(key)) this.#pending.add(key);
    this.#settle(gateway, state);
  }

  #leave(gateway: string): void {
    const sent = this.#isAssigned(gateway) ? this.#view.keysOf(gateway) : [];
    const state = this.#take(gateway);
    state.leaving = true;
    for (const key of sent) if (!this.#isNeeded(key)) this.#extra.add(key);
    this.#settle(gateway, state);
  }

  #take(gateway: string): Assigned {
    const held = this.#unknown.get(gateway) ?? null;
    this.#unknown.delete(gateway);
    const state = this.#gateways.get(gateway) ?? {
      held,
      inFlight: null,
      needsFull: false,
      refused: null,
      retryPings: retryPingsFirst,
      withheld: null,
      leaving: false,
    };
    this.#gateways.set(gateway, state);
    return state;
  }

  #isAssigned(gateway: string): boolean {
    return this.#gateways.get(gateway)?.leaving === false;
  }

  /** Tells whether a node was made to serve nothing of a gateway that has something to serve. */
  #isWithdrawn({ gateway, digest }: Held): boolean {
    return digest === emptyDigest && this.#view.serving(gateway)?.digest !== emptyDigest;
  }

  #holds(): HubOutput {
    return { type: 'report', report: { kind: 'holds', held: this.held() } };
  }

  #applied(message: Applied): readonly HubOutput[] {
    const state = this.#gateways.get(message.gateway);
    if (state === undefined) return [];
    state.held = toHeld(message);
    if (same(state.inFlight?.target, message)) state.inFlight = null;
    state.needsFull = false;
    state.refused = null;
    state.retryPings = retryPingsFirst;
    this.#settle(message.gateway, state);
    // A version without its entries does not count as served.
    const report: HubOutput = { type: 'report', report: { kind: 'applied', applied: message } };
    return [this.#isWithdrawn(message) ? this.#holds() : report, ...this.#flush()];
  }

  #rejected(message: Rejected): readonly HubOutput[] {
    const state = this.#gateways.get(message.gateway);
    if (state === undefined) return [];
    state.held = message.serving;
    if (same(state.inFlight?.target, message)) this.#refuse(state);
    this.#settle(message.gateway, state);
    return [{ type: 'report', report: { kind: 'rejected', rejected: message } }, ...this.#flush()];
  }

  /** A full snapshot that is answered by `resend` counts as refused: sending it again at once would never end. */
  #resend(message: Resend): readonly HubOutput[] {
    const state = this.#gateways.get(message.gateway);
    if (state === undefined) return [];
    if (state.inFlight?.full === true) this.#refuse(state);
    state.inFlight = null;
    state.needsFull = true;
    this.#settle(message.gateway, state);
    return this.#flush();
  }

  #ping(message: Ping): readonly HubOutput[] {
    const outputs: HubOutput[] = [{ type: 'pong' }];
    if (this.#correct(message.held)) outputs.push(this.#holds());
    if (message.envoy === 'live') for (const gateway of this.#unsettled) this.#retry(gateway);
    outputs.push(...this.#flush());
    return outputs;
  }

  /** Takes over what the node says that it serves, except where an answer of it is still awaited. */
  #correct(said: readonly Held[]): boolean {
    const byGateway = new Map(said.map((held) => [held.gateway, held]));
    let corrected = false;
    for (const [gateway, state] of this.#gateways) {
      const held = byGateway.get(gateway) ?? null;
      if (state.inFlight !== null || same(state.held, held)) continue;
      state.held = held;
      corrected = true;
      this.#settle(gateway, state);
    }
    return corrected;
  }

  #refuse(state: Assigned): void {
    if (state.inFlight === null) return;
    state.refused = { target: state.inFlight.target, pingsLeft: state.retryPings };
    state.retryPings = Math.min(state.retryPings * 2, retryPingsMax);
    state.inFlight = null;
  }

  #retry(gateway: string): void {
    const state = this.#gateways.get(gateway);
    if (state?.refused === null || state?.refused === undefined) return;
    const { target, pingsLeft } = state.refused;
    state.refused = pingsLeft > 1 ? { target, pingsLeft: pingsLeft - 1 } : null;
  }

  #settle(gateway: string, state: Assigned): void {
    if (state.leaving) return this.#settleLeaving(gateway, state);
    const target = this.#view.serving(gateway);
    const isServed = !state.needsFull && target !== undefined && same(state.held, target);
    if (isServed && this.#lacksFor(gateway).length === 0) this.#unsettled.delete(gateway);
    else this.#unsettled.add(gateway);
  }

  #settleLeaving(gateway: string, { held, inFlight }: Assigned): void {
    this.#unsettled.add(gateway);
    if (inFlight !== null || (held !== null && held.digest !== emptyDigest)) return;
    this.#unsettled.delete(gateway);
    this.#gateways.delete(gateway);
  }

  #isNeeded(key: string): boolean {
    for (const [gateway, { leaving }] of this.#gateways) if (!leaving && this.#view.refersTo(gateway, key)) return true;
    return false;
  }

  #lacksFor(gateway: string): readonly string[] {
    return [...this.#view.needsOf(gateway)].filter((need) => !this.#understands.has(need));
  }

  #flush(): readonly HubOutput[] {
    if (this.#congested) return [];
    const outputs: HubOutput[] = this.#takePending();
    for (const gateway of this.#unsettled) {
      const snapshot = this.#next(gateway);
      if (snapshot !== null) outputs.push(snapshot);
    }
    if (this.#unsettled.size === 0 && this.#unknown.size === 0 && this.#extra.size > 0) {
      for (const removes of messageParts([...this.#extra], keysPerMessageMax))
        outputs.push({ type: 'discovery', upserts: [], removes });
      this.#extra.clear();
    }
    return outputs;
  }

  #takePending(): HubOutput[] {
    if (this.#pending.size === 0) return [];
    const keys = [...this.#pending].filter((key) => this.#view.discoveryHash(key) !== undefined);
    this.#pending.clear();
    return [...messageParts(keys, keysPerMessageMax)].map((upserts) => ({ type: 'discovery', upserts, removes: [] }));
  }

  #next(gateway: string): HubOutput | null {
    const state = this.#gateways.get(gateway);
    if (state === undefined) return null;
    const lacking = state.leaving ? [] : this.#lacksFor(gateway);
    const serving = this.#view.serving(gateway);
    // What a node of an older build has on disk it serves without what it does not know.
    const isToStop = state.leaving || (lacking.length > 0 && same(state.held, serving));
    const target = isToStop ? nothingOf(state.held) : serving;
    if (target === undefined || state.inFlight !== null) return null;
    if (lacking.length > 0 && !isToStop) return withhold(state, target, lacking);
    if (same(state.refused?.target, target)) return null;
    const base =
      !isToStop && !state.needsFull && state.held !== null && this.#view.hasBase(state.held) ? state.held : null;
    state.inFlight = { target, full: base === null };
    state.refused = null;
    return { type: 'snapshot', base, target };
  }
}

/** Reports once that a node cannot be sent a snapshot. */
function withhold(state: Assigned, target: Held, lacking: readonly string[]): HubOutput | null {
  if (same(state.withheld, target)) return null;
  state.withheld = target;
  const reasons = [`this node is of a build that does not know ${lacking.join(', ')}: it needs a newer one`];
  const rejected: Rejected = { type: 'rejected', ...toHeld(target), reasons, serving: state.held };
  return { type: 'report', report: { kind: 'rejected', rejected } };
}

function same(a: Held | null | undefined, b: Held | null | undefined): boolean {
  if (a === null || a === undefined || b === null || b === undefined) return a === b;
  return a.version === b.version && a.digest === b.digest;
}

/** Says what a node that leaves a gateway is sent instead of what it serves. */
function nothingOf(held: Held | null): Held | undefined {
  return held === null ? undefined : { ...toHeld(held), digest: emptyDigest };
}

function toHeld({ gateway, version, digest }: Held): Held {
  return { gateway, version, digest };
}
