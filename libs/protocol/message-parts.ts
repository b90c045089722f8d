// Cuts long lists into parts that fit into one message each.

/** Yields the items in order, at most `max` at a time; no items, no part. */
export function* messageParts<T>(items: readonly T[], max: number): Iterable<readonly T[]> {
  for (let at = 0; at < items.length; at += max) yield items.slice(at, at + max);
}
