// Passes on that something may have been missed, in either direction, to those who then compare or ask again.

/** Carries doubts from those who have them to those who settle them. */
export class Doubts {
  readonly #listeners = new Set<(reason: string) => void>();

  /** The reason is for the log. */
  raise(reason: string): void {
    for (const listener of this.#listeners) listener(reason);
  }

  onRaised(listener: (reason: string) => void): void {
    this.#listeners.add(listener);
  }
}
