// Watches that the stream stores what is sent: after a full disk JetStream goes on to answer and to be read, and stores
// nothing, so that only a write shows it. What others stored of late is proof enough; else a message of its own is
// stored, as large as a block of a disk, and replaces the one before.
import { randomUUID } from 'node:crypto';
import { probeSubject, rollupHeader } from '#libs/events/subjects.ts';
import { FleetgateError, fail, messageOf, sentenceOf } from '#libs/runtime/errors.ts';
import type { Logger } from '#libs/runtime/log.ts';
import type { Nats } from '#libs/runtime/nats/nats.ts';
import type { ProjectorMetrics } from './metrics.ts';

interface StreamWatchContext {
  readonly nats: Nats;
  readonly metrics: ProjectorMetrics;
  readonly log: Logger;
  /** Sequence up to which the stream is committed. */
  readonly committedSeq: () => number;
}

const lookEveryMs = 5000;
/** A stream that stored nothing for that long is probed. */
const provenForMs = 10_000;
const probeTimeoutMs = 4000;
const padding = 'x'.repeat(4096);
/** One answer that does not come is no finding yet. */
const missedMax = 1;

/** Looks at the stream until it is stopped. */
export class StreamWatch {
  readonly #context: StreamWatchContext;
  readonly #timer: NodeJS.Timeout;
  #looking = false;
  #stopped = false;
  #lastSeq = -1;
  #provenAt = Number.NEGATIVE_INFINITY;
  #missed = 0;
  #problem: string | undefined;

  constructor(context: StreamWatchContext) {
    this.#context = context;
    this.#timer = setInterval(() => void this.#look(), lookEveryMs);
  }

  /** Says what keeps the stream from storing, and what to do about it; undefined = it stores, as far as is known. */
  get problem(): string | undefined {
    return this.#problem;
  }

  stop(): void {
    this.#stopped = true;
    clearInterval(this.#timer);
    this.#context.metrics.unwritable.set(0);
  }

  async #look(): Promise<void> {
    if (this.#looking || !this.#context.nats.connected) return;
    this.#looking = true;
    try {
      await this.#prove();
      this.#found(undefined);
    } catch (error) {
      this.#found(error);
    } finally {
      this.#looking = false;
    }
  }

  /** Resolves when the stream is known to store. */
  async #prove(): Promise<void> {
    const { nats, metrics, committedSeq } = this.#context;
    const { lastSeq } = await nats.ensureStream();
    metrics.lag.set(Math.max(0, lastSeq - committedSeq()));
    const now = performance.now();
    if (lastSeq !== this.#lastSeq && this.#lastSeq >= 0) this.#provenAt = now;
    this.#lastSeq = lastSeq;
    await this.#refuseFault();
    if (this.#problem === undefined && now - this.#provenAt < provenForMs) return;
    try {
      this.#lastSeq = await this.#probe(lastSeq);
    } catch (error) {
      await this.#refuseFault();
      throw error;
    }
    this.#provenAt = performance.now();
  }

  async #refuseFault(): Promise<void> {
    const fault = await this.#context.nats.storeFault();
    if (fault !== undefined) throw fail('nats-store', fault);
  }

  /** Stores a message; gives its sequence. */
  async #probe(lastSeq: number): Promise<number> {
    const { nats, committedSeq } = this.#context;
    // A message that went before its reader saw it would look like a loss.
    const headers: Record<string, string> = lastSeq === committedSeq() ? { [rollupHeader]: 'sub' } : {};
    const id = `probe-${randomUUID()}`;
    return (await nats.publishStream(probeSubject, { padding }, { id, headers, timeoutMs: probeTimeoutMs })).seq;
  }

  #found(error: unknown): void {
    if (this.#stopped) return;
    const { metrics, log } = this.#context;
    const code = error instanceof FleetgateError ? error.code : undefined;
    this.#missed = error === undefined ? 0 : this.#missed + 1;
    if (error !== undefined && code !== 'nats-store' && code !== 'nats-limit' && this.#missed <= missedMax) {
      log.debug({ reason: messageOf(error) }, 'the stream did not answer');
      return;
    }
    if (error === undefined && this.#problem !== undefined) log.info('the stream stores again');
    if (error !== undefined && this.#problem === undefined) log.error({ err: error }, 'the stream stores nothing');
    this.#problem = error === undefined ? undefined : sentenceOf(error);
    metrics.unwritable.set(error === undefined ? 0 : 1);
  }
}
