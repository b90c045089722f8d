// Tells what differs between two JSON values, field by field. Lists whose items have names are compared by name, others
// by place. Pure.

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
  const named = a.isList && b.isList && isNamed(before) && isNamed(after);
  const left = named ? byName(before) : a.fields;
  const right = named ? byName(after) : b.fields;
  for (const key of new Set([...left.keys(), ...right.keys()])) {
    const place = a.isList ? `${path}[${named ? `name=${key}` : key}]` : joined(path, key);
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

function isNamed(value: unknown): value is readonly { readonly name: string }[] {
  if (!Array.isArray(value) || value.length === 0) return false;
  const names = value.map((item: unknown) =>
    typeof item === 'object' && item !== null && 'name' in item && typeof item.name === 'string'
      ? item.name
      : undefined,
  );
  return !names.includes(undefined) && new Set(names).size === names.length;
}

function byName(items: readonly { readonly name: string }[]): Map<string, unknown> {
  return new Map(items.map((item) => [item.name, item]));
}

function joined(path: string, key: string): string {
  const step = /^[\w-]+$/.test(key) ? key : JSON.stringify(key);
  if (path === '') return step;
  return step === key ? `${path}.${key}` : `${path}[${step}]`;
}
