// Finds fields of experimental versions that are understood but not served: they are left out, and the status says so.
import type { Cursor } from './cursor.ts';

/** Gives the paths of those of some fields that are set. */
export function ignoredFields(at: Cursor, names: readonly string[]): readonly string[] {
  return names.flatMap((name) => (at.field(name).present ? [at.field(name).path] : []));
}

/** Gives the paths of those of some fields that are set in items of a list. */
export function ignoredInItems(list: Cursor, max: number, names: readonly string[]): readonly string[] {
  return list
    .into([])
    .items(max)
    .flatMap((item) => ignoredFields(item, names));
}
