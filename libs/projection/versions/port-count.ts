// Counts the ports of a changing set of listener entries, each once.
import { compareKeys } from '#libs/gateway/compare-text.ts';
import type { ListenerEntry } from '#libs/snapshot/entry.ts';
import type { VersionPort } from './gateway-head.ts';

export class PortCount {
  readonly #ports = new Map<string, { readonly port: VersionPort; count: number }>();
  readonly #byKey = new Map<string, string>();

  /** Sets or removes the JSON text of a listener entry. */
  put(key: string, json: string | undefined): void {
    const before = this.#byKey.get(key);
    if (before !== undefined) this.#release(before);
    this.#byKey.delete(key);
    if (json !== undefined) this.add(key, portOfEntry(json));
  }

  /** Adds the port of a key that has none. */
  add(key: string, port: VersionPort): void {
    const text = `${port.port}/${port.protocol}`;
    const known = this.#ports.get(text);
    if (known === undefined) this.#ports.set(text, { port, count: 1 });
    else known.count += 1;
    this.#byKey.set(key, text);
  }

  /** Lists the ports in order. */
  list(): readonly VersionPort[] {
    return [...this.#ports].toSorted(compareKeys).map(([, { port }]) => port);
  }

  #release(text: string): void {
    const known = this.#ports.get(text);
    if (known === undefined) return;
    known.count -= 1;
    if (known.count === 0) this.#ports.delete(text);
  }
}

/** Reads the port of a listener entry from its JSON text. */
export function portOfEntry(json: string): VersionPort {
  const { port, protocol }: Pick<ListenerEntry, 'port' | 'protocol'> = JSON.parse(json);
  return { port, protocol: protocol === 'UDP' ? 'UDP' : 'TCP' };
}
