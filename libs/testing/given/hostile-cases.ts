// Lists each kind of hostility by its name, at every place of the complete objects where it can be, as
// hostile-objects.ts finds it by chance. `named` cases must come out in a status with the name of the field.
import { isRecord } from '#libs/gateway/fields/record.ts';
import { kinds, type WatchedKind } from '#libs/gateway/kinds.ts';
import { type Manifest, metadataOf } from './change-events.ts';
import { type Place, placesOf, replaced, templates, valueAt } from './hostile-objects.ts';

export const hostilities = [
  'wrong types',
  'missing fields',
  'huge lists',
  'cyclic references',
  'regexes that explode',
  'header and path injection',
  'unicode hostnames',
  'duplicate names',
  'extreme weights',
  'negative ports',
] as const;

type Hostility = (typeof hostilities)[number];

interface HostileCase {
  readonly hostility: Hostility;
  readonly kind: WatchedKind;
  readonly object: Manifest;
  readonly place: Place;
  /** Whether this can be nothing but a mistake, wherever the field is read. */
  readonly named: boolean;
}

/** Characters of an annotation that no API server lets through: it takes 256 KiB in all of them. */
const hugeTextLength = 10 * 1024 * 1024;

const hugeListLength = 1500;
const ports = [-1, 0, 65_536, 2 ** 31, 0.5];
const weights = [-1, 1_000_001, 2 ** 31, 1e308, 0.5];
const injections = ['a\r\nx-injected: 1', 'a\0b', '/a\r\n\r\nGET /admin HTTP/1.1'];
const unicodeHosts = ['bücher.example', '‮txt.test', 'а.test', 'ｅvil.test', 'a\u200b.test', '\ud800.test', '*.ß.test'];
const regexes = ['(a+)+$', '(a|a)*b', '((a{100}){100}){100}', '(?=a)', '(a)\\1', '[', '(', '.*'.repeat(2000), '\\p{X}'];
const hostFields = new Set<unknown>(['hostname', 'host', 'hostnames', 'hosts', 'snis']);
const portFields = new Set<unknown>(['port', 'number']);

/** All of them but the wrong types and huge annotations of kinds without a spec. */
export const hostileCases: readonly HostileCase[] = kinds.flatMap(({ kind }) =>
  templates(kind).flatMap((whole) => [...casesOf(kind, whole), ...cyclesOf(kind, whole)]),
);

/** Gives an object with an annotation, a label and a text of its own that are huge. */
export function hugeTexts(whole: Manifest): readonly Manifest[] {
  const huge = 'x'.repeat(hugeTextLength);
  const text = placesOf(whole).find((place) => place[0] === 'spec' && typeof valueAt(whole, place) === 'string');
  return [
    { ...whole, metadata: { ...metadataOf(whole), annotations: { huge } } },
    { ...whole, metadata: { ...metadataOf(whole), labels: { team: huge } } },
    ...(text === undefined ? [] : [changed(whole, text, huge)]),
  ];
}

function casesOf(kind: WatchedKind, whole: Manifest): readonly HostileCase[] {
  return placesOf(whole).flatMap((place) => {
    if (place[0] === 'metadata' || place[0] === 'kind' || place[0] === 'apiVersion') return [];
    const value = valueAt(whole, place);
    const make = (hostility: Hostility, values: readonly unknown[], named: boolean): readonly HostileCase[] =>
      values.map((one) => ({ hostility, kind, object: changed(whole, place, one), place, named }));
    const field = typeof place.at(-1) === 'number' ? place.at(-2) : place.at(-1);
    const wrong = typeof value === 'string' ? 7 : typeof value === 'number' ? {} : 'wrong';
    const sibling = valueAt(whole, [...place.slice(0, -1), 'type']);
    return [
      ...make('wrong types', [wrong], true),
      ...make('missing fields', [undefined], false),
      ...(Array.isArray(value) ? ofList(value, make) : []),
      ...(typeof value === 'string' ? make('header and path injection', injections, goesOut(place, field)) : []),
      ...(typeof value === 'string' && hostFields.has(field) ? make('unicode hostnames', unicodeHosts, true) : []),
      ...(typeof value === 'string' && sibling === 'RegularExpression'
        ? make('regexes that explode', regexes, false)
        : []),
      ...(field === 'weight' ? make('extreme weights', weights, true) : []),
      ...(typeof value === 'number' && portFields.has(field) ? make('negative ports', ports, true) : []),
    ];
  });
}

/** What is only looked up, or compared with what comes in, injects nothing. */
function goesOut(place: Place, field: unknown): boolean {
  const isReference = place.includes('extensionRef') || place.includes('requestMirror') || isAuthService(place);
  return hostFields.has(field) || (place.includes('filters') && !isReference);
}

/** Tells whether a place is in the reference to an authorization service. */
function isAuthService(place: Place): boolean {
  return place[place.indexOf('externalAuth') + 1] === 'backendRef';
}

function ofList(
  list: readonly unknown[],
  make: (hostility: Hostility, values: readonly unknown[], named: boolean) => readonly HostileCase[],
): readonly HostileCase[] {
  const huge = Array.from({ length: hugeListLength }, (_, index) => list[index % list.length]);
  return [
    ...make('huge lists', [huge], false),
    ...make(
      'duplicate names',
      [
        [...list, ...list],
        [...list, ...list.toReversed()],
      ],
      false,
    ),
  ];
}

/**
 * Gives the object where it refers to others, referring to itself, to what belongs to it, and to what it belongs to.
 */
function cyclesOf(kind: WatchedKind, whole: Manifest): readonly HostileCase[] {
  const { name } = metadataOf(whole);
  const refs = placesOf(whole).filter((place) => {
    const value = valueAt(whole, place);
    return typeof value === 'object' && value !== null && 'name' in value && /[rR]ef/u.test(place.join('.'));
  });
  const group = 'gateway.networking.k8s.io';
  const self = { group, kind: whole.kind, namespace: 'evil', name };
  const others = [
    { group, kind: 'ListenerSet', namespace: 'evil', name: 'more' },
    { group, kind: 'Gateway', namespace: 'evil', name: 'gate' },
    { group, kind: 'HTTPRoute', namespace: 'evil', name: 'web' },
  ];
  return refs.flatMap((place) =>
    [self, ...others].map((ref) => {
      const object = changed(whole, place, { port: 80, ...ref });
      return { hostility: 'cyclic references', kind, object, place, named: false } as const;
    }),
  );
}

function changed(whole: Manifest, place: Place, value: unknown): Manifest {
  const object = replaced(whole, place, value);
  return { ...(isRecord(object) ? object : {}), kind: whole.kind, metadata: whole['metadata'] };
}
