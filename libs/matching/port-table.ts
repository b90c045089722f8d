// The listeners of one port, of all gateways of a node, and the rules on them. Listeners are isolated: a request or connection belongs to
// the most specific listener hostname that covers it, and only rules on listeners of that hostname can take it. A hostname of rules is
// looked for the same way, and from there a request falls through to wider ones.
import type { ListenerEntry, ListenerProtocol, StreamRuleEntry } from '#libs/snapshot/entry.ts';
import { compareListeners } from '#libs/snapshot/precedence.ts';
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
  readonly family: Family;
  /** By hostname. */
  readonly places: ReadonlyMap<string, Place>;
  /** Listeners that an older Gateway keeps from the port. */
  readonly ignored: readonly ListenerOf[];
}

/** What cannot share a port. */
type Family = 'plain' | 'tls' | 'tcp' | 'udp';

const families: Readonly<Record<ListenerProtocol, Family>> = {
  HTTP: 'plain',
  HTTPS: 'tls',
  TLS: 'tls',
  TCP: 'tcp',
  UDP: 'udp',
};

/** Port tables of all listeners; UDP ports are apart from the others. */
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

/** The listener hostname that takes a host or server name, or undefined. */
export function ownerOf(port: PortTable, host: string): Place | undefined {
  for (const hostname of covering(host)) {
    const place = port.places.get(hostname);
    if (place !== undefined) return place;
  }
  return undefined;
}

/** The hostnames that cover a host or hostname, most specific first. */
export function* covering(host: string): Generator<string> {
  yield host;
  for (let dot = host.indexOf('.', 1); dot >= 0; dot = host.indexOf('.', dot + 1)) {
    const wider = `*${host.slice(dot)}`;
    if (wider !== host) yield wider;
  }
  if (host !== '*') yield '*';
}

/** Sets the rules of a place. */
export function fillPlace(place: Place, candidates: ReadonlyMap<string, readonly Candidate[]>): void {
  for (const [hostname, list] of candidates) place.tables.set(hostname, new RuleTable(list));
}

function byPort(listeners: readonly ListenerOf[]): ReadonlyMap<number, PortTable> {
  const groups = Map.groupBy(listeners.toSorted(compareListeners), ({ entry }) => entry.port);
  return new Map([...groups].map(([port, group]) => [port, portTable(port, group)]));
}

function portTable(port: number, listeners: readonly ListenerOf[]): PortTable {
  const family = families[listeners[0]?.entry.protocol ?? 'HTTP'];
  const places = new Map<string, Place & { readonly listeners: ListenerOf[] }>();
  const ignored: ListenerOf[] = [];
  for (const listener of listeners) {
    const { protocol, hostname } = listener.entry;
    const place = places.get(hostname);
    if (families[protocol] !== family) ignored.push(listener);
    else if (place === undefined)
      places.set(hostname, { hostname, protocol, listeners: [listener], tables: new Map(), streams: new Map() });
    else if (!goesWith(listener.entry, place.listeners[0]?.entry)) ignored.push(listener);
    else place.listeners.push(listener);
  }
  return { port, family, places, ignored };
}

/** Whether connections can be taken for both: what the oldest Gateway says of TLS and of clients' certificates holds. */
function goesWith(one: ListenerEntry, oldest: ListenerEntry | undefined): boolean {
  return oldest === undefined || termsOf(one) === termsOf(oldest);
}

function termsOf({ protocol, tlsMode, clientValidation }: ListenerEntry): string {
  const clients = clientValidation && [clientValidation.mode, clientValidation.authorities.toSorted()];
  return JSON.stringify([protocol, protocol === 'TLS' ? tlsMode : '', clients]);
}
