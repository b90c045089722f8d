// Orders texts by their code units, so that the order is the same on every machine and in every language setting.

/** Compares two texts for `toSorted`: negative, 0 or positive. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Compares the pairs of a map by their keys. */
export function compareKeys([a]: readonly [string, ...unknown[]], [b]: readonly [string, ...unknown[]]): number {
  return compareText(a, b);
}
