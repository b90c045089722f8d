// Nets the changes of a keyed set within one batch: it keeps the first value before and the last value after.
import { sameValue } from './same-value.ts';

export class Changes<V> {
  readonly #firsts = new Map<string, V | undefined>();
  readonly #lasts = new Map<string, V | undefined>();

  note(key: string, before: V | undefined, after: V | undefined): void {
    if (!this.#firsts.has(key)) this.#firsts.set(key, before);
    this.#lasts.set(key, after);
  }

  /** Gives what differs in the end, ordered by key, and starts anew. */
  drain(): readonly (readonly [key: string, after: V | undefined])[] {
    const net = [...this.#lasts].filter(([key, after]) => !sameValue(this.#firsts.get(key), after));
    this.#firsts.clear();
    this.#lasts.clear();
    return net.toSorted(([a], [b]) => (a < b ? -1 : 1));
  }
}
