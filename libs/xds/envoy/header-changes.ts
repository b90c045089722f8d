// Writes header filters as Envoy has them. Envoy removes before it adds, and knows no order between levels: filters
// that follow each other are put together here.
import type { HttpFilter } from '#libs/snapshot/entry.ts';
import type { HeaderChange } from '#libs/gateway/filters/http-filter.ts';
import type { ProtoMessage } from './resources.ts';
import { isHeaderName, isHeaderValue } from './text-limits.ts';

type Direction = 'request' | 'response';

const none: HeaderChange = { set: [], add: [], remove: [] };

/**
 * Gives the fields of a route or weighted cluster for the header filters among these, in their order; empty without
 * any.
 */
export function headerFields(filters: readonly HttpFilter[]): ProtoMessage {
  return { ...fieldsOf('request', filters), ...fieldsOf('response', filters) };
}

/** Says why Envoy would refuse them, or gives undefined. */
export function headerFiltersProblem(filters: readonly HttpFilter[]): string | undefined {
  for (const filter of filters) {
    if (filter.type !== 'request-headers' && filter.type !== 'response-headers') continue;
    const values = [...filter.set, ...filter.add];
    const bad =
      [...values.map(({ name }) => name), ...filter.remove].find((name) => !isHeaderName(name)) ??
      values.find(({ value }) => !isHeaderValue(value))?.name;
    if (bad !== undefined) return `the header ${JSON.stringify(bad.slice(0, 100))} cannot be changed like this`;
  }
  return undefined;
}

function fieldsOf(direction: Direction, filters: readonly HttpFilter[]): ProtoMessage {
  let change = none;
  for (const filter of filters) {
    if (filter.type === 'request-headers' && direction === 'request') change = follow(change, filter);
    if (filter.type === 'response-headers' && direction === 'response') change = follow(change, filter);
  }
  const additions = [
    ...change.set.map((header) => addition(header, 'OVERWRITE_IF_EXISTS_OR_ADD')),
    ...change.add.map((header) => addition(header, 'APPEND_IF_EXISTS_OR_ADD')),
  ];
  return {
    ...(additions.length === 0 ? {} : { [`${direction}_headers_to_add`]: additions }),
    ...(change.remove.length === 0 ? {} : { [`${direction}_headers_to_remove`]: change.remove }),
  };
}

function addition({ name, value }: HeaderChange['set'][number], action: string): ProtoMessage {
  return {
    header: { key: name, value: value.replaceAll('%', '%%') },
    append_action: action,
    keep_empty_value: true,
  };
}

/** Joins two changes that follow each other into one. */
function follow(first: HeaderChange, second: HeaderChange): HeaderChange {
  const overridden = new Set([...second.set.map(({ name }) => name), ...second.remove]);
  const kept = ({ name }: { readonly name: string }): boolean => !overridden.has(name);
  return {
    set: [...first.set.filter(kept), ...second.set],
    add: [...first.add.filter(kept), ...second.add],
    remove: [...new Set([...first.remove, ...second.remove])],
  };
}
