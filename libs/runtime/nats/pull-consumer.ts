// Reads a stream in batches over pull requests that stay open, so that a message is pushed the moment it is stored: no
// polling, no timer on the way. While one batch is worked on, the next gathers. After a reconnect it goes on behind
// the last message that was handed over, on a consumer made anew; a lost stream or consumer is reported, not repaired:
// only the caller knows the position.
import { messageOf } from '#libs/runtime/errors.ts';
import type { Logger } from '#libs/runtime/log.ts';
import { backoff, pause } from '#libs/runtime/pause.ts';
import type { ReaderMemory } from './reader-memory.ts';

export interface StreamMessage {
  readonly seq: number;
  readonly subject: string;
  readonly data: Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
  /**
   * When the stream stored it, in nanoseconds since 1970: what tells it from another message that has its number in an
   * older copy of the stream.
   */
  readonly storedAt: string;
  /** It was handed over before, maybe in part of another batch. */
  readonly redelivered: boolean;
}

/** A place in a stream: behind the message of that number; null = when it was stored is not known. */
export interface StreamPlace {
  readonly seq: number;
  readonly storedAt: string | null;
}

/**
 * Says what is lost. 'stream': gone, made anew, or an older copy of it: its sequence numbers mean nothing now.
 * 'consumer': deleted, as another reader does when it takes over.
 */
export type LostReason = 'stream' | 'consumer';

export interface ConsumeOptions {
  /** The position of the caller: the first message is the one after. */
  readonly startAfterSeq: number;
  /** Stream identity (StreamState.created) that the position belongs to. */
  readonly created?: string;
  /** What is committed already; kept beside the stream. */
  readonly memory?: ReaderMemory;
  readonly batchMax: number;
  /**
   * All of the batch is acknowledged when it resolves. When it rejects, the same batch is offered again after a pause.
   */
  readonly onBatch: (messages: readonly StreamMessage[]) => Promise<void>;
  /**
   * Called once; no batch follows, but one may be in hand: await stop(). Then check the right to read, ensure the
   * stream, read the position, consume again.
   */
  readonly onLost: (reason: LostReason) => void;
}

/** Hears what a subscription to an inbox reports. */
export interface PullEvents {
  onMessage(pulled: { readonly message: StreamMessage; readonly reply: string }): void;
  /** `pending` = messages of the request that will not come. */
  onStatus(code: number, description: string, pending: number): void;
}

/** What the consumer needs of the connection. */
interface PullSource {
  /**
   * Makes the consumer anew behind a place; resolves to the stream's identity, throws StreamLostError when it is not
   * the expected, or when the stream holds another message there or none yet.
   */
  open(behind: StreamPlace, expected: string | undefined, memory: ReaderMemory): Promise<string>;
  subscribe(events: PullEvents): { readonly pull: (request: object) => void; readonly stop: () => void };
  ack(reply: string): void;
}

/** Says that the stream is gone, or is not the one that the position belongs to. */
export class StreamLostError extends Error {
  override readonly name = 'StreamLostError';
}

interface Pulled {
  readonly message: StreamMessage;
  readonly reply: string;
}

const expiresMs = 30_000;
const heartbeatMs = 5000;
const silenceMaxMs = 12_500;
const bufferedBytesMax = 32 * 1024 ** 2;
const nanosPerMs = 1_000_000;

/** Reads from the start on; `stop` waits for the batch in hand. */
export class PullConsumer {
  readonly #options: ConsumeOptions;
  readonly #log: Logger;
  readonly #source: PullSource;
  readonly #abort = new AbortController();
  readonly #watchdog: NodeJS.Timeout;
  readonly #done: Promise<void>;
  #buffer: Pulled[] = [];
  #bufferedBytes = 0;
  /** Messages asked for that have not come. */
  #outstanding = 0;
  #inbox: ReturnType<PullSource['subscribe']> | undefined;
  /** Raised at each start over, so that nothing of an earlier consumer is taken or acknowledged. */
  #generation = 0;
  #created: string | undefined;
  /** The last message handed over. */
  #taken: StreamPlace;
  #memory: ReaderMemory;
  #connected = true;
  #opening = false;
  #heardAt = performance.now();
  #wake: () => void = () => undefined;

  constructor(options: ConsumeOptions, log: Logger, source: PullSource) {
    this.#options = options;
    this.#log = log;
    this.#source = source;
    this.#created = options.created;
    this.#taken = { seq: options.startAfterSeq, storedAt: null };
    this.#memory = options.memory ?? { committedSeq: 0, skipped: 0 };
    this.#watchdog = setInterval(() => this.#checkSilence(), heartbeatMs);
    void this.#startOver();
    this.#done = this.#run();
  }

  /** The connection came or went. */
  connection(connected: boolean): void {
    this.#connected = connected;
    if (connected) void this.#startOver();
  }

  async stop(): Promise<void> {
    this.#end();
    await this.#done;
  }

  async #run(): Promise<void> {
    while (!this.#abort.signal.aborted) {
      const batch = this.#take();
      if (batch.length === 0) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        continue;
      }
      const generation = this.#generation;
      if (!(await this.#handOver(batch.map(({ message }) => message)))) return;
      const last = batch.at(-1);
      this.#remember(last?.message.seq ?? 0);
      if (last !== undefined && generation === this.#generation && this.#connected) this.#source.ack(last.reply);
    }
  }

  #remember(seq: number): void {
    this.#memory = { ...this.#memory, committedSeq: Math.max(this.#memory.committedSeq, seq) };
  }

  #take(): readonly Pulled[] {
    const batch = this.#buffer.splice(0, this.#options.batchMax);
    for (const { message } of batch) this.#bufferedBytes -= message.data.length;
    const last = batch.at(-1)?.message;
    if (last !== undefined) this.#taken = { seq: last.seq, storedAt: last.storedAt };
    if (batch.length > 0) this.#refill();
    return batch;
  }

  /** Hands a batch over until it is accepted; resolves to false when it was stopped before. */
  async #handOver(batch: readonly StreamMessage[]): Promise<boolean> {
    for (let attempt = 0; ; attempt++) {
      try {
        await this.#options.onBatch(
          attempt === 0 ? batch : batch.map((message) => ({ ...message, redelivered: true })),
        );
        return true;
      } catch (error) {
        if (this.#abort.signal.aborted) return false;
        this.#log.warn({ err: error, attempt, messages: batch.length }, 'a batch failed and is tried again');
      }
      await pause(backoff(attempt, { minMs: 50, maxMs: 5000 }), this.#abort.signal);
      if (this.#abort.signal.aborted) return false;
    }
  }

  /** Makes consumer and inbox anew behind the last message handed over. */
  async #startOver(): Promise<void> {
    if (this.#abort.signal.aborted) return;
    this.#generation += 1;
    this.#drop();
    if (this.#opening) return;
    this.#opening = true;
    for (let attempt = 0; ; attempt++) {
      const generation = this.#generation;
      const opened = await this.#open();
      if (this.#abort.signal.aborted) break;
      // Another disconnect meanwhile: what was opened may be gone.
      if (opened && generation === this.#generation) {
        this.#subscribe(generation);
        break;
      }
      if (!opened) await pause(backoff(attempt, { minMs: 50, maxMs: 2000 }), this.#abort.signal);
    }
    this.#opening = false;
  }

  async #open(): Promise<boolean> {
    try {
      this.#created = await this.#source.open(this.#taken, this.#created, this.#memory);
      return true;
    } catch (error) {
      if (error instanceof StreamLostError) this.#lose('stream', error.message);
      else if (this.#connected) this.#log.warn({ err: error }, 'the consumer cannot be made');
      return false;
    }
  }

  #subscribe(generation: number): void {
    this.#heardAt = performance.now();
    this.#inbox = this.#source.subscribe({
      onMessage: (pulled) => {
        if (generation === this.#generation) this.#received(pulled);
      },
      onStatus: (code, description, pending) => {
        if (generation === this.#generation) this.#status(code, description.toLowerCase(), pending);
      },
    });
    this.#refill();
  }

  #received(pulled: Pulled): void {
    this.#heardAt = performance.now();
    this.#outstanding = Math.max(0, this.#outstanding - 1);
    this.#buffer.push(pulled);
    this.#bufferedBytes += pulled.message.data.length;
    this.#refill();
    this.#wake();
  }

  #status(code: number, description: string, pending: number): void {
    this.#heardAt = performance.now();
    if (code === 100) return;
    if (code === 409 && description.includes('consumer deleted')) {
      this.#lose('consumer', description);
    } else if (code === 408 || description.includes('batch completed') || pending > 0) {
      // It expired, or it was filled: by count, or by bytes with messages left over.
      this.#outstanding = Math.max(0, this.#outstanding - pending);
      this.#refill();
    } else {
      // Leadership change, server shutdown, no responders: what was asked for will not come.
      this.#log.warn({ code, description }, 'a pull request ended');
      const generation = this.#generation;
      void pause(100, this.#abort.signal).then(() => {
        if (generation === this.#generation && this.#connected) return this.#startOver();
        return undefined;
      });
    }
  }

  /** Keeps two to three batches asked for or waiting here. */
  #refill(): void {
    const room = this.#options.batchMax * 3 - this.#buffer.length - this.#outstanding;
    if (this.#inbox === undefined || room < this.#options.batchMax || this.#bufferedBytes > bufferedBytesMax) return;
    this.#outstanding += room;
    this.#inbox.pull({
      batch: room,
      max_bytes: bufferedBytesMax,
      expires: expiresMs * nanosPerMs,
      idle_heartbeat: heartbeatMs * nanosPerMs,
    });
  }

  #checkSilence(): void {
    if (!this.#connected || this.#opening || this.#outstanding === 0) return;
    if (performance.now() - this.#heardAt < silenceMaxMs) return;
    this.#log.warn('no heartbeat from the stream, reading is started over');
    void this.#startOver();
  }

  #lose(reason: LostReason, detail: string): void {
    if (this.#abort.signal.aborted) return;
    this.#log.warn({ reason, detail: messageOf(detail) }, 'the stream can no longer be read from here');
    this.#end();
    this.#options.onLost(reason);
  }

  #end(): void {
    this.#abort.abort();
    clearInterval(this.#watchdog);
    this.#generation += 1;
    this.#drop();
    this.#wake();
  }

  #drop(): void {
    this.#inbox?.stop();
    this.#inbox = undefined;
    this.#buffer = [];
    this.#bufferedBytes = 0;
    this.#outstanding = 0;
  }
}
