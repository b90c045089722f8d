// Limits how often something happens: so many a second in the long run, and more at once after a calm.

/** Holds tokens, of which each thing that happens takes one. */
export class TokenBucket {
  readonly #ratePerSecond: number;
  readonly #burst: number;
  #tokens: number;
  #refilledAt = performance.now();
  #refill: NodeJS.Timeout | undefined;

  constructor({ ratePerSecond, burst }: { readonly ratePerSecond: number; readonly burst: number }) {
    this.#ratePerSecond = ratePerSecond;
    this.#burst = burst;
    this.#tokens = burst;
  }

  /** Says whether it may happen now; then it counts as happened. If not, calls back once when it may. */
  take(whenRefilled: () => void): boolean {
    const now = performance.now();
    this.#tokens = Math.min(this.#burst, this.#tokens + ((now - this.#refilledAt) / 1000) * this.#ratePerSecond);
    this.#refilledAt = now;
    if (this.#tokens >= 1) {
      this.#tokens -= 1;
      return true;
    }
    this.#refill ??= setTimeout(
      () => {
        this.#refill = undefined;
        whenRefilled();
      },
      Math.max(1, ((1 - this.#tokens) / this.#ratePerSecond) * 1000),
    );
    return false;
  }

  /** Calls nobody back any more. */
  stop(): void {
    clearTimeout(this.#refill);
  }
}
