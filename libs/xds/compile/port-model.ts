// Knows the listeners that share a port on this node, of all gateways, and says which of their hostnames a request or
// route belongs to: the most specific one (listeners are isolated from each other). Listeners of one hostname are one;
// the oldest Gateway comes first, and what it says of the protocol and of clients' certificates holds: others are not
// served rather than served by weaker rules.
import type { ListenerEntry } from '#libs/snapshot/entry.ts';
import {
  arrangePort,
  type IgnoredListener,
  type PortArrangement,
  type PortFamily,
} from '#libs/snapshot/port-arrangement.ts';
import { chainName } from './chain-name.ts';

export interface PortListener {
  readonly gateway: string;
  /** Entry key. */
  readonly key: string;
  readonly entry: ListenerEntry;
}

/** Ports of the one have nothing to do with ports of the other. */
export type Transport = 'tcp' | 'udp';

export class PortModel {
  readonly port: number;
  readonly #listeners = new Map<string, PortListener>();
  #arranged: PortArrangement<PortListener> = arrangePort([]);

  constructor(port: number) {
    this.port = port;
  }

  set(id: string, listener: PortListener): void {
    this.#listeners.set(id, listener);
    this.#arranged = arrangePort(this.#listeners.values());
  }

  delete(id: string): void {
    this.#listeners.delete(id);
    this.#arranged = arrangePort(this.#listeners.values());
  }

  get isEmpty(): boolean {
    return this.#listeners.size === 0;
  }

  /** Gives the family of the oldest Gateway's listener. */
  get family(): PortFamily {
    return this.#arranged.family;
  }

  get transport(): Transport {
    return this.family === 'udp' ? 'udp' : 'tcp';
  }

  /** Gives the listeners that do not go with an older one of the port or hostname: not served. */
  get ignored(): readonly IgnoredListener<PortListener>[] {
    return this.#arranged.ignored;
  }

  /** Gives the ids of all listeners. */
  ids(): Iterable<string> {
    return this.#listeners.keys();
  }

  /** Gives the hostnames of listeners, most specific first. */
  hostnames(): Iterable<string> {
    return this.#arranged.byHostname.keys();
  }

  /** Gives the listeners of one hostname, oldest Gateway first. */
  at(hostname: string): readonly PortListener[] {
    return this.#arranged.byHostname.get(hostname) ?? [];
  }

  /** Gives the listener hostname that a hostname or pattern belongs to, or undefined. */
  ownerOf(hostname: string): string | undefined {
    return widenings(hostname).find((pattern) => this.#arranged.byHostname.has(pattern));
  }

  /** Gives the listener whose word holds for a hostname. */
  leaderAt(hostname: string): ListenerEntry | undefined {
    return this.at(hostname)[0]?.entry;
  }

  /** Gives the name of the chain that serves a listener hostname. */
  chainAt(hostname: string): string {
    return chainName(this.port, hostname, this.leaderAt(hostname));
  }

  /** Tells whether HTTP is spoken on some chain of it. */
  get servesHttp(): boolean {
    return [...this.#arranged.byHostname.keys()].some((hostname) => this.servesHttpAt(hostname));
  }

  /** Tells whether HTTP is spoken on the chain that a hostname or pattern belongs to. */
  servesHttpAt(hostname: string): boolean {
    const owner = this.ownerOf(hostname);
    const protocol = owner === undefined ? undefined : this.leaderAt(owner)?.protocol;
    return protocol === 'HTTP' || protocol === 'HTTPS';
  }
}

/** Gives a hostname or pattern and the patterns that cover it, most specific first. */
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
