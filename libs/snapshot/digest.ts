// Keeps the digest of a snapshot: SHA-256 over 256 bucket digests, so that one changed entry costs one bucket.
//
//   bucket of a key  = FNV-1a 32 of the key's UTF-16 code units, modulo 256
//   bucket digest    = SHA-256 hex of "key\nhash\n" for its entries in key order (code units); '' for an empty bucket
//   digest           = SHA-256 hex of the 256 bucket digests joined by "\n"
import { compareKeys } from '#libs/gateway/compare-text.ts';
import { sha256 } from '#libs/gateway/canonical.ts';

const bucketCount = 256;

/** Keeps the digest of a changing set of entries. Not safe to share between owners: it is a cache of one. */
export class Digest {
  readonly #buckets: Map<string, string>[] = Array.from({ length: bucketCount }, () => new Map<string, string>());
  readonly #digests: (string | undefined)[] = Array.from({ length: bucketCount });

  constructor(entries: Iterable<readonly [key: string, hash: string]> = []) {
    for (const [key, hash] of entries) this.set(key, hash);
  }

  set(key: string, hash: string): void {
    const index = bucketOf(key);
    this.#buckets[index]?.set(key, hash);
    this.#digests[index] = undefined;
  }

  delete(key: string): void {
    const index = bucketOf(key);
    this.#buckets[index]?.delete(key);
    this.#digests[index] = undefined;
  }

  /** Gives the lower-case hex SHA-256. */
  value(): string {
    for (const [index, bucket] of this.#buckets.entries()) this.#digests[index] ??= bucketDigest(bucket);
    return sha256(this.#digests.join('\n'));
  }
}

/** Gives the digest of a whole snapshot. */
export function digestOf(entries: Iterable<readonly [key: string, hash: string]>): string {
  return new Digest(entries).value();
}

/** Gives the digest of a snapshot without entries. */
export const emptyDigest = digestOf([]);

function bucketOf(key: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
  return (hash >>> 0) % bucketCount;
}

function bucketDigest(bucket: ReadonlyMap<string, string>): string {
  if (bucket.size === 0) return '';
  const lines = [...bucket].toSorted(compareKeys).map(([key, hash]) => `${key}\n${hash}\n`);
  return sha256(lines.join(''));
}
