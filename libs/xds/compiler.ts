// The compiler holds the snapshots of a node's gateways and its discovery, and keeps the tables of Envoy resources that
// follow from them. The same inputs give the same tables, in whatever order they came. The work follows the change:
//
//   a rule                   the scopes of its hostnames; for a wildcard or catch-all, also those of wildcards below it
//   endpoints, certificates  their own resource
//   a backend's protocol     its cluster, and the scopes of the rules that name it
//   its TLS, or what it needs for it becoming usable: the same
//   a listener               its port's listener and locator; the scopes of hostnames that it gains or loses
//   its filters              the scopes of its hostnames, and no listener
import { compareText } from '#libs/gateway/compare-text.ts';
import type { Entry } from '#libs/snapshot/entry.ts';
import type { XdsEndpoint } from '#libs/xds/envoy/backend.ts';
import { BackendCompiler } from '#libs/xds/compile/backend-compiler.ts';
import { systemAuthorities } from '#libs/xds/envoy/client-tls.ts';
import { authProtocol } from '#libs/xds/envoy/external-auth.ts';
import type { ClusterOf } from '#libs/xds/envoy/forward.ts';
import type { ListenerOptions } from '#libs/xds/compile/listener.ts';
import { ListenerFilters, userOf } from '#libs/xds/compile/listener-filters.ts';
import { PortCompiler, portOfUser } from '#libs/xds/compile/port-compiler.ts';
import { isKnownProtocol } from '#libs/snapshot/port-arrangement.ts';
import type { PortListener, Transport } from '#libs/xds/compile/port-model.ts';
import { ResourceTable } from '#libs/xds/compile/resource-table.ts';
import type { XdsChange, XdsTables } from '#libs/xds/envoy/resources.ts';
import { isHostname, RouteIndex } from '#libs/xds/compile/route-index.ts';
import { RuleRecord } from '#libs/xds/compile/rule-record.ts';
import { ScopeCompiler } from '#libs/xds/compile/scope-compiler.ts';
import { SecretCompiler } from '#libs/xds/compile/secret-compiler.ts';
import { StreamCompiler } from '#libs/xds/compile/stream-compiler.ts';
import { Users } from '#libs/xds/compile/users.ts';

export interface XdsOptions extends ListenerOptions {
  /** The CA certificates that the node's system trusts, PEM. Absent: none. */
  readonly systemAuthorities?: string;
}

/** Discovery as the compiler takes it: TLS material is opened. */
export type XdsDiscovery =
  | { readonly kind: 'endpoints'; readonly endpoints: readonly XdsEndpoint[] }
  /** Both PEM. */
  | { readonly kind: 'tls'; readonly certificate: string; readonly key: string }
  /** CA certificates, PEM. */
  | { readonly kind: 'ca'; readonly certificates: string };

/** Something that was left out or answers 500, because Envoy would not take it. */
interface XdsProblem {
  readonly gateway: string;
  /** Entry key. */
  readonly key: string;
  readonly reason: string;
}

export class XdsCompiler {
  readonly #entries = new Map<string, Map<string, Entry>>();
  readonly #records = new Map<string, RuleRecord>();
  readonly #backendUsers = new Users();
  readonly #discovery = new Map<string, XdsDiscovery['kind']>();
  readonly #index = new RouteIndex();
  /** The listeners of UDP ports: these have nothing to do with the others. */
  readonly #udpIndex = new RouteIndex();
  readonly #table = new ResourceTable();
  readonly #scopes: ScopeCompiler;
  readonly #filters: ListenerFilters;
  readonly #backends: BackendCompiler;
  readonly #secrets: SecretCompiler;
  readonly #streams: StreamCompiler;
  readonly #ports: PortCompiler;

  constructor(options: XdsOptions) {
    this.#secrets = new SecretCompiler(this.#table);
    this.#backends = new BackendCompiler(this.#table, this.#secrets);
    this.#filters = new ListenerFilters(this.#backends);
    this.#scopes = new ScopeCompiler(this.#index, this.#table, this.#filters, options.portOffset);
    this.#streams = new StreamCompiler(
      this.#table,
      this.#backends,
      (gateway, listener) => this.#index.portOf(gateway, listener) ?? this.#udpIndex.portOf(gateway, listener),
    );
    this.#ports = new PortCompiler(this.#table, this.#secrets, this.#streams, options);
    if (options.systemAuthorities !== undefined)
      this.#secrets.setItem(systemAuthorities, { kind: 'ca', certificates: options.systemAuthorities });
  }

  /** Changes the entries of one gateway. */
  setSnapshot(
    gateway: string,
    upserts: Iterable<readonly [key: string, entry: Entry]>,
    removes: Iterable<string>,
  ): void {
    const entries = this.#entries.get(gateway) ?? new Map<string, Entry>();
    this.#entries.set(gateway, entries);
    for (const key of removes) this.#set(gateway, entries, key, undefined);
    for (const [key, entry] of upserts) this.#set(gateway, entries, key, entry);
    if (entries.size === 0) this.#entries.delete(gateway);
  }

  /** Changes discovery by its keys. */
  setDiscovery(
    upserts: Iterable<{ readonly key: string; readonly item: XdsDiscovery }>,
    removes: Iterable<string>,
  ): void {
    for (const key of removes) this.#discover(key, undefined);
    for (const { key, item } of upserts) this.#discover(key, item);
  }

  /**
   * Says what changed in the tables since the last call. Resources that are equal to the one before are not listed and
   * keep their identity.
   */
  flush(): XdsChange {
    const { hosts, ports } = this.#index.takeTouched();
    for (const port of new Set([...hosts.keys(), ...ports]))
      this.#scopes.update(port, hosts.get(port) ?? new Set(), { relocate: ports.has(port) });
    this.#updatePorts('tcp', this.#index, ports);
    this.#updatePorts('udp', this.#udpIndex, this.#udpIndex.takeTouched().ports);
    this.#streams.update();
    this.#backends.update();
    this.#secrets.update();
    return this.#table.takeChange();
  }

  /** Gives the tables as of the last flush; a live view. */
  tables(): XdsTables {
    return this.#table.tables;
  }

  /**
   * Says what could not be honoured, as of the last flush, in order of gateways and keys. Costs a walk over all rules.
   */
  problems(): readonly XdsProblem[] {
    const ofRules = [...this.#records.values()].flatMap((record) =>
      record.problems().map((reason) => ({ gateway: record.gateway, key: record.key, reason })),
    );
    const ofHosts = [...this.#records.values(), ...this.#streams.rules()].flatMap(({ gateway, key, entry }) => {
      const isStrange = entry.hosts.some(({ hostname }) => !isHostname(hostname));
      return isStrange ? [{ gateway, key, reason: 'a hostname is not one: not served' }] : [];
    });
    const ofPorts = [...this.#index.ports(), ...this.#udpIndex.ports()].flatMap((port) =>
      this.#ports.problems(port).map(({ listener: { gateway, key }, reason }) => ({ gateway, key, reason })),
    );
    const ofParts = [...this.#backends.problems(), ...this.#filters.problems()];
    return [...ofRules, ...ofHosts, ...ofParts, ...ofPorts].toSorted(compareProblems);
  }

  #set(gateway: string, entries: Map<string, Entry>, key: string, entry: Entry | undefined): void {
    const before = entries.get(key);
    if (entry === undefined) entries.delete(key);
    else entries.set(key, entry);
    if (before !== undefined && before.kind !== entry?.kind) this.#delete(gateway, key, before);
    switch (entry?.kind) {
      case 'listener':
        if (before?.kind === 'listener' && before.name !== entry.name) this.#delete(gateway, key, before);
        this.#setListener({ gateway, key, entry });
        break;
      case 'http-rule': {
        const clusterOf: ClusterOf = (backend, asked) =>
          this.#backends.clusterOf(gateway, backend, asked === undefined ? entry.protocol : authProtocol(asked));
        this.#setRule(`${gateway} ${key}`, new RuleRecord(gateway, key, entry, clusterOf));
        break;
      }
      case 'backend':
        if (this.#backends.setBackend(gateway, key, entry)) this.#touchBackend(gateway, key);
        break;
      case 'stream-rule':
        this.#streams.setRule(gateway, key, entry);
        break;
      case undefined:
        break;
    }
  }

  #delete(gateway: string, key: string, entry: Entry): void {
    switch (entry.kind) {
      case 'listener':
        for (const index of [this.#index, this.#udpIndex]) index.deleteListener(gateway, entry.name);
        this.#setFilters(gateway, key, undefined);
        break;
      case 'http-rule':
        this.#setRule(`${gateway} ${key}`, undefined);
        break;
      case 'backend':
        this.#backends.setBackend(gateway, key, undefined);
        this.#touchBackend(gateway, key);
        break;
      case 'stream-rule':
        this.#streams.setRule(gateway, key, undefined);
        break;
    }
  }

  #setFilters(gateway: string, key: string, listener: PortListener | undefined): void {
    const asked = this.#filters.set(gateway, key, listener);
    this.#backendUsers.set(userOf(gateway, key), new Set(asked.map((backend) => `${gateway} ${backend}`)));
  }

  #setListener(listener: PortListener): void {
    const { gateway, entry } = listener;
    this.#setFilters(gateway, listener.key, listener);
    const [own, other] = entry.protocol === 'UDP' ? [this.#udpIndex, this.#index] : [this.#index, this.#udpIndex];
    other.deleteListener(gateway, entry.name);
    // There is nothing to tell hostnames by on these.
    const hostname = ['TCP', 'UDP'].includes(entry.protocol) ? '*' : entry.hostname;
    if (isHostname(hostname) && isKnownProtocol(entry.protocol))
      own.setListener({ ...listener, entry: { ...entry, hostname } });
    else own.deleteListener(gateway, entry.name);
  }

  #updatePorts(transport: Transport, index: RouteIndex, relocated: ReadonlySet<number>): void {
    for (const port of new Set([...relocated, ...this.#streams.touchedPorts(transport)])) {
      const model = index.port(port);
      const isRelocated = relocated.has(port);
      const hasOtherPlaces = this.#streams.updatePort(port, transport, model, { relocate: isRelocated });
      if (isRelocated || hasOtherPlaces) this.#ports.updatePort(port, transport, model);
    }
  }

  #setRule(id: string, record: RuleRecord | undefined): void {
    const before = this.#records.get(id);
    if (before !== undefined) this.#index.deleteRule(before);
    const gateway = record?.gateway ?? '';
    const uses = record?.backends() ?? [];
    this.#backendUsers.set(id, new Set(uses.map(({ key }) => `${gateway} ${key}`)));
    this.#backends.setUses(id, gateway, uses);
    if (record === undefined) this.#records.delete(id);
    else {
      this.#records.set(id, record);
      this.#index.setRule(record);
    }
  }

  /** The rules that name a backend go to another cluster now. */
  #touchBackend(gateway: string, key: string): void {
    this.#streams.touchBackend(gateway, key);
    for (const id of this.#backendUsers.of(`${gateway} ${key}`)) {
      const listener = this.#filters.touchUser(id);
      if (listener !== undefined) this.#index.touchListener(listener);
      const record = this.#records.get(id);
      if (record === undefined) continue;
      record.forget();
      this.#backends.setUses(id, gateway, record.backends());
      this.#index.touchRule(record);
    }
  }

  #discover(key: string, item: XdsDiscovery | undefined): void {
    const kind = item?.kind ?? this.#discovery.get(key);
    if (item === undefined) this.#discovery.delete(key);
    else this.#discovery.set(key, item.kind);
    if (kind === 'endpoints') {
      this.#backends.setEndpoints(key, item?.kind === 'endpoints' ? item.endpoints : undefined);
      this.#streams.touchEndpoints(key);
    }
    if (kind === 'tls' || kind === 'ca') {
      const users = this.#secrets.setItem(key, item?.kind === 'endpoints' ? undefined : item);
      for (const user of users) this.#touchSecretUser(user);
    }
  }

  /** A secret of it became usable, or stopped to be. */
  #touchSecretUser(user: string): void {
    const port = portOfUser(user);
    if (port !== undefined) this.#index.touchPort(port);
    const backend = this.#backends.touchUser(user);
    if (backend !== undefined) this.#touchBackend(backend.gateway, backend.key);
  }
}

function compareProblems(a: XdsProblem, b: XdsProblem): number {
  return compareText(`${a.gateway} ${a.key} ${a.reason}`, `${b.gateway} ${b.key} ${b.reason}`);
}
