// Keeps which wishes there are, so that those who act on them are told what is new, and what is not wanted any more.
import type { DesiredStatus } from '#libs/events/agent-exchange.ts';
import { toLocalKey } from '#libs/gateway/object-key.ts';

/** Acts on wishes. Keys are those of the objects: `kind/namespace/name`. */
export interface WishTaker {
  want(key: string, desired: DesiredStatus): void;
  /** Nothing is wanted of the object any more. */
  unwant(key: string): void;
  /** Every wish that there is has been told. */
  complete?(): void;
}

/** Tells takers what is wished, as it comes and all at once. */
export class WishBook {
  readonly #takers: readonly WishTaker[];
  readonly #wished = new Set<string>();
  /** Objects of which wishes came while all of them are being asked for; null = nobody asks. */
  #cameMeanwhile: Set<string> | null = null;

  constructor(takers: readonly WishTaker[]) {
    this.#takers = takers;
  }

  wish(desired: DesiredStatus): void {
    const key = toLocalKey(desired);
    this.#cameMeanwhile?.add(key);
    this.#tell(key, desired);
  }

  /** Is to be called before all wishes are asked for; then `replace` with the answer. */
  beginReplace(): void {
    this.#cameMeanwhile = new Set();
  }

  /** Takes these for all wishes that there are, but for those that came since `beginReplace`. */
  replace(all: readonly DesiredStatus[]): void {
    const newer = this.#cameMeanwhile ?? new Set();
    this.#cameMeanwhile = null;
    const present = new Set<string>();
    for (const desired of all) {
      const key = toLocalKey(desired);
      present.add(key);
      if (!newer.has(key)) this.#tell(key, desired);
    }
    for (const key of this.#wished) {
      if (present.has(key) || newer.has(key)) continue;
      this.#wished.delete(key);
      for (const taker of this.#takers) taker.unwant(key);
    }
    for (const taker of this.#takers) taker.complete?.();
  }

  #tell(key: string, desired: DesiredStatus): void {
    this.#wished.add(key);
    for (const taker of this.#takers) taker.want(key, desired);
  }
}
