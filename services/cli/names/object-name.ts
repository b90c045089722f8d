// Reads the object that a person typed: `cluster/Kind/namespace/name`, with the kind also first, in any case, or
// plural. Pure.
import { fail } from '#libs/runtime/errors.ts';
import { foreignPolicies, toForeignKind } from '#libs/gateway/foreign-kinds.ts';
import { type WatchedKind, kindInfo, kinds } from '#libs/gateway/kinds.ts';
import { nearNames } from '#libs/api/near-names.ts';

export interface ObjectName {
  /** Absent where it was not typed: the caller looks for the one cluster that has the object. */
  readonly cluster?: string;
  readonly kind: WatchedKind;
  /** '' for cluster-scoped kinds. */
  readonly namespace: string;
  readonly name: string;
}

type ObjectNameResult = { readonly name: ObjectName } | { readonly problem: string };

/** A plural that several groups have is the first one's; with its group it is unique, as for kubectl. */
const byWord: ReadonlyMap<string, WatchedKind> = new Map(
  [
    ...kinds.flatMap(({ kind, plural, group }) => [
      [plural, kind] as const,
      [kind.toLowerCase(), kind] as const,
      [`${plural}.${group}`, kind] as const,
    ]),
    ...[...foreignPolicies.values()].flat().flatMap(({ kind, plural, group }) => {
      const name = toForeignKind(kind, group);
      const words = [kind.toLowerCase(), plural, `${kind.toLowerCase()}.${group}`, `${plural}.${group}`];
      return name === undefined ? [] : words.map((word) => [word, name] as const);
    }),
  ].toReversed(),
);

/** A cluster may be called like a kind, so the canonical place of the kind comes first; a kind in full comes last. */
const places = [(word: string) => byWord.get(word.toLowerCase()), parseKind].flatMap((read) =>
  [1, 0].map((at) => ({ at, read })),
);

/**
 * Reads `eu/HTTPRoute/shop/shop`, `httproute/eu/shop/shop`, `httproutes/shop/shop`; without a namespace for
 * cluster-scoped kinds.
 */
export function parseObjectName(text: string): ObjectNameResult {
  const parts = text.split('/').filter((part) => part !== '');
  for (const { at, read } of places) {
    const kind = read(parts[at] ?? '');
    if (kind === undefined) continue;
    const rest = [...parts.slice(0, at), ...parts.slice(at + 1)];
    const name = place(kind, rest, at === 1);
    if (name !== undefined) return { name };
  }
  return { problem: problemOf(parts) };
}

/** Reads the object that an argument or option names. Throws FleetgateError 'config' with the form. */
export function readObjectName(what: string, text: string): ObjectName {
  const parsed = parseObjectName(text);
  if ('name' in parsed) return parsed.name;
  throw fail('config', `${what}: "${text}" is no object: ${parsed.problem}`, {
    hint: 'Objects are cluster/Kind/namespace/name, for example eu/HTTPRoute/shop/shop.',
  });
}

/**
 * Reads a kind in any case, or its plural, with the group or not; a policy's that is not known by name in full.
 * Undefined = none is watched.
 */
export function parseKind(text: string): WatchedKind | undefined {
  return byWord.get(text.toLowerCase()) ?? kindInfo(text)?.kind;
}

/** Writes the canonical text of an object's name; a cluster that is not known is `?`. */
export function objectNameText(name: ObjectName): string {
  return [name.cluster ?? '?', name.kind, name.namespace, name.name].filter((part) => part !== '').join('/');
}

function place(kind: WatchedKind, rest: readonly string[], clusterFirst: boolean): ObjectName | undefined {
  const scope = kindInfo(kind)?.scope;
  // A policy of another gateway is in a namespace, unless only the cluster and the name are left.
  const names = scope === 'Cluster' || (scope === 'Any' && clusterFirst && rest.length === 2) ? 1 : 2;
  if (rest.length !== names + 1 && (clusterFirst || rest.length !== names)) return undefined;
  const name = rest.at(-1) ?? '';
  const namespace = names === 2 ? (rest.at(-2) ?? '') : '';
  const cluster = rest.length > names ? rest[0] : undefined;
  return cluster === undefined ? { kind, namespace, name } : { cluster, kind, namespace, name };
}

function problemOf(parts: readonly string[]): string {
  const known = parts.slice(0, 2).some((part) => byWord.has(part.toLowerCase()));
  if (known) return 'the number of parts does not fit the kind';
  const near = parts.slice(0, 2).flatMap((part) => nearNames(part, [...byWord.keys()]));
  const [first] = near;
  const kind = first === undefined ? undefined : byWord.get(first);
  return `it names no watched kind${kind === undefined ? '' : ` (did you mean ${kind}?)`}`;
}
