// Applies header filters, one after another.
import type { HttpFilter } from '#libs/snapshot/entry.ts';
import type { HeaderChange } from '#libs/gateway/filters/http-filter.ts';
import type { Header } from './request.ts';

/** Gives the header filters of a direction, in their order. */
export function headerChanges(
  filters: readonly HttpFilter[],
  direction: 'request-headers' | 'response-headers',
): readonly HeaderChange[] {
  return filters.flatMap((filter) => (filter.type === direction ? [filter] : []));
}

/** Gives headers after changes; names are in lower case. Added values come after those that were there. */
export function changeHeaders(headers: readonly Header[], changes: readonly HeaderChange[]): readonly Header[] {
  let now = headers;
  for (const { set, add, remove } of changes) {
    const gone = new Set([...remove, ...set.map(({ name }) => name)]);
    now = [
      ...now.filter(([name]) => !gone.has(name)),
      ...set.map(({ name, value }): Header => [name, value]),
      ...add.map(({ name, value }): Header => [name, value]),
    ];
  }
  return now;
}
