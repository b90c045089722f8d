// Holds the newest discovery item of every key, and the texts of discovery messages, each made once for all nodes that
// need it.
import { canonicalJson, sha256 } from '#libs/gateway/canonical.ts';
import type { DiscoveryRow } from './fleet-rows.ts';
import { isEndpointsKey } from '#libs/snapshot/discovery-key.ts';

const noEndpointsJson = canonicalJson({ kind: 'endpoints', endpoints: [] });
/** What a Service port without a row is sent as: a snapshot may refer to it, and then requests to it find nobody. */
const noEndpoints = { hash: sha256(noEndpointsJson), json: noEndpointsJson };

const textsMax = 1000;

export class DiscoveryStore {
  readonly #items = new Map<string, { readonly hash: string; readonly json: string }>();
  readonly #texts = new Map<string, Buffer>();

  /** Takes rows over; returns the keys whose item is another one now. */
  update(rows: readonly DiscoveryRow[]): readonly string[] {
    this.#texts.clear();
    return rows.flatMap(({ key, hash, item }) => {
      const before = this.#item(key)?.hash;
      if (item === null) this.#items.delete(key);
      else this.#items.set(key, { hash, json: item });
      return this.#item(key)?.hash === before ? [] : [key];
    });
  }

  /** Takes over all rows there are; returns the keys whose item is another one now. */
  replace(rows: readonly DiscoveryRow[]): readonly string[] {
    const present = new Set(rows.map(({ key }) => key));
    const gone = [...this.#items.keys()].filter((key) => !present.has(key));
    return this.update([...gone.map((key) => ({ key, hash: '', item: null })), ...rows]);
  }

  hash(key: string): string | undefined {
    return this.#item(key)?.hash;
  }

  message(upserts: readonly string[], removes: readonly string[]): Buffer {
    const name = `${upserts.join('\n')}\n\n${removes.join('\n')}`;
    let text = this.#texts.get(name);
    if (text === undefined) {
      text = Buffer.from(this.#encode(upserts, removes));
      if (this.#texts.size >= textsMax) this.#texts.clear();
      this.#texts.set(name, text);
    }
    return text;
  }

  /** Puts the message together from items, which are JSON text already. */
  #encode(upserts: readonly string[], removes: readonly string[]): string {
    const items = upserts.flatMap((key) => {
      const item = this.#item(key);
      return item === undefined ? [] : [`{"key":${JSON.stringify(key)},"hash":"${item.hash}","item":${item.json}}`];
    });
    return `{"type":"discovery","upserts":[${items.join(',')}],"removes":${JSON.stringify(removes)}}`;
  }

  /** Finds an item; a Secret that is gone keeps its last material on the nodes while what they serve refers to it. */
  #item(key: string): { readonly hash: string; readonly json: string } | undefined {
    return this.#items.get(key) ?? (isEndpointsKey(key) ? noEndpoints : undefined);
  }
}
