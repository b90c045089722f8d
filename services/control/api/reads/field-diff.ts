// Tells what differs between two JSON values, field by field. Lists whose items have names are compared by name, others
// by place. Pure.
import { fieldPath, itemPath, itemsByName } from './field-path.ts';

interface FieldChange {
  readonly path: string;
  /** Absent = there was none. */
  readonly before?: unknown;
  /** Absent = there is none. */
  readonly after?: unknown;
}

const depthMax = 64;

/** Lists the changes in the order of the fields, at most `max` of them. */
export function diffFields(before: unknown, after: unknown, max = 200): { changes: FieldChange[]; truncated: boolean } {
  const changes: FieldChange[] = [];
  collect('', before, after, changes, max + 1, 0);
  return { changes: changes.slice(0, max), truncated: changes.length > max };
}

function collect(path: string, before: unknown, after: unknown, into: FieldChange[], max: number, depth: number): void {
  if (into.length >= max || before === after) return;
  const [a, b] = [fieldsOf(before), fieldsOf(after)];
  if (a === undefined || b === undefined || a.isList !== b.isList || depth > depthMax) {
    if (JSON.stringify(before) !== JSON.stringify(after)) into.push(toChange(path, before, after));
    return;
  }
  const [namedBefore, namedAfter] = [itemsByName(before), itemsByName(after)];
  const isNamed = namedBefore !== undefined && namedAfter !== undefined;
  const left = isNamed ? namedBefore : a.fields;
  const right = isNamed ? namedAfter : b.fields;
  for (const key of new Set([...left.keys(), ...right.keys()])) {
    const place = a.isList ? itemPath(path, key, isNamed) : fieldPath(path, key);
    if (left.has(key) && right.has(key)) collect(place, left.get(key), right.get(key), into, max, depth + 1);
    else if (into.length < max) into.push(toChange(place, left.get(key), right.get(key)));
  }
}

function toChange(path: string, before: unknown, after: unknown): FieldChange {
  return { path, ...(before === undefined ? {} : { before }), ...(after === undefined ? {} : { after }) };
}

function fieldsOf(value: unknown): { readonly isList: boolean; readonly fields: Map<string, unknown> } | undefined {
  if (value === null || typeof value !== 'object') return undefined;
  return { isList: Array.isArray(value), fields: new Map(Object.entries(value)) };
}
