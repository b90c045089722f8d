// Holds entries in memory, each once by its hash however many versions and gateways name it, with the discovery keys
// that it refers to.
import { z } from 'zod';
import { discoveryKeysOf } from '#libs/snapshot/discovery-keys.ts';
import { isRuleKey } from '#libs/snapshot/entry-key.ts';
import { needsOf } from '#libs/snapshot/entry-needs.ts';

export interface PooledEntry {
  readonly hash: string;
  readonly json: string;
  /** Discovery keys. */
  readonly references: readonly string[];
  /** What a node has to understand to take it. */
  readonly needs: readonly string[];
}

const keys = z.array(z.string());
const referring = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('listener'),
    certificates: keys,
    clientValidation: z.object({ authorities: keys }).optional(),
  }),
  z.object({
    kind: z.literal('backend'),
    endpoints: z.string(),
    tls: z.object({ authorities: z.union([keys, z.literal('system')]) }).optional(),
    clientCertificate: z.string().optional(),
  }),
]);

/** Counts the uses of each entry, which leaves when nothing names it any more. */
export class EntryPool {
  readonly #entries = new Map<string, { readonly entry: PooledEntry; uses: number }>();

  get size(): number {
    return this.#entries.size;
  }

  take(key: string, hash: string, json: string): PooledEntry {
    const known = this.#entries.get(hash);
    if (known !== undefined) {
      known.uses += 1;
      return known.entry;
    }
    const entry = { hash, json, references: referencesOf(key, json), needs: needsOf(json) };
    this.#entries.set(hash, { entry, uses: 1 });
    return entry;
  }

  drop(hash: string): void {
    const known = this.#entries.get(hash);
    if (known === undefined) return;
    known.uses -= 1;
    if (known.uses === 0) this.#entries.delete(hash);
  }
}

/** Lists the discovery keys that an entry names; rules are not parsed, because they name backends only. */
function referencesOf(key: string, json: string): readonly string[] {
  if (isRuleKey(key)) return [];
  const parsed = referring.safeParse(JSON.parse(json));
  if (!parsed.success) return [];
  return discoveryKeysOf(parsed.data);
}
