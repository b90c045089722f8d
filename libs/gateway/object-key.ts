// Writes and reads the keys of objects, by which maps, stages, messages and tables name them:
//
//                    of one cluster         of the fleet
//   of a known kind  namespace/name         cluster/namespace/name       namespaced key, place key (a gateway's name)
//   of any kind      kind/namespace/name    cluster/kind/namespace/name  local key, object key
//
// The namespace of a cluster-scoped object is ''. No part but the name may hold a slash. Reading is total: what is
// missing of a text that is no key comes out as '', so that a text from outside never throws.

/** An object of one kind in one cluster. */
interface NamespacedName {
  readonly namespace: string;
  readonly name: string;
}

/** An object of one kind in the fleet. */
export interface PlaceName extends NamespacedName {
  readonly cluster: string;
}

/** An object of one cluster. */
export interface LocalName extends NamespacedName {
  readonly kind: string;
}

/** An object of the fleet. */
export interface ObjectName extends PlaceName {
  readonly kind: string;
}

/** Writes `namespace/name`. */
export function toNamespacedKey({ namespace, name }: NamespacedName): string {
  return `${namespace}/${name}`;
}

/** Reads `namespace/name`. */
export function parseNamespacedKey(key: string): NamespacedName {
  const [namespace, name] = cut(key);
  return { namespace, name };
}

/** Writes `cluster/namespace/name`. */
export function toPlaceKey({ cluster, namespace, name }: PlaceName): string {
  return `${cluster}/${namespace}/${name}`;
}

/** Reads `cluster/namespace/name`. */
export function parsePlaceKey(key: string): PlaceName {
  const [cluster, rest] = cut(key);
  return { cluster, ...parseNamespacedKey(rest) };
}

/** Writes `kind/namespace/name`. */
export function toLocalKey({ kind, namespace, name }: LocalName): string {
  return `${kind}/${namespace}/${name}`;
}

/** Reads `kind/namespace/name`. */
export function parseLocalKey(key: string): LocalName {
  const [kind, rest] = cut(key);
  return { kind, ...parseNamespacedKey(rest) };
}

/** Writes `cluster/kind/namespace/name`. */
export function toObjectKey({ cluster, kind, namespace, name }: ObjectName): string {
  return `${cluster}/${kind}/${namespace}/${name}`;
}

/** Reads `cluster/kind/namespace/name`. */
export function parseObjectKey(key: string): ObjectName {
  const [cluster, rest] = cut(key);
  return { cluster, ...parseLocalKey(rest) };
}

/** Gives the cluster of a place key or an object key, without reading the rest. */
export function clusterOf(key: string): string {
  return cut(key)[0];
}

/** Gives the text before the first slash and the text after it. */
function cut(text: string): readonly [before: string, after: string] {
  const at = text.indexOf('/');
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}
