// Finds fields of experimental versions that are understood but not served: they are left out, and the status says so.
import type { Cursor } from './cursor.ts';

/** Gives the paths of those of some fields that are set. */
export function ignoredFields(at: Cursor, names: readonly string[]): readonly string[] {
  return names.flatMap((name) => (at.field(name).present ? [at.field(name).path] : []));
}
