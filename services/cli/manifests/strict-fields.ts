// Finds fields that an object's schema does not have, as the strict field validation of an API server does: such a
// field is a slip of the pen, and a cluster would take the object without it.
import { isMap, isScalar, isSeq, LineCounter, parseAllDocuments } from 'yaml';
import { nearNames } from '#libs/api/near-names.ts';
import { knownFields } from './known-fields.ts';

/** Names of fields with what is known of theirs; null = anything. */
type Fields = ReadonlyMap<string, Fields | null>;

/** Gives `line` and message of every unknown field in a file. What cannot be read is left out: others tell of it. */
export function unknownFields(text: string): readonly { readonly line: number; readonly message: string }[] {
  const lines = new LineCounter();
  const found: { line: number; message: string }[] = [];
  const documents = parseAllDocuments(text, { lineCounter: lines, merge: true });
  for (const { contents, errors } of Array.isArray(documents) ? documents : []) {
    if (contents === null || errors.length > 0) continue;
    for (const object of objectsOf(contents)) {
      const fields = fieldsOf(object);
      if (fields === undefined) continue;
      const what = `${scalar(object, 'kind')} ${nameOf(object)}`;
      for (const { offset, path, near } of unknownIn(object, fields, '')) {
        const hint = near.length === 0 ? '' : `; did you mean ${near.join(' or ')}?`;
        found.push({ line: lines.linePos(offset).line, message: `${what}: unknown field "${path}"${hint}` });
      }
    }
  }
  return found;
}

interface Unknown {
  /** In the text. */
  readonly offset: number;
  readonly path: string;
  readonly near: readonly string[];
}

function* unknownIn(node: unknown, fields: Fields, path: string): Generator<Unknown> {
  if (isSeq(node)) {
    for (const [index, item] of node.items.entries())
      if (isMap(item)) yield* unknownIn(item, fields, `${path}[${index}]`);
    return;
  }
  if (!isMap(node)) return;
  for (const { key, value } of node.items) {
    if (!isScalar(key) || typeof key.value !== 'string' || key.value === '<<') continue;
    const at = path === '' ? key.value : `${path}.${key.value}`;
    const inner = fields.get(key.value);
    if (inner === undefined)
      yield { offset: key.range?.[0] ?? 0, path: at, near: nearNames(key.value, [...fields.keys()]) };
    else if (inner !== null) yield* unknownIn(value, inner, at);
  }
}

function* objectsOf(node: unknown): Generator {
  const items = isMap(node) && scalar(node, 'kind').endsWith('List') ? node.get('items', true) : undefined;
  if (!isSeq(items)) yield node;
  else for (const item of items.items) if (isMap(item)) yield item;
}

function fieldsOf(node: unknown): Fields | undefined {
  return tables().get(`${scalar(node, 'apiVersion')} ${scalar(node, 'kind')}`);
}

function nameOf(node: unknown): string {
  const metadata = isMap(node) ? node.get('metadata', true) : undefined;
  const [name, namespace] = [scalar(metadata, 'name'), scalar(metadata, 'namespace')];
  return namespace === '' ? name : `${namespace}/${name}`;
}

function scalar(node: unknown, field: string): string {
  const value: unknown = isMap(node) ? node.get(field) : undefined;
  return typeof value === 'string' ? value : '';
}

let parsed: ReadonlyMap<string, Fields> | undefined;

/** Gives the tables by `version kind`. */
function tables(): ReadonlyMap<string, Fields> {
  parsed ??= parseTables(knownFields);
  return parsed;
}

function parseTables(text: string): ReadonlyMap<string, Fields> {
  const words = text
    .split(/\s+/)
    .filter((word) => word !== '')
    .values();
  const found = new Map<string, Fields>();
  for (let name: string[] = []; ;) {
    const { value: word, done } = words.next();
    if (done === true) return withMetadata(found);
    if (word === '{') {
      found.set(name.join(' '), parseFields(words));
      name = [];
    } else name.push(word);
  }
}

function parseFields(words: Iterator<string>): Fields {
  const fields = new Map<string, Fields | null>();
  for (let last = ''; ;) {
    const { value: word, done } = words.next();
    if (done === true || word === '}') return fields;
    if (word === '{') fields.set(last, parseFields(words));
    else fields.set((last = word), null);
  }
}

function withMetadata(tables: ReadonlyMap<string, Fields>): ReadonlyMap<string, Fields> {
  const metadata = tables.get('metadata') ?? null;
  return new Map([...tables].map(([name, fields]) => [name, new Map([...fields, ['metadata', metadata]])]));
}
