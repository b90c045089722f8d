// Arranges the listeners of one port of a node, of all Gateways that it serves. Listeners of one hostname are one
// there; the oldest Gateway comes first, and what it says of the protocol, of clients' certificates and of filters on
// requests holds: a listener that says otherwise is not served, rather than served by weaker rules. The node's
// compiler, the matcher and the statuses of Gateways follow this one order.
import { canonicalJson } from '#libs/gateway/canonical.ts';
import { compareHostnameSpecificity } from '#libs/gateway/hostname.ts';
import type { ClientValidation, ListenerEntry } from './entry.ts';
import { compareListeners } from './precedence.ts';

/** Names the protocols that can share a port. */
export type PortFamily = 'http' | 'tls' | 'tcp' | 'udp';

const families: Readonly<Record<ListenerEntry['protocol'], PortFamily>> = {
  HTTP: 'http',
  HTTPS: 'tls',
  TLS: 'tls',
  TCP: 'tcp',
  UDP: 'udp',
};

/** Holds a listener with the Gateway that it is of, `cluster/namespace/name`. */
export interface ArrangedListener {
  readonly gateway: string;
  readonly entry: Omit<ListenerEntry, 'kind' | 'certificates'>;
}

/** Names a listener that does not go with an older one. */
export interface IgnoredListener<L> {
  readonly listener: L;
  readonly winner: L;
  /** The reasons of the condition Conflicted. */
  readonly reason: 'ProtocolConflict' | 'HostnameConflict';
}

export interface PortArrangement<L> {
  /** That of the oldest Gateway. */
  readonly family: PortFamily;
  /** The listeners that are served, by hostname, the most specific first; of each the oldest Gateway's first. */
  readonly byHostname: ReadonlyMap<string, readonly L[]>;
  readonly ignored: readonly IgnoredListener<L>[];
}

/** Arranges the listeners of one port and transport. */
export function arrangePort<L extends ArrangedListener>(listeners: Iterable<L>): PortArrangement<L> {
  const ordered = [...listeners].toSorted(compareListeners);
  const [oldest] = ordered;
  const family = oldest === undefined ? 'http' : families[oldest.entry.protocol];
  const byHostname = new Map<string, L[]>();
  const ignored: IgnoredListener<L>[] = [];
  for (const listener of ordered) {
    const { hostname, protocol } = listener.entry;
    const known = byHostname.get(hostname);
    const leader = known?.[0];
    if (oldest !== undefined && families[protocol] !== family)
      ignored.push({ listener, winner: oldest, reason: 'ProtocolConflict' });
    else if (leader !== undefined && !goWithEachOther(leader, listener))
      ignored.push({ listener, winner: leader, reason: 'HostnameConflict' });
    else if (known === undefined) byHostname.set(hostname, [listener]);
    else known.push(listener);
  }
  const sorted = [...byHostname].toSorted(([a], [b]) => compareHostnameSpecificity(a, b));
  return { family, byHostname: new Map(sorted), ignored };
}

/** Says in words whom a listener lost to and what for, without a full stop. */
export function conflictText({ listener, winner, reason }: IgnoredListener<ArrangedListener>): string {
  const { port, protocol, hostname } = winner.entry;
  const older = `Gateway ${winner.gateway}, which comes first,`;
  if (reason === 'ProtocolConflict') return `${older} has port ${port} for ${familyNames[families[protocol]]}`;
  const { entry } = listener;
  if (protocol !== entry.protocol) return `${older} has ${hostname} on port ${port} for ${protocol}`;
  const what = isSameTls(winner.entry, entry) ? 'filters on requests' : 'demands on TLS or clients';
  return `${older} has ${hostname} on port ${port} for other ${what}`;
}

const familyNames = { http: 'HTTP', tls: 'TLS', tcp: 'TCP', udp: 'UDP' } as const;

/** Tells whether it is a protocol that this node knows; a newer projector may know more. */
export function isKnownProtocol(protocol: string): boolean {
  return Object.hasOwn(families, protocol);
}

/** Says what is demanded of clients, as text; equal texts demand the same. */
export function demandText(validation: ClientValidation | undefined): string {
  return validation === undefined
    ? ''
    : JSON.stringify([validation.mode, [...new Set(validation.authorities)].toSorted()]);
}

/** Tells whether one chain can serve both. */
function goWithEachOther({ entry: leader }: ArrangedListener, { entry: other }: ArrangedListener): boolean {
  return (
    leader.protocol === other.protocol &&
    isSameTls(leader, other) &&
    canonicalJson(leader.filters ?? []) === canonicalJson(other.filters ?? [])
  );
}

function isSameTls(leader: ArrangedListener['entry'], other: ArrangedListener['entry']): boolean {
  return (
    (leader.protocol !== 'TLS' || leader.tlsMode === other.tlsMode) &&
    leader.refusesClients === other.refusesClients &&
    demandText(leader.clientValidation) === demandText(other.clientValidation)
  );
}

/** Gives the hostnames whose listener takes a hostname or pattern, the most specific first. */
export function* coveringHostnames(host: string): Generator<string> {
  yield host;
  for (let dot = host.indexOf('.', 1); dot >= 0; dot = host.indexOf('.', dot + 1)) {
    const wider = `*${host.slice(dot)}`;
    if (wider !== host) yield wider;
  }
  if (host !== '*') yield '*';
}
