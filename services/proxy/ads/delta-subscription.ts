// Speaks incremental xDS for one resource type, without the stream: requests in, responses out. What Envoy holds is
// known from its acknowledgements; what it should hold is the table. At most one response is on its way, so a slow
// Envoy gets the newest and not the queue.
//
//   table changed ─▶ stale names ─▶ response (nonce) ─▶ ACK: held   NACK: refused, until the table says something else
import type { DeltaRequest } from '#libs/xds/encode/encode.ts';

/** A resource as it goes over the wire. */
export interface WireResource {
  readonly name: string;
  /** Follows from the bytes: equal bytes, equal version, whichever process made them. */
  readonly version: string;
  readonly body: Uint8Array;
}

/** What to send. */
export interface SubscriptionResponse {
  readonly resources: readonly WireResource[];
  readonly removed: readonly string[];
  readonly nonce: string;
}

/** Envoy's answer to one response. */
interface SubscriptionAnswer {
  /** Name → version, '' for a removal. */
  readonly sent: ReadonlyMap<string, string>;
  /** Why Envoy did not take it. */
  readonly error: string | undefined;
}

export interface SubscriptionOptions {
  /** Whether Envoy gets every resource of the type unless it names some (clusters, listeners, scopes). */
  readonly wildcard: boolean;
  /** Stands in for a resource that Envoy names and the table lacks; without it, Envoy is told that there is none. */
  readonly absent?: (name: string) => WireResource;
}

/** Stands for a version in Envoy that is not known, so that the resource must be sent; no version is ever that text. */
const unknown = '?';
const none = '';

export class DeltaSubscription {
  readonly #table: ReadonlyMap<string, WireResource>;
  readonly #options: SubscriptionOptions;
  readonly #named = new Set<string>();
  /** Name → version in Envoy, `none` when told that there is none. */
  readonly #held = new Map<string, string>();
  /** Name → version that Envoy did not take. */
  readonly #refused = new Map<string, string>();
  /** Refused, and not yet replaced or given up. */
  readonly #disputed = new Set<string>();
  readonly #stale = new Set<string>();
  /** Halves of what Envoy refused together, each to be tried alone: a few steps show which resources are at fault. */
  readonly #halves: (readonly string[])[] = [];
  #wildcard = false;
  #started = false;
  /** Envoy asked for all and holds none: it waits for an answer even if there is nothing to say. */
  #waitsForFirst = false;
  #count = 0;
  #sent: { readonly nonce: string; readonly sent: ReadonlyMap<string, string> } | null = null;

  constructor(table: ReadonlyMap<string, WireResource>, options: SubscriptionOptions) {
    this.#table = table;
    this.#options = options;
  }

  /** Takes one request of this type; returns the answer that it holds to the response on its way. */
  receive(request: DeltaRequest): SubscriptionAnswer | undefined {
    const answer = this.#receiveAnswer(request);
    const first = !this.#started;
    if (first) this.#start(request);
    for (const name of request.unsubscribe) this.#unsubscribe(name);
    for (const name of request.subscribe) this.#subscribe(name, first);
    return answer;
  }

  /** The table says something else about these names. */
  changed(names: Iterable<string>): void {
    if (!this.#started) return;
    for (const name of names) {
      this.#disputed.delete(name);
      if (this.#wants(name) || this.#held.has(name)) this.#stale.add(name);
    }
  }

  /** Sends these again although Envoy has them: a cluster that was replaced waits for its endpoints anew. */
  resend(names: Iterable<string>): void {
    for (const name of names) {
      if (!this.#held.has(name)) continue;
      this.#held.set(name, unknown);
      this.#stale.add(name);
    }
  }

  /** Sends all of it again, be it nothing: Envoy waits for an answer to what it does not ask. */
  repeat(): void {
    this.resend([...this.#held.keys()]);
    this.#waitsForFirst = this.#started;
  }

  /** What to send now, or null: nothing, or one is on its way. With 'upserts', removals stay for later. */
  next(what: 'all' | 'upserts'): SubscriptionResponse | null {
    if (this.#sent !== null) return null;
    const kept: string[] = [];
    let response: SubscriptionResponse | null = null;
    while (response === null) {
      const names = this.#takeStale();
      if (names.length === 0) break;
      response = this.#respond(names, what === 'all' ? null : kept);
    }
    for (const name of kept) this.#stale.add(name);
    return response ?? (this.#waitsForFirst ? this.#send([], [], new Map()) : null);
  }

  /** Whether Envoy asked for this type. */
  get started(): boolean {
    return this.#started;
  }

  /** Whether Envoy has taken all that the last `next` had to send; removals that were kept do not count. */
  get isSettled(): boolean {
    return this.#started && this.#sent === null && this.#halves.length === 0 && this.#disputed.size === 0;
  }

  /** Whether there may be something to send. */
  get hasStale(): boolean {
    return this.#stale.size > 0;
  }

  /** What Envoy refused no longer counts as unsettled. */
  giveUp(): void {
    this.#disputed.clear();
  }

  isNamed(name: string): boolean {
    return this.#named.has(name);
  }

  /** Whether Envoy holds what the table says of this name. */
  isInForce(name: string): boolean {
    return this.#started && this.#isCurrent(name, this.#wanted(name)?.version ?? none);
  }

  #respond(names: readonly string[], kept: string[] | null): SubscriptionResponse | null {
    const sent = new Map<string, string>();
    const resources: WireResource[] = [];
    const removed: string[] = [];
    for (const name of names) {
      const resource = this.#wanted(name);
      const version = resource?.version ?? none;
      if (this.#isCurrent(name, version) || this.#refused.get(name) === version) continue;
      if (kept !== null && this.#isRemoval(name)) {
        kept.push(name);
        continue;
      }
      sent.set(name, version);
      if (resource === undefined) removed.push(name);
      else resources.push(resource);
    }
    return sent.size === 0 ? null : this.#send(resources, removed, sent);
  }

  #send(
    resources: readonly WireResource[],
    removed: readonly string[],
    sent: ReadonlyMap<string, string>,
  ): SubscriptionResponse {
    const nonce = String(++this.#count);
    this.#sent = { nonce, sent };
    this.#waitsForFirst = false;
    return { resources, removed, nonce };
  }

  /**
   * Envoy has it and the table has not. What stands in for an absent one is a removal too, unless Envoy waits for it.
   */
  #isRemoval(name: string): boolean {
    if (this.#table.has(name)) return false;
    const held = this.#held.get(name);
    return !this.#named.has(name) || (held !== undefined && held !== unknown && held !== none);
  }

  #isCurrent(name: string, version: string): boolean {
    const held = this.#held.get(name);
    // Who named a resource wants to be told that there is none.
    return held === version || (held === undefined && version === none && !this.#named.has(name));
  }

  #start(request: DeltaRequest): void {
    this.#started = true;
    const names = request.subscribe.filter((name) => name !== '*');
    this.#wildcard = this.#options.wildcard && (names.length === 0 || names.length < request.subscribe.length);
    for (const [name, version] of Object.entries(request.initialVersions)) {
      this.#held.set(name, version);
      this.#stale.add(name);
    }
    if (this.#wildcard) for (const name of this.#table.keys()) this.#stale.add(name);
    this.#waitsForFirst = this.#wildcard && this.#held.size === 0;
  }

  #subscribe(name: string, first: boolean): void {
    if (name === '*') {
      this.#wildcard = this.#options.wildcard;
      for (const known of this.#table.keys()) this.#stale.add(known);
      this.#waitsForFirst = this.#wildcard && this.#held.size === 0;
      return;
    }
    this.#named.add(name);
    this.#stale.add(name);
    // Envoy may have dropped what it asks for, even if it was sent; only what a new stream states is known to be there.
    if (!first) this.#held.delete(name);
    this.#refused.delete(name);
  }

  #unsubscribe(name: string): void {
    if (name === '*') this.#wildcard = false;
    else this.#named.delete(name);
    const dropped = name === '*' ? [...this.#held.keys()] : [name];
    for (const one of dropped) if (!this.#wants(one)) this.#forget(one);
  }

  #forget(name: string): void {
    for (const names of [this.#held, this.#refused, this.#disputed, this.#stale]) names.delete(name);
  }

  #receiveAnswer({ nonce, error }: DeltaRequest): SubscriptionAnswer | undefined {
    if (this.#sent === null || nonce !== this.#sent.nonce) return undefined;
    const { sent } = this.#sent;
    this.#sent = null;
    for (const [name, version] of sent) {
      if (error === undefined) this.#acknowledge(name, version);
      else this.#refuse(name, version, sent.size);
    }
    if (error !== undefined && sent.size > 1) {
      const names = [...sent.keys()];
      this.#halves.push(names.slice(0, names.length >> 1), names.slice(names.length >> 1));
    }
    return { sent, error };
  }

  #acknowledge(name: string, version: string): void {
    this.#refused.delete(name);
    this.#disputed.delete(name);
    if (!this.#wants(name)) this.#held.delete(name);
    else if (version !== none || this.#named.has(name)) this.#held.set(name, version);
    else this.#held.delete(name);
  }

  /** Of several that were refused together, some may be in force. */
  #refuse(name: string, version: string, count: number): void {
    this.#held.set(name, unknown);
    this.#disputed.add(name);
    if (count === 1) this.#refused.set(name, version);
  }

  #takeStale(): readonly string[] {
    if (this.#stale.size === 0) return this.#halves.shift() ?? [];
    const names = [...this.#stale];
    this.#stale.clear();
    return names;
  }

  #wants(name: string): boolean {
    return this.#wildcard || this.#named.has(name);
  }

  #wanted(name: string): WireResource | undefined {
    if (!this.#wants(name)) return undefined;
    return this.#table.get(name) ?? (this.#named.has(name) ? this.#options.absent?.(name) : undefined);
  }
}
