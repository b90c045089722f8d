// The fleet holds what is known now: every object of every cluster, folded from change events. `evolve` is the one way
// in.
import { compareResourceVersions } from './resource-version.ts';
import type { InventoryPage } from '#libs/events/agent-exchange.ts';
import type { ChangeEvent } from '#libs/events/change-event.ts';
import { createdAt, generation } from '#libs/gateway/fields/metadata.ts';
import type { KubeObject } from '#libs/gateway/object.ts';
import type { Problem } from '#libs/gateway/problem.ts';
import { toLocalKey, toPlaceKey } from '#libs/gateway/object-key.ts';

/** One object as the newest event about it said. */
export interface KnownObject {
  readonly cluster: string;
  readonly kind: string;
  /** '' for cluster-scoped kinds. */
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  /** ChangeEvent.hash. */
  readonly hash: string;
  readonly object: KubeObject;
  /** What is wrong with what it was converted from; objects as they are have none. */
  readonly problems?: readonly Problem[];
}

/** What an event changed; `after` is undefined when the object is gone. */
export interface FleetChange {
  readonly cluster: string;
  readonly kind: string;
  /** `cluster/namespace/name`. */
  readonly key: string;
  readonly after: KnownObject | undefined;
}

/** The objects of the fleet, by cluster and `kind/namespace/name`. */
export class Fleet {
  readonly #clusters = new Map<string, ClusterObjects>();

  get(cluster: string, kind: string, namespace: string, name: string): KnownObject | undefined {
    return this.#clusters.get(cluster)?.byKey.get(toLocalKey({ kind, namespace, name }));
  }

  put(known: KnownObject): void {
    let objects = this.#clusters.get(known.cluster);
    if (objects === undefined) this.#clusters.set(known.cluster, (objects = { byKey: new Map(), sorted: undefined }));
    const key = toLocalKey(known);
    if (!objects.byKey.has(key)) objects.sorted = undefined;
    objects.byKey.set(key, known);
  }

  remove(cluster: string, kind: string, namespace: string, name: string): void {
    const objects = this.#clusters.get(cluster);
    if (objects?.byKey.delete(toLocalKey({ kind, namespace, name })) === true) objects.sorted = undefined;
  }

  /** Gives every object of a cluster, ordered by key. */
  objectsOf(cluster: string): readonly KnownObject[] {
    const objects = [...(this.#clusters.get(cluster)?.byKey ?? [])];
    return objects.toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, known]) => known);
  }

  /** Gives a page of what is known of a cluster, ordered by key, after a key. */
  inventory(cluster: string, after: string | undefined, limit: number): InventoryPage {
    const objects = this.#clusters.get(cluster);
    if (objects === undefined) return { items: [] };
    objects.sorted ??= [...objects.byKey.keys()].toSorted();
    const start = after === undefined ? 0 : firstAfter(objects.sorted, after);
    const keys = objects.sorted.slice(start, start + limit);
    const items = keys.flatMap((key) => {
      const known = objects.byKey.get(key);
      return known === undefined ? [] : [toInventoryItem(key, known)];
    });
    const next = keys.at(-1);
    return start + limit < objects.sorted.length && next !== undefined ? { items, next } : { items };
  }
}

interface ClusterObjects {
  readonly byKey: Map<string, KnownObject>;
  sorted: readonly string[] | undefined;
}

/**
 * Tells whether an event says nothing new: the same content, an older state of the object, or the end of one that is
 * not there. What a relist found holds whatever its resourceVersion: that is how an etcd restored from a backup is
 * followed.
 */
export function isStale(fleet: Fleet, event: ChangeEvent): boolean {
  const known = fleet.get(event.cluster, event.kind, event.namespace, event.name);
  if (event.type === 'deleted') return known?.uid !== event.uid;
  if (known?.uid !== event.uid) return false;
  if (known.hash === event.hash) return true;
  const order = compareResourceVersions(event.resourceVersion, known.resourceVersion);
  return event.via === 'watch' && order !== undefined && order <= 0;
}

/** Folds one event; undefined = it changed nothing. */
export function evolve(fleet: Fleet, event: ChangeEvent): FleetChange | undefined {
  if (isStale(fleet, event)) return undefined;
  const { cluster, kind, namespace, name } = event;
  const key = toPlaceKey(event);
  if (event.type === 'deleted' || event.object === null) {
    fleet.remove(cluster, kind, namespace, name);
    return { cluster, kind, key, after: undefined };
  }
  const { uid, resourceVersion, hash, object } = event;
  const after: KnownObject = { cluster, kind, namespace, name, uid, resourceVersion, hash, object };
  fleet.put(after);
  return { cluster, kind, key, after };
}

/** Gives the first index whose key comes after `after`, in a sorted list. */
export function firstAfter(sorted: readonly string[], after: string): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] ?? '') <= after) low = middle + 1;
    else high = middle;
  }
  return low;
}

function toInventoryItem(key: string, known: KnownObject): InventoryPage['items'][number] {
  const { uid, hash, resourceVersion, object } = known;
  return { key, uid, hash, resourceVersion, generation: generation(object), creationTimestamp: createdAt(object) };
}
