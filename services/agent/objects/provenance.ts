// Reads from the managedFields of an object who changed it and when, as far as they tell.
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

/** managedFields count whole seconds: two writes of one manager in one second look like one. */
const claimStepMs = 1000;

/**
 * Says who made new content of an object, beside what its managedFields claimed before and since when that content was
 * seen (RFC 3339). Taking a label or a finalizer away and a deletion
 * that waits for finalizers leave managedFields as they were: they name the writer before, who need not be the one of
 * this change. Then nobody is named, at the time at which the change was seen.
 */
export function attribute(
  before: { readonly claim: Provenance; readonly since: string },
  claim: Provenance,
  seenAt: string,
): Provenance {
  const isOld = JSON.stringify(before.claim) === JSON.stringify(claim);
  return isOld && Date.parse(seenAt) - Date.parse(before.since) >= claimStepMs ? { actor: null, at: seenAt } : claim;
}

function readEntry(entry: unknown): Provenance | null {
  if (!isRecord(entry)) return null;
  const { manager, operation, time, subresource } = entry;
  if (typeof manager !== 'string' || typeof operation !== 'string' || typeof time !== 'string') return null;
  if (typeof subresource === 'string' && subresource !== '') return null;
  if (Number.isNaN(Date.parse(time))) return null;
  return { actor: { manager, operation }, at: time };
}
