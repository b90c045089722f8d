// Reads from the managedFields of an object who changed it and when.
import { isRecord } from '#libs/gateway/fields/record.ts';
import type { KubeObject } from '#libs/gateway/object.ts';
import type { Provenance } from '../source.ts';
import type { ServedMeta } from './stripped-object.ts';

/**
 * Takes the newest entry of managedFields that is not a write of a subresource (status), else the object's creation
 * by nobody known.
 */
export function readProvenance(object: KubeObject): Provenance {
  const { managedFields: fields }: ServedMeta = object.metadata;
  let newest: Provenance | undefined;
  for (const entry of Array.isArray(fields) ? fields : []) {
    const read = readEntry(entry);
    if (read !== null && (newest === undefined || Date.parse(read.at) >= Date.parse(newest.at))) newest = read;
  }
  return newest ?? { actor: null, at: object.metadata.creationTimestamp };
}

function readEntry(entry: unknown): Provenance | null {
  if (!isRecord(entry)) return null;
  const { manager, operation, time, subresource } = entry;
  if (typeof manager !== 'string' || typeof operation !== 'string' || typeof time !== 'string') return null;
  if (typeof subresource === 'string' && subresource !== '') return null;
  if (Number.isNaN(Date.parse(time))) return null;
  return { actor: { manager, operation }, at: time };
}
