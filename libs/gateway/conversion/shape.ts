// Checks the shapes of what older APIs hold, because conversions would otherwise read past a field of the wrong type.
// Such a field is named, and nothing is made of the object. So are values that v1 would refuse at a place of another
// name; of the others v1's readers tell.
import { Cursor, type TextRule } from '#libs/gateway/fields/cursor.ts';
import { wildcardHostname } from '#libs/gateway/fields/names.ts';
import { isRecord } from '#libs/gateway/fields/record.ts';
import type { Problem } from '#libs/gateway/problem.ts';

/** `fields`: an object, of which other fields are not read. `map`: one with any fields. */
export type Shape =
  | 'text'
  | 'hostname'
  | { readonly text: TextRule }
  | { readonly integer: readonly [min: number, max: number] }
  | { readonly oneOf: readonly string[] }
  | { readonly list: Shape }
  | { readonly map: Shape }
  | { readonly fields: Readonly<Record<string, Shape>> };

/** Lists and maps beyond it are not for a conversion to walk. */
const itemsMax = 4096;

/** Says what of a value is not of its shape. */
export function shapeProblems(value: unknown, path: string, shape: Shape): readonly Problem[] {
  const problems: Problem[] = [];
  check(new Cursor(value, path, problems), value, shape);
  return problems;
}

/** Gives the paths of the fields of a value that its shape does not have: nothing reads them. */
export function unreadFields(value: unknown, path: string, shape: Shape): readonly string[] {
  if (typeof shape === 'string' || 'text' in shape || 'integer' in shape || 'oneOf' in shape || 'map' in shape)
    return [];
  if ('list' in shape) {
    if (!Array.isArray(value)) return [];
    return value.slice(0, itemsMax).flatMap((item, index) => unreadFields(item, `${path}[${index}]`, shape.list));
  }
  if (!isRecord(value)) return [];
  return Object.entries(value).flatMap(([name, inner]) => {
    const of = Object.hasOwn(shape.fields, name) ? shape.fields[name] : undefined;
    return of === undefined ? [`${path}.${name}`] : unreadFields(inner, `${path}.${name}`, of);
  });
}

function check(at: Cursor, value: unknown, shape: Shape): void {
  if (!at.present) return;
  if (shape === 'text') at.text({ max: Infinity });
  else if (shape === 'hostname') checkHostname(at, value);
  else if ('text' in shape) at.text(shape.text);
  else if ('integer' in shape) at.integer(...shape.integer);
  else if ('oneOf' in shape) at.oneOf(shape.oneOf);
  else if ('list' in shape) checkList(at, value, shape.list);
  else if (at.object() === undefined || !isRecord(value)) return;
  else if ('map' in shape) checkMap(at, value, shape.map);
  else
    for (const [name, inner] of Object.entries(shape.fields))
      if (Object.hasOwn(value, name)) check(at.field(name), value[name], inner);
}

/** '' and '*' were any host. */
function checkHostname(at: Cursor, value: unknown): void {
  if (value !== '' && value !== '*') at.text(wildcardHostname);
}

function checkList(at: Cursor, value: unknown, shape: Shape): void {
  const items = Array.isArray(value) ? value : [];
  for (const [index, item] of at.items(itemsMax).entries()) {
    if (item.present) check(item, items[index], shape);
    else item.problem('is null');
  }
}

function checkMap(at: Cursor, value: Readonly<Record<string, unknown>>, shape: Shape): void {
  const names = Object.keys(value);
  if (names.length > itemsMax) at.problem(`has ${names.length} fields; at most ${itemsMax} are allowed`);
  else
    for (const name of names) {
      if (at.field(name).present) check(at.field(name), value[name], shape);
      else at.field(name).problem('is null');
    }
}
