// Holds what the agent knows of its cluster now: the live objects by key (`kind/namespace/name`), and which kinds have
// been listed whole.
import { type WatchedKind, kinds } from '#libs/gateway/kinds.ts';
import type { LiveObject } from './live-object.ts';

/** Holds the live objects of one cluster. */
export class LiveObjects {
  readonly #objects = new Map<string, LiveObject>();
  readonly #listed = new Set<WatchedKind>();

  get size(): number {
    return this.#objects.size;
  }

  get(key: string): LiveObject | undefined {
    return this.#objects.get(key);
  }

  has(key: string): boolean {
    return this.#objects.has(key);
  }

  set(key: string, live: LiveObject): void {
    this.#objects.set(key, live);
  }

  /** Removes an object; says whether there was one. */
  delete(key: string): boolean {
    return this.#objects.delete(key);
  }

  entries(): Iterable<readonly [key: string, live: LiveObject]> {
    return this.#objects.entries();
  }

  /** Notes that every object of the kind is known. */
  markListed(kind: WatchedKind): void {
    this.#listed.add(kind);
  }

  isListed(kind: WatchedKind): boolean {
    return this.#listed.has(kind);
  }

  /** Gives the kinds of which not every object is known yet, in the order of their table. */
  unlistedKinds(): readonly WatchedKind[] {
    return kinds.map(({ kind }) => kind).filter((kind) => !this.#listed.has(kind));
  }
}
