// Joins questions that come at once into few reads: while one read is under way, further keys wait for the next. So a
// flood of questions costs one statement at a time, and no question waits longer than for two of them.

/** Bounds one read; what is more waits for the next. */
const keysMax = 1000;

interface Waiting<T> {
  readonly key: string;
  readonly answer: PromiseWithResolvers<T | undefined>;
}

export class BatchedReads<T> {
  readonly #read: (keys: readonly string[]) => Promise<ReadonlyMap<string, T>>;
  /** As many as there are open requests, which the server bounds. */
  #waiting: Waiting<T>[] = [];
  #reading = false;

  constructor(read: (keys: readonly string[]) => Promise<ReadonlyMap<string, T>>) {
    this.#read = read;
  }

  /** Asks for one key in a read that begins after this call; undefined = the read did not find it. */
  find(key: string): Promise<T | undefined> {
    const answer = Promise.withResolvers<T | undefined>();
    this.#waiting.push({ key, answer });
    if (!this.#reading) void this.#readAll();
    return answer.promise;
  }

  async #readAll(): Promise<void> {
    this.#reading = true;
    // What comes in the same turn goes with the first read.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.slice(0, keysMax);
      this.#waiting = this.#waiting.slice(keysMax);
      try {
        const found = await this.#read([...new Set(batch.map(({ key }) => key))]);
        for (const { key, answer } of batch) answer.resolve(found.get(key));
      } catch (error) {
        for (const { answer } of batch) answer.reject(error);
      }
    }
    this.#reading = false;
  }
}
