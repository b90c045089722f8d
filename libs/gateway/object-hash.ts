// Computes the hash by which agents and projector know whether an object changed.
import { canonicalJson, sha256 } from './canonical.ts';
import type { KubeObject } from './object.ts';

/** Gives the SHA-256 of the canonical JSON of a stripped object without its resourceVersion: ChangeEvent.hash. */
export function hashObject(object: KubeObject): string {
  const { resourceVersion: _resourceVersion, ...metadata } = object.metadata;
  return sha256(canonicalJson({ ...object, metadata }));
}
