// The listeners that share a port on this node, of all gateways, and which of their hostnames a request or route belongs to: the most
// specific one (listeners are isolated from each other). Listeners of one hostname are one; the oldest Gateway comes first.
import { compareHostnameSpecificity } from '#libs/gateway/hostname.ts';
import type { ListenerEntry } from '#libs/snapshot/entry.ts';

export interface PortListener {
  readonly gateway: string;
  /** Entry key. */
  readonly key: string;
  readonly entry: ListenerEntry;
}

export class PortModel {
  readonly port: number;
  readonly #listeners = new Map<string, PortListener>();
  #byHostname: ReadonlyMap<string, readonly PortListener[]> = new Map();
  #protocol: ListenerEntry['protocol'] = 'HTTP';
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
  get protocol(): ListenerEntry['protocol'] {
    return this.#protocol;
  }

  /** Listeners of another protocol than the port's: not served. */
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

  #arrange(): void {
    const listeners = [...this.#listeners.values()].toSorted(compareListeners);
    this.#protocol = listeners[0]?.entry.protocol ?? 'HTTP';
    this.#ignored = listeners.filter(({ entry }) => entry.protocol !== this.#protocol);
    const byHostname = new Map<string, PortListener[]>();
    for (const listener of listeners) {
      if (listener.entry.protocol !== this.#protocol) continue;
      const known = byHostname.get(listener.entry.hostname);
      if (known === undefined) byHostname.set(listener.entry.hostname, [listener]);
      else known.push(listener);
    }
    this.#byHostname = new Map([...byHostname].toSorted(([a], [b]) => compareHostnameSpecificity(a, b)));
  }
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

/** Orders listeners, and the rules that they bring where those are otherwise equal: oldest Gateway first. */
export function compareListeners(a: PortListener, b: PortListener): number {
  return (
    compareText(a.entry.createdAt, b.entry.createdAt) ||
    compareText(a.gateway, b.gateway) ||
    compareText(a.entry.name, b.entry.name)
  );
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
