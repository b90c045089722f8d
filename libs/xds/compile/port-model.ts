// The listeners that share a port on this node, of all gateways, and which of their hostnames a request or route belongs to: the most
// specific one (listeners are isolated from each other). Listeners of one hostname are one; the oldest Gateway comes first, and what it
// says of the protocol and of clients' certificates holds: others are not served rather than served by weaker rules.
import { compareHostnameSpecificity } from '#libs/gateway/hostname.ts';
import type { ListenerEntry } from '#libs/snapshot/entry.ts';
import { compareListeners } from '#libs/snapshot/precedence.ts';
import { chainName, validationName } from './chain-name.ts';

export interface PortListener {
  readonly gateway: string;
  /** Entry key. */
  readonly key: string;
  readonly entry: ListenerEntry;
}

/** Protocols that can share a port. */
type PortFamily = 'http' | 'tls' | 'tcp' | 'udp';

/** Ports of the one have nothing to do with ports of the other. */
export type Transport = 'tcp' | 'udp';

export class PortModel {
  readonly port: number;
  readonly #listeners = new Map<string, PortListener>();
  #byHostname: ReadonlyMap<string, readonly PortListener[]> = new Map();
  #family: PortFamily = 'http';
  #ignored: readonly PortListener[] = [];

  constructor(port: number) {
    this.port = port;
  }

  set(id: string, listener: PortListener): void {
    this.#listeners.set(id, listener);
    this.#arrange();
  }

  delete(id: string): void {
    this.#listeners.delete(id);
    this.#arrange();
  }

  get isEmpty(): boolean {
    return this.#listeners.size === 0;
  }

  /** That of the oldest Gateway. */
  get family(): PortFamily {
    return this.#family;
  }

  get transport(): Transport {
    return this.#family === 'udp' ? 'udp' : 'tcp';
  }

  /** Listeners that do not go with an older one of the port or hostname: not served. */
  get ignored(): readonly PortListener[] {
    return this.#ignored;
  }

  /** Ids of all listeners. */
  ids(): Iterable<string> {
    return this.#listeners.keys();
  }

  /** Hostnames of listeners, most specific first. */
  hostnames(): Iterable<string> {
    return this.#byHostname.keys();
  }

  /** The listeners of one hostname, oldest Gateway first. */
  at(hostname: string): readonly PortListener[] {
    return this.#byHostname.get(hostname) ?? [];
  }

  /** The listener hostname that a hostname or pattern belongs to, or undefined. */
  ownerOf(hostname: string): string | undefined {
    return widenings(hostname).find((pattern) => this.#byHostname.has(pattern));
  }

  /** The listener whose word holds for a hostname. */
  leaderAt(hostname: string): ListenerEntry | undefined {
    return this.at(hostname)[0]?.entry;
  }

  /** Name of the chain that serves a listener hostname. */
  chainAt(hostname: string): string {
    return chainName(this.port, hostname, this.leaderAt(hostname));
  }

  /** Whether HTTP is spoken on some chain of it. */
  get servesHttp(): boolean {
    return [...this.#byHostname.keys()].some((hostname) => this.servesHttpAt(hostname));
  }

  /** Whether HTTP is spoken on the chain that a hostname or pattern belongs to. */
  servesHttpAt(hostname: string): boolean {
    const owner = this.ownerOf(hostname);
    const protocol = owner === undefined ? undefined : this.leaderAt(owner)?.protocol;
    return protocol === 'HTTP' || protocol === 'HTTPS';
  }

  #arrange(): void {
    const listeners = [...this.#listeners.values()].toSorted(compareListeners);
    this.#family = familyOf(listeners[0]?.entry.protocol ?? 'HTTP');
    const ignored: PortListener[] = [];
    const byHostname = new Map<string, PortListener[]>();
    for (const listener of listeners) {
      const { hostname, protocol } = listener.entry;
      const known = byHostname.get(hostname);
      const leader = known?.[0]?.entry;
      if (familyOf(protocol) !== this.#family || !goWithEachOther(leader, listener.entry)) ignored.push(listener);
      else if (known === undefined) byHostname.set(hostname, [listener]);
      else known.push(listener);
    }
    this.#ignored = ignored;
    this.#byHostname = new Map([...byHostname].toSorted(([a], [b]) => compareHostnameSpecificity(a, b)));
  }
}

/** Whether it is a protocol that this node knows; a newer projector may know more. */
export function isKnownProtocol(protocol: string): boolean {
  return Object.hasOwn(families, protocol);
}

function familyOf(protocol: ListenerEntry['protocol']): PortFamily {
  return families[protocol];
}

const families = { HTTP: 'http', HTTPS: 'tls', TLS: 'tls', TCP: 'tcp', UDP: 'udp' } as const;

/** Whether one chain can serve both. */
function goWithEachOther(leader: ListenerEntry | undefined, other: ListenerEntry): boolean {
  return (
    leader === undefined ||
    (leader.protocol === other.protocol &&
      (leader.protocol !== 'TLS' || leader.tlsMode === other.tlsMode) &&
      validationName(leader.clientValidation) === validationName(other.clientValidation))
  );
}

/** A hostname or pattern and the patterns that cover it, most specific first. */
export function widenings(hostname: string): readonly string[] {
  const found = [hostname];
  if (hostname === '*') return found;
  let rest = hostname.startsWith('*.') ? hostname.slice(2) : hostname;
  for (let dot = rest.indexOf('.'); dot >= 0; dot = rest.indexOf('.')) {
    rest = rest.slice(dot + 1);
    found.push(`*.${rest}`);
  }
  return [...found, '*'];
}
