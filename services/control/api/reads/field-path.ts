// Names places in JSON values: `spec.rules[0].backendRefs[name=cart].weight`. Items of a list that each have a name of
// their own are known by it, others by their place. Pure.

/** Gives the items of a list by name; undefined where it is no list, is empty, or not each has a name of its own. */
export function itemsByName(value: unknown): ReadonlyMap<string, unknown> | undefined {
  if (!Array.isArray(value) || value.length === 0) return undefined;
  const named = value.flatMap((item: unknown): readonly (readonly [string, unknown])[] =>
    typeof item === 'object' && item !== null && 'name' in item && typeof item.name === 'string'
      ? [[item.name, item]]
      : [],
  );
  const items = new Map(named);
  return items.size === value.length ? items : undefined;
}

/** Writes the path of a field. */
export function fieldPath(path: string, key: string): string {
  if (!/^[\w-]+$/.test(key)) return path === '' ? JSON.stringify(key) : `${path}[${JSON.stringify(key)}]`;
  return path === '' ? key : `${path}.${key}`;
}

/** Writes the path of an item, by its name where `isNamed`, else by its place. */
export function itemPath(path: string, key: string | number, isNamed: boolean): string {
  return `${path}[${isNamed ? `name=${key}` : key}]`;
}
