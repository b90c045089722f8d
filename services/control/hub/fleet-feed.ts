// Turns commits in Postgres into changes in memory. A notification is answered by one read; reads do not overlap, and
// what is notified meanwhile is one further read. A lost notification costs at most the safety poll.
import type pg from 'pg';
import { backoff, pause } from '#libs/runtime/pause.ts';
import type { Logger } from '#libs/runtime/log.ts';
import { readChanged, readerSettings } from './fleet-rows.ts';
import type { FleetChange, FleetMirror } from './fleet-mirror.ts';

export interface CommitNews {
  readonly commit: bigint;
  /** Gateways whose rows the commits changed. */
  readonly gateways: readonly string[];
}

interface FeedListener {
  /** `noticedAt` = when the commit was heard of, on the clock of performance.now(). */
  change(change: FleetChange, noticedAt: number): void;
  commits(news: CommitNews): void;
}

const pollEveryMs = 5000;
const freshMs = 20_000;
const readTimeoutMs = 15_000;

export class FleetFeed {
  readonly #pool: pg.Pool;
  readonly #mirror: FleetMirror;
  readonly #listener: FeedListener;
  readonly #log: Logger;
  readonly #signal: AbortSignal;
  #client: pg.PoolClient | null = null;
  #seen = 0n;
  #loaded = false;
  #noticedAt: number | null = null;
  #wake = Promise.withResolvers<void>();
  #readAt = Number.NEGATIVE_INFINITY;

  constructor(pool: pg.Pool, mirror: FleetMirror, listener: FeedListener, log: Logger, signal: AbortSignal) {
    this.#pool = pool;
    this.#mirror = mirror;
    this.#listener = listener;
    this.#log = log;
    this.#signal = signal;
  }

  /** Tells whether memory was compared with Postgres recently. */
  get fresh(): boolean {
    return performance.now() - this.#readAt < freshMs;
  }

  /** Takes note that a commit was notified, or may have been missed. */
  notice(): void {
    this.#noticedAt ??= performance.now();
    this.#wake.resolve();
  }

  /** Reads everything once, then runs until the signal. Resolves after the first read; `done` when it has ended. */
  async start(): Promise<{ readonly done: Promise<void> }> {
    const first = Promise.withResolvers<void>();
    const done = this.#run(first.resolve).finally(() => this.#disconnect());
    await Promise.race([first.promise, done]);
    return { done };
  }

  async #run(onFirst: () => void): Promise<void> {
    for (let failures = 0; !this.#signal.aborted;) {
      const noticedAt = this.#noticedAt ?? performance.now();
      this.#noticedAt = null;
      this.#wake = Promise.withResolvers();
      try {
        await this.#readInTime(noticedAt);
        failures = 0;
        onFirst();
      } catch (error) {
        this.#log.warn({ err: error }, 'the fleet could not be read from Postgres');
        this.#disconnect();
        this.#noticedAt ??= noticedAt;
        await pause(backoff(failures++, { minMs: 50, maxMs: 2000 }), this.#signal);
        continue;
      }
      await this.#next();
    }
  }

  async #next(): Promise<void> {
    const idle = new AbortController();
    await Promise.race([this.#wake.promise, pause(pollEveryMs, AbortSignal.any([this.#signal, idle.signal]))]);
    idle.abort();
  }

  /** Bounds the time of a read: a peer that vanished without a word gives no answer and no error. */
  async #readInTime(noticedAt: number): Promise<void> {
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => late.reject(new Error('no answer in time')), readTimeoutMs);
    try {
      await Promise.race([this.#read(noticedAt), late.promise]);
    } finally {
      clearTimeout(timer);
    }
  }

  async #read(noticedAt: number): Promise<void> {
    this.#client ??= await this.#connect();
    const mode = this.#loaded ? 'changed' : 'all';
    const rows = await readChanged(this.#client, this.#seen, mode === 'all' ? 'heads' : 'changes');
    if (rows.commit < this.#seen) {
      this.#log.warn({ seen: this.#seen, commit: rows.commit }, 'the history was made anew; reading all of it');
      this.#seen = 0n;
      this.#loaded = false;
      return this.#read(noticedAt);
    }
    await this.#mirror.take(rows, mode, (change) => this.#listener.change(change, noticedAt));
    this.#seen = rows.commit;
    this.#loaded = true;
    this.#readAt = performance.now();
    if (rows.heads.length > 0 && mode === 'changed') {
      this.#listener.commits({ commit: rows.commit, gateways: rows.heads.map(({ gateway }) => gateway) });
    }
  }

  async #connect(): Promise<pg.PoolClient> {
    const client = await this.#pool.connect();
    client.on('error', () => {
      if (this.#client === client) this.#disconnect();
    });
    try {
      await client.query(readerSettings);
    } catch (error) {
      client.release(true);
      throw error;
    }
    return client;
  }

  /** Ends the connection; it never goes back to the pool, because it has settings of its own. */
  #disconnect(): void {
    this.#client?.release(true);
    this.#client = null;
  }
}
