// Turns rules of streams into clusters and endpoints of the places where connections arrive. The work follows the
// change:
//
//   a rule               the hostnames that it is attached to
//   endpoints            the places that send connections there
//   a listener           all places of its port
import { compareHostnameSpecificity } from '#libs/gateway/hostname.ts';
import type { BackendCompiler } from './backend-compiler.ts';
import { listenerName } from './listener.ts';
import type { PortModel, Transport } from './port-model.ts';
import type { ResourceTable } from './resource-table.ts';
import { isHostname } from './route-index.ts';
import {
  buildStreamCluster,
  buildStreamEndpoints,
  type StreamShare,
  streamClusterName,
} from '#libs/xds/envoy/stream-cluster.ts';
import { StreamIndex, type StreamRule } from './stream-index.ts';
import { Users } from './users.ts';

/** A hostname of a port that a rule has, and the cluster that its connections go to. */
export interface StreamPlace {
  readonly hostname: string;
  readonly cluster: string;
}

interface PlacedRule extends StreamPlace {
  readonly rule: StreamRule;
  /** TLS of clients ends here: backends are spoken to by TLS where that is said of them. */
  readonly isTerminated: boolean;
}

interface TouchedPort {
  readonly port: number;
  readonly transport: Transport;
  readonly hostnames: Set<string>;
}

/** The port of a listener, by its gateway and name. */
type PortOf = (gateway: string, listener: string) => PortModel | undefined;

export class StreamCompiler {
  readonly #table: ResourceTable;
  readonly #backends: BackendCompiler;
  readonly #portOf: PortOf;
  readonly #index = new StreamIndex();
  /** Gateway and entry key → rule. */
  readonly #rules = new Map<string, StreamRule>();
  /** Listener resource's name → hostname → place. */
  readonly #ports = new Map<string, Map<string, PlacedRule>>();
  /** Places by cluster's name. */
  readonly #places = new Map<string, PlacedRule>();
  /** Clusters by gateway and entry key of backends, and by discovery keys of endpoints. */
  readonly #users = new Users();
  readonly #touchedPlaces = new Set<string>();
  /** By listener resource's name. */
  readonly #touchedHosts = new Map<string, TouchedPort>();

  constructor(table: ResourceTable, backends: BackendCompiler, portOf: PortOf) {
    this.#table = table;
    this.#backends = backends;
    this.#portOf = portOf;
  }

  /** Sets or, with undefined, deletes a rule. */
  setRule(gateway: string, key: string, entry: StreamRule['entry'] | undefined): void {
    const id = `${gateway} ${key}`;
    const before = this.#rules.get(id);
    if (before !== undefined) {
      this.#index.delete(before);
      this.#rules.delete(id);
      this.#touchHosts(before);
    }
    if (entry === undefined) return;
    const rule = { gateway, key, entry };
    this.#rules.set(id, rule);
    this.#index.add(rule);
    this.#touchHosts(rule);
  }

  /** Gives the ports whose rules are others now. */
  touchedPorts(transport: Transport): readonly number[] {
    return [...this.#touchedHosts.values()].filter((one) => one.transport === transport).map(({ port }) => port);
  }

  /** Gives all rules. */
  rules(): Iterable<StreamRule> {
    return this.#rules.values();
  }

  /** Endpoints that places use are others now. */
  touchEndpoints(key: string): void {
    for (const cluster of this.#users.of(key)) this.#touchedPlaces.add(cluster);
  }

  /** A backend is another now. */
  touchBackend(gateway: string, key: string): void {
    for (const cluster of this.#users.of(`${gateway} ${key}`)) {
      const place = this.#places.get(cluster);
      if (place !== undefined) this.#touchHosts(place.rule);
    }
  }

  /**
   * Brings a port's places up to date; `relocate` when its listeners changed. Returns whether it has other places now.
   */
  updatePort(
    port: number,
    transport: Transport,
    model: PortModel | undefined,
    change: { readonly relocate: boolean },
  ): boolean {
    const name = listenerName(port, transport);
    const places = this.#ports.get(name) ?? new Map<string, PlacedRule>();
    this.#ports.set(name, places);
    const touched = new Set(this.#touchedHosts.get(name)?.hostnames);
    this.#touchedHosts.delete(name);
    if (change.relocate)
      for (const hostname of [...places.keys(), ...(model === undefined ? [] : this.#index.hostnamesAt(model))])
        touched.add(hostname);
    let isOther = false;
    for (const hostname of touched) {
      const before = places.get(hostname);
      const place = model === undefined ? undefined : this.#place(model, hostname);
      if (place === undefined) places.delete(hostname);
      else places.set(hostname, place);
      this.#setPlace(before, place);
      if (before?.cluster !== place?.cluster) isOther = true;
    }
    if (places.size === 0) this.#ports.delete(name);
    return isOther;
  }

  /** Gives the places of a port by the listener hostnames that they belong to, in the order of hostnames. */
  placesOf(model: PortModel): ReadonlyMap<string, readonly StreamPlace[]> {
    const places = [...(this.#ports.get(listenerName(model.port, model.transport))?.values() ?? [])];
    const sorted = places.toSorted((a, b) => compareHostnameSpecificity(a.hostname, b.hostname));
    return Map.groupBy(sorted, ({ hostname }) => model.ownerOf(hostname) ?? hostname);
  }

  /** Brings the endpoints up to date. */
  update(): void {
    for (const cluster of this.#touchedPlaces) {
      const place = this.#places.get(cluster);
      if (place === undefined) continue;
      this.#users.set(cluster, this.#usedBy(place.rule));
      const message = buildStreamEndpoints(cluster, this.#shares(place));
      this.#table.set({ type: 'endpoints', name: cluster, message });
    }
    this.#touchedPlaces.clear();
  }

  #touchHosts({ gateway, entry }: StreamRule): void {
    for (const { listener, hostname } of entry.hosts) {
      const model = this.#portOf(gateway, listener);
      if (model === undefined || !isHostname(hostname)) continue;
      const { port, transport } = model;
      const name = listenerName(port, transport);
      const touched = this.#touchedHosts.get(name) ?? { port, transport, hostnames: new Set<string>() };
      touched.hostnames.add(hostname);
      this.#touchedHosts.set(name, touched);
    }
  }

  #place(model: PortModel, hostname: string): PlacedRule | undefined {
    const { family, port } = model;
    const rule = this.#index.ruleAt(model, hostname);
    if (rule === undefined || model.servesHttpAt(hostname) || family === 'http') return undefined;
    // Elsewhere there is nothing to tell hostnames by.
    if (family !== 'tls' && hostname !== '*') return undefined;
    const owner = model.ownerOf(hostname);
    const isTerminated = owner !== undefined && model.leaderAt(owner)?.tlsMode === 'Terminate';
    const shares = isTerminated ? this.#shares({ rule, isTerminated }) : [];
    return { hostname, cluster: streamClusterName({ family, port, hostname }, shares), rule, isTerminated };
  }

  #setPlace(before: PlacedRule | undefined, after: PlacedRule | undefined): void {
    if (before !== undefined && before.cluster !== after?.cluster) {
      this.#places.delete(before.cluster);
      this.#users.set(before.cluster, new Set());
      this.#table.delete('cluster', before.cluster);
      this.#table.delete('endpoints', before.cluster);
    }
    if (after === undefined) return;
    const { cluster } = after;
    this.#places.set(cluster, after);
    this.#table.set({ type: 'cluster', name: cluster, message: buildStreamCluster(cluster, this.#shares(after)) });
    this.#touchedPlaces.add(cluster);
  }

  #usedBy({ gateway, entry }: StreamRule): ReadonlySet<string> {
    const keys = entry.backends.flatMap((choice) => ('key' in choice ? [choice.key] : []));
    const endpoints = keys.flatMap((key) => this.#backends.entry(gateway, key)?.endpoints ?? []);
    return new Set([...keys.map((key) => `${gateway} ${key}`), ...endpoints]);
  }

  #shares({ rule, isTerminated }: Pick<PlacedRule, 'rule' | 'isTerminated'>): readonly StreamShare[] {
    const { gateway, entry } = rule;
    return entry.backends.map((choice) => {
      const { weight } = choice;
      const backend = 'key' in choice ? this.#backends.entry(gateway, choice.key) : undefined;
      if (backend === undefined || !('key' in choice)) return { weight, endpoints: [] };
      const endpoints = this.#backends.endpoints(backend.endpoints);
      if (!isTerminated || backend.tls === undefined) return { weight, endpoints };
      const tls = this.#backends.upstream(gateway, choice.key)?.tls;
      // Nothing is ever sent in plain text instead.
      return tls === undefined ? { weight, endpoints: [] } : { weight, endpoints, tls };
    });
  }
}
