// Indexes the listeners and rules of all gateways by where requests find them, and says which hostnames of which ports
// a change touches.
import { intersectHostnames } from '#libs/gateway/hostname.ts';
import type { ListenerEntry } from '#libs/snapshot/entry.ts';
import { demandText } from '#libs/snapshot/port-arrangement.ts';
import { type PortListener, PortModel } from './port-model.ts';
import type { RuleRecord } from './rule-record.ts';

type Attached = Map<string, Set<RuleRecord>>;

export class RouteIndex {
  readonly #ports = new Map<number, PortModel>();
  readonly #listeners = new Map<string, PortListener>();
  /** Listener id → hostname → rules, whether or not the listener is there. */
  readonly #attached = new Map<string, Attached>();
  readonly #touchedHosts = new Map<number, Set<string>>();
  readonly #touchedPorts = new Set<number>();

  port(port: number): PortModel | undefined {
    return this.#ports.get(port);
  }

  ports(): Iterable<PortModel> {
    return this.#ports.values();
  }

  /** Gives the port of a listener that is there. */
  portOf(gateway: string, listener: string): PortModel | undefined {
    const known = this.#listeners.get(listenerId(gateway, listener));
    return known === undefined ? undefined : this.#ports.get(known.entry.port);
  }

  setListener(listener: PortListener): void {
    const { gateway, entry } = listener;
    const id = listenerId(gateway, entry.name);
    const before = this.#listeners.get(id);
    this.#listeners.set(id, listener);
    if (before !== undefined && isSamePlace(before.entry, entry)) {
      this.#ports.get(entry.port)?.set(id, listener);
      this.#touchedPorts.add(entry.port);
      return;
    }
    if (before !== undefined) this.#changePort(before.entry, (port) => port.delete(id));
    this.#changePort(entry, (port) => port.set(id, listener));
  }

  deleteListener(gateway: string, name: string): void {
    const id = listenerId(gateway, name);
    const before = this.#listeners.get(id);
    if (before === undefined) return;
    this.#listeners.delete(id);
    this.#changePort(before.entry, (port) => port.delete(id));
  }

  setRule(record: RuleRecord): void {
    for (const { listener, hostname } of record.entry.hosts) {
      if (!isHostname(hostname)) continue;
      const id = listenerId(record.gateway, listener);
      const attached = this.#attached.get(id) ?? new Map<string, Set<RuleRecord>>();
      this.#attached.set(id, attached);
      const rules = attached.get(hostname);
      if (rules === undefined) attached.set(hostname, new Set([record]));
      else rules.add(record);
    }
    this.touchRule(record);
  }

  deleteRule(record: RuleRecord): void {
    this.touchRule(record);
    for (const { listener, hostname } of record.entry.hosts) {
      const id = listenerId(record.gateway, listener);
      const attached = this.#attached.get(id);
      const rules = attached?.get(hostname);
      rules?.delete(record);
      if (rules?.size === 0) attached?.delete(hostname);
      if (attached?.size === 0) this.#attached.delete(id);
    }
  }

  /** The routes of a rule are others now. */
  touchRule(record: RuleRecord): void {
    for (const { listener, hostname } of record.entry.hosts) {
      const at = this.#listeners.get(listenerId(record.gateway, listener));
      if (at !== undefined && isHostname(hostname)) this.#touchHost(at.entry.port, hostname);
    }
  }

  /** What runs before the rules of a listener is another now. */
  touchListener({ entry }: PortListener): void {
    const port = this.#ports.get(entry.port);
    if (port !== undefined) this.#touchOwned(port, entry.hostname);
  }

  /** The chains of a port are others now, its routes are not. */
  touchPort(port: number): void {
    this.#touchedPorts.add(port);
  }

  /** Gives the rules of a hostname on the listeners of its owner, with the position of each one's gateway. */
  rulesAt(port: PortModel, owner: string, hostname: string): ReadonlyMap<RuleRecord, number> {
    const rules = new Map<RuleRecord, number>();
    for (const [age, { gateway, entry }] of port.at(owner).entries()) {
      const attached = this.#attached.get(listenerId(gateway, entry.name))?.get(hostname);
      for (const record of attached ?? []) if (!rules.has(record)) rules.set(record, age);
    }
    return rules;
  }

  /** Says what was touched since the last call. */
  takeTouched(): { readonly hosts: ReadonlyMap<number, ReadonlySet<string>>; readonly ports: ReadonlySet<number> } {
    const touched = { hosts: new Map(this.#touchedHosts), ports: new Set(this.#touchedPorts) };
    this.#touchedHosts.clear();
    this.#touchedPorts.clear();
    return touched;
  }

  #changePort({ port: number, hostname }: ListenerEntry, change: (port: PortModel) => void): void {
    const port = this.#ports.get(number) ?? new PortModel(number);
    this.#ports.set(number, port);
    const { family } = port;
    this.#touchOwned(port, hostname);
    change(port);
    this.#touchOwned(port, hostname);
    if (port.family !== family) this.#touchAll(port);
    if (port.isEmpty) this.#ports.delete(number);
    this.#touchedPorts.add(number);
  }

  /** Touches the hostnames of routes that belong to a listener hostname; and itself, which may have a scope without. */
  #touchOwned(port: PortModel, owner: string): void {
    if (port.leaderAt(owner)?.filters !== undefined) this.#touchHost(port.port, owner);
    for (const id of port.ids()) {
      for (const hostname of this.#attached.get(id)?.keys() ?? []) {
        if (intersectHostnames(owner, hostname) === hostname && port.ownerOf(hostname) === owner)
          this.#touchHost(port.port, hostname);
      }
    }
  }

  /** Touches all hostnames of routes, and those of listeners that have a scope without any. */
  #touchAll(port: PortModel): void {
    for (const id of port.ids()) {
      const entry = this.#listeners.get(id)?.entry;
      if (entry?.filters !== undefined) this.#touchHost(port.port, entry.hostname);
      for (const hostname of this.#attached.get(id)?.keys() ?? []) this.#touchHost(port.port, hostname);
    }
  }

  #touchHost(port: number, hostname: string): void {
    const hosts = this.#touchedHosts.get(port);
    if (hosts === undefined) this.#touchedHosts.set(port, new Set([hostname]));
    else hosts.add(hostname);
  }
}

/** Tells whether a hostname or pattern can be in a scope's key and in a chain's match. */
export function isHostname(hostname: string): boolean {
  return hostname === '*' || (hostname.length <= 253 && /^(\*\.)?[a-z0-9_]([a-z0-9._-]*[a-z0-9_])?$/.test(hostname));
}

function isSamePlace(a: ListenerEntry, b: ListenerEntry): boolean {
  return (
    a.port === b.port &&
    a.hostname === b.hostname &&
    a.protocol === b.protocol &&
    a.tlsMode === b.tlsMode &&
    a.createdAt === b.createdAt &&
    demandText(a.clientValidation) === demandText(b.clientValidation) &&
    JSON.stringify(a.filters) === JSON.stringify(b.filters)
  );
}

function listenerId(gateway: string, listener: string): string {
  return `${gateway} ${listener}`;
}
