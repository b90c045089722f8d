// Makes objects that no API server should let through, of every watched kind, for property tests: complete ones
// (testdata/hostile-templates.yaml) in which some places hold something else. They are seeded; what a run found is
// found again by its seed.
import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { parseAllDocuments } from 'yaml';
import { isRecord } from '#libs/gateway/fields/record.ts';
import { type WatchedKind, kindInfo, kindInfoOf, kinds } from '#libs/gateway/kinds.ts';
import { isManifest, type Manifest, metadataOf } from './change-events.ts';

/** Where a value is: field names and indices. */
export type Place = readonly (string | number)[];

const file = new URL('testdata/hostile-templates.yaml', import.meta.url);
const documents: readonly unknown[] = parseAllDocuments(readFileSync(file, 'utf8')).map((one): unknown => one.toJS());
const byKind = Map.groupBy(documents.filter(isManifest), rowOf);

/** Watched kinds without a document of their own; should be empty. */
export const missingTemplates: readonly WatchedKind[] = kinds
  .map(({ kind }) => kind)
  .filter((kind) => !byKind.has(kind));

/** Gives complete objects of a kind: well-formed, and of the team of namespace `evil`. */
export function templates(kind: WatchedKind): readonly Manifest[] {
  const metadata = { name: 'any', namespace: 'evil' };
  return byKind.get(kind) ?? [{ kind, metadata, spec: { parentRefs: [{ name: 'gate' }] } }];
}

/** Texts that break what does not expect them. */
export const hostileTexts: readonly string[] = [
  '',
  ' ',
  '\0',
  'a\0b',
  'a\r\nx-injected: 1',
  '\n',
  '"',
  "'; drop table events; --",
  '\\',
  '%',
  '%2f..%2f',
  '%REQ(:PATH)%',
  '%%',
  '%REQ(',
  '%FILTER_STATE(a)%',
  '${jndi:x}',
  'os.execute("id")',
  '/../..',
  '//',
  '/a?b#c',
  '*',
  '*.*',
  '*.evil.test.',
  'bücher.example',
  'xn--bcher-kva.example',
  '‮txt.test',
  '\ud800',
  '😀',
  'UPPER.Test',
  '-a',
  'a..b',
  '1.2.3.4',
  '[::1]',
  '0x7f.1',
  'localhost',
  'constructor://a.test',
  ':authority',
  'host',
  'connection',
  'content-length',
  'x-envoy-original-path',
  'x-fleetgate-scope',
  '(a+)+$',
  '(a|a)*b',
  '(?=a)',
  '((a{100}){100}){100}',
  '[',
  '.*.*.*.*.*.*.*.*=',
  '\\p{Nonsense}',
  'x'.repeat(300),
  'x'.repeat(70_000),
  '1e9s',
  '-1s',
  '99999999h',
  '0s',
  '10ms5',
  '0001-01-01T00:00:00Z',
  '9999999-01-01T00:00:00Z',
  '2026-13-45T99:99:99Z',
  '__proto__',
  'constructor',
  'toString',
  'true',
  'null',
  '18446744073709551616',
  'infra',
  'shared',
  'private',
];

const numbers = [-1, 0, 0.5, -0, 65_536, 2 ** 31, 2 ** 53, 1e21, 1e308, -1e308, 1_000_001];
const text = fc.oneof(fc.constantFrom(...hostileTexts), fc.string({ unit: 'binary', maxLength: 20 }));
const wrong: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 6, arbitrary: text },
  { weight: 3, arbitrary: fc.constantFrom<unknown>(...numbers) },
  { weight: 2, arbitrary: fc.constantFrom<unknown>(null, true, false, [], {}, [null], [[[]]], { name: {} }) },
  { weight: 1, arbitrary: fc.constantFrom(5, 200, 3000).map(deep) },
  { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 3 }) },
  // Own fields of these names, as JSON can hold them.
  { weight: 1, arbitrary: fc.constant('{"__proto__":{"name":"x"},"constructor":{"prototype":{}}}').map(parse) },
);

type Change = (root: unknown, place: Place) => unknown;

const change: fc.Arbitrary<Change> = fc.oneof(
  {
    weight: 8,
    arbitrary: wrong.map(
      (value): Change =>
        (root, place) =>
          replaced(root, place, value),
    ),
  },
  { weight: 2, arbitrary: fc.constant<Change>((root, place) => replaced(root, place, undefined)) },
  {
    weight: 1,
    // The same again, many times over.
    arbitrary: fc.constantFrom(2, 17, 70, 1500).map((count): Change => (root, place) => {
      const at = place.findLastIndex((step) => typeof step === 'number');
      const list = at === -1 ? place : place.slice(0, at);
      const item = at === -1 ? valueAt(root, place) : valueAt(root, place.slice(0, at + 1));
      return replaced(
        root,
        list,
        Array.from({ length: count }, () => item),
      );
    }),
  },
);

/**
 * Gives a hostile object of the kind. What identifies it is sound, as the parser of events guarantees; its metadata is
 * not otherwise.
 */
export function hostileObject(kind: WatchedKind): fc.Arbitrary<Manifest> {
  return fc.oneof(...templates(kind).map(hostileForm));
}

function hostileForm(whole: Manifest): fc.Arbitrary<Manifest> {
  const places = placesOf(whole).filter((place) => !isIdentity(place));
  const mutation = fc.tuple(fc.constantFrom(...places), change);
  const metadata = fc.record(
    {
      generation: fc.constantFrom<unknown>(-1, 2 ** 53, 0.5, 'x', {}),
      labels: fc.constantFrom<unknown>(null, 7, [], { team: 7 }, { team: 'evil', '': '' }, { ['x'.repeat(9000)]: 'y' }),
      annotations: fc.constantFrom<unknown>(null, 'x', { a: 7 }, { huge: 'x'.repeat(200_000) }),
      deletionTimestamp: fc.constantFrom<unknown>('x', 7, '2026-01-01T00:00:00Z'),
      creationTimestamp: fc.constantFrom('x', '0001-01-01T00:00:00Z', '9999999-01-01T00:00:00Z'),
    },
    { requiredKeys: [] },
  );
  return fc
    .tuple(
      fc.array(mutation, { minLength: 1, maxLength: 4 }),
      fc.option(metadata, { freq: 4 }),
      fc.constantFrom('', '-2'),
    )
    .map(([mutations, more, suffix]) => {
      let object: unknown = whole;
      for (const [place, apply] of mutations) object = apply(object, place);
      const fields = isRecord(object) ? object : {};
      const name = `${nameOf(whole)}${suffix}`;
      return { ...fields, kind: whole.kind, metadata: { ...metadataOf(whole), ...more, name } };
    });
}

/** A hostile object of any watched kind. */
export const anyHostileObject: fc.Arbitrary<Manifest> = fc.oneof(...kinds.map(({ kind }) => hostileObject(kind)));

/** Gives every place of a value below its root. */
export function placesOf(value: unknown, at: Place = []): readonly Place[] {
  const steps = Array.isArray(value) ? value.keys().toArray() : isRecord(value) ? Object.keys(value) : [];
  return steps.flatMap((step) => [[...at, step], ...placesOf(valueAt(value, [step]), [...at, step])]);
}

/** Says what is at a place; undefined where nothing is. */
export function valueAt(root: unknown, place: Place): unknown {
  let value = root;
  for (const step of place) {
    if (Array.isArray(value) && typeof step === 'number') value = value[step];
    else if (isRecord(value) && Object.hasOwn(value, String(step))) value = value[String(step)];
    else return undefined;
  }
  return value;
}

/** Gives a copy with another value at a place that is there; undefined takes it away. */
export function replaced(root: unknown, [step, ...rest]: Place, value: unknown): unknown {
  if (step === undefined) return value;
  if (Array.isArray(root))
    return root.flatMap((item: unknown, index): readonly unknown[] => {
      if (index !== step) return [item];
      const next = replaced(item, rest, value);
      return next === undefined ? [] : [next];
    });
  if (!isRecord(root)) return root;
  const entries = Object.entries(root).map(([key, item]): [string, unknown] =>
    key === step ? [key, replaced(item, rest, value)] : [key, item],
  );
  return Object.fromEntries(entries.filter(([, item]) => item !== undefined));
}

/** Names, which the parser of events holds to the rules of Kubernetes. */
function isIdentity([first, second]: Place): boolean {
  if (first === 'kind' || first === 'apiVersion') return true;
  return first === 'metadata' && (second === undefined || second === 'name' || second === 'namespace');
}

function deep(depth: number): unknown {
  return parse(`${'{"a":['.repeat(depth)}${']}'.repeat(depth)}`);
}

function parse(json: string): unknown {
  return JSON.parse(json);
}

function nameOf(manifest: Manifest): string {
  return String(metadataOf(manifest)['name']);
}

/** Gives the row of the table of kinds; several groups have kinds of the same name. */
function rowOf({ apiVersion, kind }: Manifest): WatchedKind | undefined {
  return typeof apiVersion === 'string' ? kindInfoOf({ apiVersion, kind })?.kind : kindInfo(kind)?.kind;
}
