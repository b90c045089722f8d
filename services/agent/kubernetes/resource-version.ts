// Reads objects, and compares versions, as an API server sends them.
import { isRecord } from '#libs/gateway/fields/record.ts';
import { kubernetesKind } from '#libs/gateway/kinds.ts';
import type { KubeObject } from '#libs/gateway/object.ts';

/**
 * Reads an object with the metadata that every served object has, else null. Items of lists leave apiVersion and kind
 * out.
 */
export function parseKubeObject(value: unknown, apiVersion: string, kind: string): KubeObject | null {
  if (!isRecord(value)) return null;
  const object = { ...value, apiVersion, kind: kubernetesKind(kind) };
  return isKubeObject(object) ? object : null;
}

function isKubeObject(object: Readonly<Record<string, unknown>>): object is KubeObject {
  if (!isRecord(object['metadata'])) return false;
  const { name, uid, resourceVersion, creationTimestamp, namespace = '' } = object['metadata'];
  const needed = [name, uid, resourceVersion, creationTimestamp];
  return needed.every((field) => typeof field === 'string' && field !== '') && typeof namespace === 'string';
}

/** Tells whether a is newer than b. Versions of one API server are growing whole numbers; others cannot be compared. */
export function isNewer(a: string, b: string): boolean {
  if (!/^\d+$/.test(a) || !/^\d+$/.test(b)) return false;
  return a.length === b.length ? a > b : a.length > b.length;
}
