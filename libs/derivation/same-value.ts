// Compares plain JSON values: an output equal to the one before stops a change from going on.

/** Tells whether two plain values have the same content; a field that is undefined equals one that is absent. */
export function sameValue(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a)) return Array.isArray(b) && a.length === b.length && a.every((item, i) => sameValue(item, b[i]));
  if (Array.isArray(b)) return false;
  return sameFields(new Map(Object.entries(a)), new Map(Object.entries(b)));
}

function sameFields(a: ReadonlyMap<string, unknown>, b: ReadonlyMap<string, unknown>): boolean {
  for (const [key, value] of a) if (!sameValue(value, b.get(key))) return false;
  for (const [key, value] of b) if (value !== undefined && !a.has(key)) return false;
  return true;
}
