// Clusters and endpoint sets. A cluster is there as long as a backend entry or a rule stands for it, its endpoints as long as it is.
import type { BackendEntry } from '#libs/snapshot/entry.ts';
import { buildCluster, buildEndpoints, clusterName, endpointsOf, type XdsEndpoint } from './backend.ts';
import type { ResourceTable } from './resource-table.ts';
import type { RuleRecord } from './rule-record.ts';
import { Users } from './users.ts';

type RuleProtocol = RuleRecord['entry']['protocol'];

export class BackendCompiler {
  readonly #table: ResourceTable;
  /** By gateway and entry key. */
  readonly #backends = new Map<string, BackendEntry>();
  /** Discovery key → endpoints. */
  readonly #endpoints = new Map<string, readonly XdsEndpoint[]>();
  readonly #clusterUsers = new Users();
  readonly #endpointsUsers = new Users();
  readonly #touchedEndpoints = new Set<string>();

  constructor(table: ResourceTable) {
    this.#table = table;
  }

  /** Sets or, with undefined, deletes a backend entry. Returns whether rules that name it have other clusters now. */
  setBackend(gateway: string, key: string, entry: BackendEntry | undefined): boolean {
    const id = `${gateway} ${key}`;
    const before = this.#backends.get(id);
    if (entry === undefined) this.#backends.delete(id);
    else this.#backends.set(id, entry);
    // What speaks UDP is reached by rules of streams only, and they have clusters of their own.
    const isHttp = entry !== undefined && entry.protocol !== 'udp';
    this.#clusterUsers.set(id, new Set(isHttp ? [clusterName(entry, undefined)] : []));
    return before?.protocol !== entry?.protocol || before?.endpoints !== entry?.endpoints;
  }

  /** Name of the cluster for a backend's entry key, or undefined when there is no such entry. */
  clusterOf(gateway: string, key: string, protocol: RuleProtocol): string | undefined {
    const entry = this.#backends.get(`${gateway} ${key}`);
    return entry === undefined ? undefined : clusterName(entry, protocol);
  }

  /** The entry of a backend's key. */
  entry(gateway: string, key: string): BackendEntry | undefined {
    return this.#backends.get(`${gateway} ${key}`);
  }

  /** The endpoints of a discovery key. */
  endpoints(key: string): readonly XdsEndpoint[] {
    return this.#endpoints.get(key) ?? [];
  }

  /** Keeps the clusters that a rule needs; undefined = the rule is gone. */
  setRule(id: string, record: RuleRecord | undefined): void {
    const names = [...(record?.backends() ?? [])].flatMap((key) => {
      const name = record === undefined ? undefined : this.clusterOf(record.gateway, key, record.entry.protocol);
      return name === undefined ? [] : [name];
    });
    this.#clusterUsers.set(id, new Set(names));
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
      const isUsed = this.#clusterUsers.of(name).size > 0;
      if (isUsed) this.#table.set({ type: 'cluster', name, message: buildCluster(name) });
      else this.#table.delete('cluster', name);
      this.#endpointsUsers.set(name, new Set(isUsed ? [endpointsOf(name)] : []));
    }
    for (const name of [...this.#touchedEndpoints, ...this.#endpointsUsers.takeTouched()]) {
      if (this.#endpointsUsers.of(name).size === 0) this.#table.delete('endpoints', name);
      else {
        const message = buildEndpoints(name, this.#endpoints.get(name) ?? []);
        this.#table.set({ type: 'endpoints', name, message });
      }
    }
    this.#touchedEndpoints.clear();
  }
}
