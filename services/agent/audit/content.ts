// Gives objects a text by which what an admission webhook saw is found again in what the watch shows.
import { canonicalJson, sha256 } from '#libs/gateway/canonical.ts';
import { isRecord } from '#libs/gateway/fields/record.ts';

/**
 * Gives the SHA-256 of the canonical JSON of an object without its resourceVersion, which an admission webhook does not
 * know yet, and without what the agent itself notes in it.
 */
export function contentOf(object: Readonly<Record<string, unknown>>): string {
  const { servedApi: _noted, metadata, ...rest } = object;
  const { resourceVersion: _version, ...meta } = isRecord(metadata) ? metadata : {};
  return sha256(canonicalJson({ ...rest, metadata: meta }));
}
