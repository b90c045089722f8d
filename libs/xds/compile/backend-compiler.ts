// Keeps clusters and endpoint sets. A cluster is there as long as a backend entry or a rule stands for it, its
// endpoints as long as it is. A backend whose TLS lacks what it needs has no cluster: its share is answered 500, and
// nothing is ever sent in plain text instead.
import type { BackendEntry, HttpRuleEntry } from '#libs/snapshot/entry.ts';
import { authoritiesOf } from '#libs/xds/envoy/authority.ts';
import {
  type BackendUse,
  buildCluster,
  buildEndpoints,
  toUpstream,
  type Upstream,
  type XdsEndpoint,
} from '#libs/xds/envoy/backend.ts';
import { clientTlsProblem, clientTlsSecrets } from '#libs/xds/envoy/client-tls.ts';
import type { ResourceTable } from './resource-table.ts';
import type { SecretCompiler } from './secret-compiler.ts';
import { Users } from './users.ts';

type RuleProtocol = HttpRuleEntry['protocol'];

interface Backend {
  readonly gateway: string;
  /** Entry key. */
  readonly key: string;
  readonly entry: BackendEntry;
  readonly http: Upstream;
  readonly grpc: Upstream;
}

export class BackendCompiler {
  readonly #table: ResourceTable;
  readonly #secrets: SecretCompiler;
  /** By gateway and entry key. */
  readonly #backends = new Map<string, Backend>();
  /** By name, those that somebody uses. */
  readonly #upstreams = new Map<string, Upstream>();
  /** Discovery key → endpoints. */
  readonly #endpoints = new Map<string, readonly XdsEndpoint[]>();
  readonly #clusterUsers = new Users();
  /** Names of clusters, by the discovery keys of their endpoints. */
  readonly #endpointsUsers = new Users();
  readonly #touchedEndpoints = new Set<string>();

  constructor(table: ResourceTable, secrets: SecretCompiler) {
    this.#table = table;
    this.#secrets = secrets;
  }

  /** Sets or, with undefined, deletes a backend entry. Returns whether rules that name it have other clusters now. */
  setBackend(gateway: string, key: string, entry: BackendEntry | undefined): boolean {
    const id = `${gateway} ${key}`;
    const before = this.#backends.get(id);
    const http = entry === undefined ? undefined : toUpstream(entry, undefined);
    if (entry === undefined || http === undefined) this.#backends.delete(id);
    else this.#backends.set(id, { gateway, key, entry, http, grpc: toUpstream(entry, 'grpc') });
    if (before?.entry.tls !== undefined || http?.tls !== undefined) {
      const secrets = http?.tls === undefined ? [] : clientTlsSecrets(http.tls);
      this.#secrets.use(`${userPrefix}${id}`, new Set(secrets.map(({ name }) => name)));
    }
    this.#keep(id);
    return (
      before?.http.name !== http?.name ||
      before?.entry.protocol !== entry?.protocol ||
      before?.entry.endpoints !== entry?.endpoints
    );
  }

  /**
   * A secret of this user became usable, or stopped to be; returns which backend is another now, if the user is one.
   */
  touchUser(user: string): Pick<Backend, 'gateway' | 'key'> | undefined {
    if (!user.startsWith(userPrefix)) return undefined;
    const id = user.slice(userPrefix.length);
    this.#keep(id);
    return this.#backends.get(id);
  }

  /** Gives the name of the cluster for a backend's entry key, or undefined when there is none to send requests to. */
  clusterOf(gateway: string, key: string, protocol: RuleProtocol): string | undefined {
    return this.#upstreamOf(gateway, key, protocol)?.name;
  }

  /** Gives the entry of a backend's key. */
  entry(gateway: string, key: string): BackendEntry | undefined {
    return this.#backends.get(`${gateway} ${key}`)?.entry;
  }

  /** Says how the backend of a key is spoken to; undefined when it is not there, or lacks what its TLS needs. */
  upstream(gateway: string, key: string): Upstream | undefined {
    return this.#upstreamOf(gateway, key, undefined);
  }

  /** Gives the endpoints of a discovery key. */
  endpoints(key: string): readonly XdsEndpoint[] {
    return this.#endpoints.get(key) ?? [];
  }

  /** Keeps the clusters that a user needs, a rule for example; none = the user is gone. */
  setUses(user: string, gateway: string, uses: readonly BackendUse[]): void {
    this.#use(
      user,
      uses.map(({ key, protocol }) => this.#upstreamOf(gateway, key, protocol)),
    );
  }

  /** Sets or, with undefined, deletes the endpoints of a discovery key. */
  setEndpoints(key: string, endpoints: readonly XdsEndpoint[] | undefined): void {
    if (endpoints === undefined) this.#endpoints.delete(key);
    else this.#endpoints.set(key, endpoints);
    this.#touchedEndpoints.add(key);
  }

  /** Brings the tables up to date. */
  update(): void {
    for (const name of this.#clusterUsers.takeTouched()) {
      const upstream = this.#clusterUsers.of(name).size > 0 ? this.#upstreams.get(name) : undefined;
      this.#endpointsUsers.set(name, new Set(upstream === undefined ? [] : [upstream.endpoints]));
      if (upstream === undefined) {
        this.#upstreams.delete(name);
        this.#table.delete('cluster', name);
        this.#table.delete('endpoints', name);
      } else {
        this.#table.set({ type: 'cluster', name, message: buildCluster(upstream) });
        this.#setEndpoints(name, upstream.endpoints);
      }
    }
    for (const key of this.#touchedEndpoints)
      for (const name of this.#endpointsUsers.of(key)) this.#setEndpoints(name, key);
    this.#touchedEndpoints.clear();
    this.#endpointsUsers.takeTouched();
  }

  /** Says why backends do not get what is meant for them. */
  problems(): readonly { readonly gateway: string; readonly key: string; readonly reason: string }[] {
    return [...this.#backends.values()].flatMap(({ gateway, key, http: { tls } }) => {
      if (tls === undefined) return [];
      const problem = clientTlsProblem(tls);
      const lacking = clientTlsSecrets(tls).flatMap(({ name, what }) =>
        (what === 'authority' ? authoritiesOf(name) : [name]).flatMap((part) => {
          const reason = this.#secrets.problem(part);
          return reason === undefined ? [] : [`the ${what} ${part} ${reason}`];
        }),
      );
      const reasons = problem === undefined ? lacking : [problem];
      return reasons.map((reason) => ({ gateway, key, reason }));
    });
  }

  #setEndpoints(name: string, key: string): void {
    this.#table.set({ type: 'endpoints', name, message: buildEndpoints(name, this.endpoints(key)) });
  }

  #upstreamOf(gateway: string, key: string, protocol: RuleProtocol): Upstream | undefined {
    const backend = this.#backends.get(`${gateway} ${key}`);
    // What speaks UDP is reached by rules of streams only, and they have clusters of their own.
    if (backend === undefined || backend.entry.protocol === 'udp') return undefined;
    const upstream = protocol === 'grpc' ? backend.grpc : backend.http;
    const { tls } = upstream;
    if (tls === undefined) return upstream;
    const isUsable = clientTlsSecrets(tls).every(({ name }) => this.#secrets.isUsable(name));
    return isUsable && clientTlsProblem(tls) === undefined ? upstream : undefined;
  }

  /** Keeps the cluster of a backend's entry, whether or not a rule names it. */
  #keep(id: string): void {
    const backend = this.#backends.get(id);
    this.#use(id, [backend === undefined ? undefined : this.#upstreamOf(backend.gateway, backend.key, undefined)]);
  }

  #use(user: string, upstreams: readonly (Upstream | undefined)[]): void {
    const used = upstreams.flatMap((upstream) => upstream ?? []);
    for (const upstream of used) this.#upstreams.set(upstream.name, upstream);
    this.#clusterUsers.set(user, new Set(used.map(({ name }) => name)));
  }
}

/** How a backend is called as a user of secrets. */
const userPrefix = 'backend ';
