// Holds the listeners of one port, of all gateways of a node, and the rules on them. Listeners are isolated: a request
// or connection belongs to the most specific listener hostname that covers it, and only rules on listeners of that
// hostname can take it. A hostname of rules is looked for the same way, and from there a request falls through to wider
// ones.
import type { ListenerEntry, ListenerProtocol, StreamRuleEntry } from '#libs/snapshot/entry.ts';
import { arrangePort, coveringHostnames, type PortFamily } from '#libs/snapshot/port-arrangement.ts';
import { type Candidate, RuleTable } from './rule-table.ts';

/** One listener of one gateway. */
export interface ListenerOf {
  readonly gateway: string;
  /** Entry key. */
  readonly key: string;
  readonly entry: ListenerEntry;
}

/** One rule for connections as one gateway has it. */
export interface StreamRuleOf {
  readonly gateway: string;
  /** Entry key. */
  readonly key: string;
  readonly entry: StreamRuleEntry;
}

/** The listeners of one hostname: they are one, the oldest Gateway first. */
export interface Place {
  readonly hostname: string;
  readonly protocol: ListenerProtocol;
  readonly listeners: readonly ListenerOf[];
  /** Hostname → its rules. */
  readonly tables: Map<string, RuleTable>;
  readonly streams: Map<string, readonly StreamRuleOf[]>;
}

export interface PortTable {
  readonly port: number;
  readonly family: PortFamily;
  /** By hostname. */
  readonly places: ReadonlyMap<string, Place>;
  /** Listeners that an older Gateway keeps from the port. */
  readonly ignored: readonly ListenerOf[];
}

/** Compiles the port tables of all listeners; UDP ports are apart from the others. */
export function compilePorts(listeners: readonly ListenerOf[]): {
  readonly tcp: ReadonlyMap<number, PortTable>;
  readonly udp: ReadonlyMap<number, PortTable>;
} {
  const isUdp = ({ entry }: ListenerOf): boolean => entry.protocol === 'UDP';
  return {
    tcp: byPort(listeners.filter((one) => !isUdp(one))),
    udp: byPort(listeners.filter(isUdp)),
  };
}

/** Gives the listener hostname that takes a host or server name, or undefined. */
export function ownerOf(port: PortTable, host: string): Place | undefined {
  for (const hostname of coveringHostnames(host)) {
    const place = port.places.get(hostname);
    if (place !== undefined) return place;
  }
  return undefined;
}

/** Sets the rules of a place. */
export function fillPlace(place: Place, candidates: ReadonlyMap<string, readonly Candidate[]>): void {
  for (const [hostname, list] of candidates) place.tables.set(hostname, new RuleTable(list));
}

function byPort(listeners: readonly ListenerOf[]): ReadonlyMap<number, PortTable> {
  const groups = Map.groupBy(listeners, ({ entry }) => entry.port);
  return new Map([...groups].map(([port, group]) => [port, portTable(port, group)]));
}

function portTable(port: number, all: readonly ListenerOf[]): PortTable {
  const { family, byHostname, ignored } = arrangePort(all);
  const places = new Map<string, Place>();
  for (const [hostname, listeners] of byHostname) {
    const protocol = listeners[0]?.entry.protocol ?? 'HTTP';
    places.set(hostname, { hostname, protocol, listeners, tables: new Map(), streams: new Map() });
  }
  return { port, family, places, ignored: ignored.map(({ listener }) => listener) };
}
