// Brings the tables into one Envoy over one ADS stream. It makes before it breaks, in whatever order the tables
// changed:
//
//   clusters ─taken, with what they need─▶ scopes ─taken─▶ listeners ─taken─▶ removals: listeners, scopes, clusters, …
//
// Endpoints and secrets go at any time. A step that has nothing to do costs nothing: a change of one scope is one
// message.
import { encodeDeltaResponse, type DeltaRequest } from '#libs/xds/encode/encode.ts';
import { typeUrlOf, xdsTypeOf, type XdsType } from '#libs/xds/envoy/resources.ts';
import type { AdsTables } from './ads-tables.ts';
import { DeltaSubscription } from './delta-subscription.ts';

/** Hears what happens on a stream, as it happens. */
export interface AdsStreamEvents {
  /** Envoy asked or answered: something may be in force that was not. */
  progress(): void;
  /**
   * Envoy did not take these resources together. 'wait' = they are taken back: nothing is sent before the next
   * `flush`.
   */
  refused(type: XdsType, names: readonly string[], reason: string): 'go on' | 'wait';
  /** A response was sent; for figures. */
  sent(type: XdsType, resources: number, bytes: number): void;
}

/** What a cluster in Envoy waits for. */
interface Warming {
  /** Undefined: it has them. */
  readonly endpoints: string | undefined;
  readonly secrets: readonly string[];
}

export class AdsStream {
  readonly #tables: AdsTables;
  readonly #events: AdsStreamEvents;
  readonly #write: (bytes: Uint8Array) => boolean;
  readonly #subscriptions: Readonly<Record<XdsType, DeltaSubscription>>;
  /** Clusters that Envoy does not use yet. */
  readonly #warming = new Map<string, Warming>();
  /** Listeners in Envoy because of which it asks for scopes. */
  readonly #scopeUsers = new Set<string>();
  /** The listener on its way will wait for scopes that Envoy has already, and therefore does not ask for. */
  #repeatScopes = false;
  /** The socket has more to send than it should. */
  #full = false;

  /** `write` returns false when nothing more should be written until `drained`. */
  constructor(tables: AdsTables, events: AdsStreamEvents, write: (bytes: Uint8Array) => boolean) {
    this.#tables = tables;
    this.#events = events;
    this.#write = write;
    this.#subscriptions = {
      cluster: new DeltaSubscription(tables.table('cluster'), { wildcard: true }),
      endpoints: new DeltaSubscription(tables.table('endpoints'), {
        wildcard: false,
        absent: (name) => tables.emptyAssignment(name),
      }),
      secret: new DeltaSubscription(tables.table('secret'), { wildcard: false }),
      listener: new DeltaSubscription(tables.table('listener'), { wildcard: true }),
      scope: new DeltaSubscription(tables.table('scope'), { wildcard: true }),
    };
  }

  receive(request: DeltaRequest): void {
    const type = xdsTypeOf(request.typeUrl);
    if (type === undefined) return;
    const first = !this.#subscriptions[type].started;
    const answer = this.#subscriptions[type].receive(request);
    if (type === 'listener' && first) this.#noteListeners(Object.entries(request.initialVersions));
    if (type === 'endpoints') this.#warm(new Set(request.unsubscribe));
    if (answer !== undefined && answer.error === undefined) this.#taken(type, answer.sent);
    if (answer?.error !== undefined) {
      const names = this.#stillWanted(type, answer.sent);
      if (this.#events.refused(type, names, answer.error) === 'wait') return;
    }
    this.#dropWarm();
    this.#events.progress();
    this.flush();
  }

  /** The tables changed. */
  changed(type: XdsType, name: string): void {
    if (type === 'cluster') this.#warming.delete(name);
    this.#subscriptions[type].changed([name]);
  }

  drained(): void {
    this.#full = false;
    this.flush();
  }

  /** Sends what may be sent now; per type at most one response is on its way. */
  flush(): void {
    const { cluster, endpoints, secret, listener, scope } = this.#subscriptions;
    // The order of the lines is the order of the steps: each looks at what those before it left.
    this.#send('cluster', cluster, 'upserts');
    this.#send('endpoints', endpoints, 'upserts');
    this.#send('secret', secret, 'upserts');
    if (!cluster.isSettled || this.#warming.size > 0) return;
    // Scopes that no listener is to change for are exchanged in one message.
    this.#send('scope', scope, listener.hasStale ? 'upserts' : 'all');
    if (!this.#scopesSettled()) return;
    if (listener.hasStale) this.#repeatScopes = scope.started && this.#scopeUsers.size === 0;
    this.#send('listener', listener, 'upserts');
    if (!listener.isSettled) return;
    this.#send('listener', listener, 'all');
    this.#send('scope', scope, 'all');
    if (!listener.isSettled || !this.#scopesSettled()) return;
    this.#send('cluster', cluster, 'all');
    if (!cluster.isSettled) return;
    this.#send('endpoints', endpoints, 'all');
    this.#send('secret', secret, 'all');
  }

  /** Lets the later steps go on without what Envoy refused or waits for. */
  giveUp(): void {
    for (const subscription of Object.values(this.#subscriptions)) subscription.giveUp();
    this.#warming.clear();
    this.flush();
  }

  /** Tells whether Envoy holds what the tables say of every name, and waits for nothing. */
  isInForce(type: XdsType, names: Iterable<string>): boolean {
    const subscription = this.#subscriptions[type];
    if (type === 'cluster' && this.#warming.size > 0) return false;
    // Envoy does not ask for scopes when no listener uses them.
    if (type === 'scope' && !subscription.started && !this.#tables.usesScopes()) return true;
    const byName = type === 'endpoints' || type === 'secret';
    for (const name of names) {
      if (byName && !subscription.isNamed(name)) continue;
      if (!subscription.isInForce(name)) return false;
    }
    return true;
  }

  /** Envoy asks for scopes once it has a listener that uses them. */
  #scopesSettled(): boolean {
    const { scope, listener } = this.#subscriptions;
    return scope.started ? scope.isSettled : listener.started && this.#scopeUsers.size === 0;
  }

  /** A refusal of what the tables no longer say is none of what they say now. */
  #stillWanted(type: XdsType, sent: ReadonlyMap<string, string>): readonly string[] {
    const table = this.#tables.table(type);
    return [...sent].filter(([name, version]) => (table.get(name)?.version ?? '') === version).map(([name]) => name);
  }

  #taken(type: XdsType, sent: ReadonlyMap<string, string>): void {
    if (type === 'endpoints') this.#warm(sent);
    if (type === 'listener') {
      this.#noteListeners(sent);
      if (this.#repeatScopes && this.#scopeUsers.size > 0) this.#subscriptions.scope.repeat();
      this.#repeatScopes &&= this.#scopeUsers.size === 0;
    }
    if (type !== 'cluster') return;
    for (const name of sent.keys()) {
      const endpoints = this.#tables.endpointsOf(name);
      this.#warming.set(name, { endpoints, secrets: this.#tables.secretsOf(name) });
      // Envoy does not always ask again for those that it knows, and waits all the same.
      if (endpoints !== undefined) this.#subscriptions.endpoints.resend([endpoints]);
    }
  }

  /** Envoy has these listeners. Of one that is not what the table says by now, nothing is known. */
  #noteListeners(versions: Iterable<readonly [name: string, version: string]>): void {
    for (const [name, version] of versions) {
      if (version === '') this.#scopeUsers.delete(name);
      else if (this.#tables.table('listener').get(name)?.version !== version) continue;
      else if (this.#tables.usesScopes(name)) this.#scopeUsers.add(name);
      else this.#scopeUsers.delete(name);
    }
  }

  /** Envoy has these endpoints, or no longer wants them. */
  #warm(names: { has(name: string): boolean; readonly size: number }): void {
    if (names.size === 0) return;
    for (const [cluster, { endpoints, secrets }] of this.#warming) {
      if (endpoints !== undefined && names.has(endpoints))
        this.#warming.set(cluster, { endpoints: undefined, secrets });
    }
  }

  /** A secret that Envoy has for another cluster it does not ask for again. */
  #dropWarm(): void {
    const { secret } = this.#subscriptions;
    for (const [cluster, { endpoints, secrets }] of this.#warming) {
      const isReady = secrets.every((name) => secret.isNamed(name) && secret.isInForce(name));
      if (endpoints === undefined && isReady) this.#warming.delete(cluster);
    }
  }

  #send(type: XdsType, subscription: DeltaSubscription, what: 'all' | 'upserts'): void {
    if (this.#full) return;
    const response = subscription.next(what);
    if (response === null) return;
    const bytes = encodeDeltaResponse({ typeUrl: typeUrlOf(type), ...response });
    this.#events.sent(type, response.resources.length + response.removed.length, bytes.length);
    this.#full = !this.#write(bytes);
  }
}
