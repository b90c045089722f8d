// Reads metadata of an object without trusting it.
import type { KubeObject } from '#libs/gateway/object.ts';
import { isRecord } from './record.ts';

/** Sorts after every real time, so that an object without a readable creationTimestamp never wins a conflict. */
const unknownTime = '9999-12-31T23:59:59Z';

/** Gives creationTimestamp in UTC with whole seconds: comparable as text. */
export function createdAt(object: KubeObject): string {
  const text: unknown = isRecord(object.metadata) ? object.metadata.creationTimestamp : undefined;
  const time = typeof text === 'string' ? Date.parse(text) : Number.NaN;
  return Number.isNaN(time) || time < 0 || time > 253402300799000
    ? unknownTime
    : `${new Date(time).toISOString().slice(0, 19)}Z`;
}

/** Gives metadata.generation; 0 where the object has none. */
export function generation(object: KubeObject): number {
  const value: unknown = isRecord(object.metadata) ? object.metadata.generation : undefined;
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : 0;
}

/** Gives the labels that are strings. */
export function labels(object: KubeObject): Readonly<Record<string, string>> {
  return stringsOf(isRecord(object.metadata) ? object.metadata.labels : undefined);
}

/** Annotations that are strings. */
export function annotations(object: KubeObject): Readonly<Record<string, string>> {
  return stringsOf(isRecord(object.metadata) ? object.metadata.annotations : undefined);
}

function stringsOf(value: unknown): Readonly<Record<string, string>> {
  if (!isRecord(value)) return {};
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, text]): [string, string][] => (typeof text === 'string' ? [[key, text]] : [])),
  );
}
