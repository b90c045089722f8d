// Holds a bucket of requests per caller that fills with time. Their number is bounded: when there are too many callers,
// the full buckets go first.

const callersMax = 10_000;

export class RateLimit {
  readonly #perSecond: number;
  readonly #burst: number;
  readonly #buckets = new Map<string, { level: number; at: number }>();

  constructor(perSecond: number, burst: number) {
    this.#perSecond = perSecond;
    this.#burst = burst;
  }

  /** Takes one request; answers 0 when it may go on, else the seconds to wait. `now` is in ms. */
  take(caller: string, now: number): number {
    const bucket = this.#at(caller, now);
    if (bucket.level < 1) return Math.ceil((1 - bucket.level) / this.#perSecond);
    bucket.level -= 1;
    return 0;
  }

  #at(caller: string, now: number): { level: number; at: number } {
    const bucket = this.#buckets.get(caller) ?? { level: this.#burst, at: now };
    bucket.level = Math.min(this.#burst, bucket.level + ((now - bucket.at) / 1000) * this.#perSecond);
    bucket.at = now;
    if (!this.#buckets.has(caller)) {
      if (this.#buckets.size >= callersMax) this.#forget(now);
      this.#buckets.set(caller, bucket);
    }
    return bucket;
  }

  #forget(now: number): void {
    const fillMs = (this.#burst / this.#perSecond) * 1000;
    for (const [caller, { at }] of this.#buckets) if (now - at > fillMs) this.#buckets.delete(caller);
    if (this.#buckets.size >= callersMax) this.#buckets.clear();
  }
}
