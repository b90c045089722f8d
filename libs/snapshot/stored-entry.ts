// Encodes entries as they are stored: canonical JSON and its hash.
import { canonicalJson, sha256 } from '#libs/gateway/canonical.ts';
import type { Entry, StoredEntry } from './entry.ts';

/** Encodes an entry. Equal entries have equal bytes. */
export function encodeEntry(entry: Entry): StoredEntry {
  const json = canonicalJson(entry);
  return { hash: sha256(json), json };
}
