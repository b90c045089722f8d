// Leads for one term: it loads, finds the place in the stream, consumes, answers agents and follows nodes, until the
// lock or the fence is lost.
import type { NodeEvent } from '#libs/events/node-event.ts';
import { statusSubject } from '#libs/events/subjects.ts';
import { fail, messageOf } from '#libs/runtime/errors.ts';
import type { Logger } from '#libs/runtime/log.ts';
import type { Nats, Stoppable } from '#libs/runtime/nats/nats.ts';
import type { LostReason, StreamMessage } from '#libs/runtime/nats/pull-consumer.ts';
import { backoff, pause } from '#libs/runtime/pause.ts';
import type { Postgres } from '#libs/runtime/postgres/postgres.ts';
import type { Limits } from '#libs/projection/versions/limits.ts';
import type { StatusChange } from '#libs/projection/versions/projection-change.ts';
import { type AgentDesk, startAgentDesk } from './exchange/agent-desk.ts';
import type { Confirmations } from './ingest/decisions.ts';
import { Ingest } from './ingest/ingest.ts';
import type { Leadership } from './leadership.ts';
import type { ProjectorMetrics } from './metrics.ts';
import { type NodeWatch, startNodeWatch } from './exchange/node-watch.ts';
import { Serial } from './serial.ts';
import { StreamWatch } from './stream-watch.ts';
import { statusMessages } from './exchange/status-messages.ts';
import { streamPosition } from './store/stream-position.ts';
import { restoredByNodes, restoredByStream } from './ingest/restore-notice.ts';
import { queryForeignVersions } from './store/foreign-versions.ts';
import { Writer } from './ingest/writer.ts';

interface TermContext {
  readonly leadership: Leadership;
  readonly nats: Nats;
  readonly postgres: Postgres;
  readonly databaseUrl: string;
  readonly batchMax: number;
  readonly limits: Partial<Limits>;
  readonly confirmations: Confirmations;
  readonly metrics: ProjectorMetrics;
  readonly log: Logger;
  readonly signal: AbortSignal;
  readonly now: () => Date;
}

const deedsEveryMs = 1000;

/** Does the work of a leader. */
export class Term {
  readonly #context: TermContext;
  readonly #serial = new Serial();
  readonly #over = Promise.withResolvers<unknown>();
  #nodes: NodeWatch | undefined;
  #ingest: Ingest | undefined;
  #desk: AgentDesk | undefined;
  #consumer: Stoppable | undefined;
  #watch: StreamWatch | undefined;
  #deeds: NodeJS.Timeout | undefined;
  #takingDeeds = false;
  /**
   * The newest message committed or seen: the next follows without a gap, or something was lost. Before it there are
   * gaps, where probes were replaced.
   */
  #seenSeq = 0;
  /** What must be committed before this projector counts as ready. */
  #readyAtSeq = Number.POSITIVE_INFINITY;
  readonly #stopping = new AbortController();

  private constructor(context: TermContext) {
    this.#context = context;
    void context.leadership.lost.then((error) => this.#over.resolve(fail('postgres-unreachable', error.message)));
  }

  /** Resolves when it is loaded; throws what kept it from that. */
  static async start(context: TermContext): Promise<Term> {
    const term = new Term(context);
    try {
      await term.#begin();
      return term;
    } catch (error) {
      await term.stop();
      throw error;
    }
  }

  /** Settles with the reason when this projector cannot write any more. */
  get over(): Promise<unknown> {
    return this.#over.promise;
  }

  /** Tells whether everything that was in the stream at the beginning is committed. */
  get caughtUp(): boolean {
    return (this.#ingest?.writer.checkpoint.streamSeq ?? 0) >= this.#readyAtSeq;
  }

  /** Says what of the history is not what was appended to it. */
  get historyProblems(): readonly string[] {
    return this.#ingest?.writer.historyProblems ?? [];
  }

  /** Says what keeps the stream from storing what is sent; undefined = nothing that is known. */
  get streamProblem(): string | undefined {
    return this.#watch?.problem;
  }

  /** Takes what was noted for the history. A failure that matters ends the term by itself. */
  async takeDeeds(): Promise<void> {
    this.#takingDeeds = true;
    try {
      const { clusters, statuses } = await this.#between((writer) => writer.appendDeeds());
      this.#sendStatuses(statuses);
      if (clusters.length > 0) this.#desk?.resync('clusters were removed, renamed or taken on again', clusters);
    } catch (error) {
      this.#context.log.warn({ reason: messageOf(error) }, 'deeds could not be taken');
    } finally {
      this.#takingDeeds = false;
    }
  }

  /** Finishes the batch in hand. The lock is the caller's to release. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#watch?.stop();
    clearInterval(this.#deeds);
    await this.#consumer?.stop();
    await this.#nodes?.stop();
    await this.#desk?.stop();
    await this.#serial.run(() => Promise.resolve());
  }

  async #begin(): Promise<void> {
    const { leadership, postgres, databaseUrl, metrics, log, signal } = this.#context;
    const nodes = await startNodeWatch({
      url: databaseUrl,
      db: postgres.db,
      log,
      signal,
      onReports: (departures) => this.#followNodes(departures),
      onNoticed: (names) => this.#noticeForeign(names),
    });
    this.#nodes = nodes;
    const openWriter = (): Promise<Writer> => Writer.open(this.#context, nodes.reports);
    this.#ingest = new Ingest(
      {
        openWriter,
        isAlive: () => isAlive(leadership),
        onOver: this.#over.resolve,
        sendOutcome: (subject, outcome) => this.#send(subject, outcome),
        sendStatuses: (changes) => this.#sendStatuses(changes),
        metrics,
        log,
      },
      await openWriter(),
    );
    await this.#between(async (writer) => this.#sendStatuses(await writer.refreshStatuses()));
    this.#desk = startAgentDesk({ ...this.#context, db: postgres.db, between: (task) => this.#between(task) });
    this.#consume().catch(this.#over.resolve);
    const committedSeq = (): number => this.#ingest?.writer.checkpoint.streamSeq ?? 0;
    this.#watch = new StreamWatch({ ...this.#context, committedSeq });
    this.#deeds = setInterval(() => {
      if (!this.#takingDeeds) void this.takeDeeds();
    }, deedsEveryMs);
  }

  /** Reads the stream from where Postgres says. */
  async #consume(): Promise<void> {
    const { nats, batchMax } = this.#context;
    const stream = await this.#stream();
    if (stream === undefined) return;
    await this.#noticeRestore(stream.created);
    const position = await this.#between(async (writer) => {
      const found = streamPosition(writer.checkpoint, stream);
      await writer.skipTo(found.checkpoint);
      const { skippedVersions: skipped } = writer.projection;
      return { ...found, memory: { committedSeq: found.checkpoint.streamSeq, skipped } };
    });
    this.#ingest?.begin(position.startAfterSeq, position.replayUntil);
    this.#seenSeq = Math.max(position.checkpoint.streamSeq, stream.firstSeq - 1);
    if (this.#readyAtSeq === Number.POSITIVE_INFINITY) this.#readyAtSeq = stream.lastSeq;
    if (position.lost === undefined) this.#desk?.announce(stream.created);
    else this.#resync(position.lost);
    if (this.#stopping.signal.aborted) return;
    this.#consumer = nats.consume({
      startAfterSeq: position.startAfterSeq,
      created: stream.created,
      memory: position.memory,
      batchMax,
      onBatch: (messages) => this.#take(messages),
      onLost: (reason) => this.#lost(reason),
    });
  }

  /** Compares the database with what was committed of the stream, and with what nodes hold. */
  async #noticeRestore(stream: string): Promise<void> {
    const { nats, now } = this.#context;
    const memory = await nats.readMemory();
    const found = await this.#between(async (writer) => {
      const { checkpoint, projection } = writer;
      const event = restoredByStream(memory, stream, checkpoint, projection.skippedVersions, now());
      return writer.markRestored(event === undefined ? [] : [event]);
    });
    for (const { reason } of found) this.#resync(reason);
    await this.#noticeForeign(undefined);
  }

  /** Compares what nodes hold with the history. */
  async #noticeForeign(names: readonly string[] | undefined): Promise<void> {
    if (this.#ingest === undefined) return;
    const foreign = await queryForeignVersions(this.#context.postgres.pool, names);
    if (foreign.length === 0) return;
    const found = await this.#between(async (writer) => {
      const floorOf = (gateway: string): number => writer.projection.versionFloor(gateway);
      return writer.markRestored(restoredByNodes(foreign, floorOf, this.#context.now()));
    });
    for (const { reason } of found) this.#resync(reason);
  }

  /**
   * Finds the stream, or makes it if it is missing, and reads what it holds at the checkpoint; waits for NATS.
   * Undefined when this term ends first.
   */
  async #stream(): Promise<Parameters<typeof streamPosition>[1] | undefined> {
    const { nats, log } = this.#context;
    const { signal } = this.#stopping;
    for (let attempt = 0; !signal.aborted; attempt++) {
      try {
        const stream = await nats.ensureStream();
        const streamSeq = this.#ingest?.writer.checkpoint.streamSeq ?? 0;
        const read = streamSeq > 0 && streamSeq <= stream.lastSeq;
        return { ...stream, storedAt: read ? await nats.storedAt(streamSeq) : null };
      } catch (error) {
        if (attempt === 0) log.warn({ err: error }, 'waiting for the stream');
        await pause(backoff(attempt, { minMs: 50, maxMs: 2000 }), signal);
      }
    }
    return undefined;
  }

  async #take(messages: readonly StreamMessage[]): Promise<void> {
    for (const { seq } of messages) {
      if (seq > this.#seenSeq + 1)
        this.#resync(`messages ${this.#seenSeq + 1} to ${seq - 1} are missing in the stream`);
      this.#seenSeq = Math.max(this.#seenSeq, seq);
    }
    await this.#serial.run(async () => this.#ingest?.take(messages));
  }

  #lost(reason: LostReason): void {
    // Another reader took the consumer, so it has the lock, or will fail to write.
    if (reason === 'consumer') return this.#over.resolve(new Error('another reader took over the stream'));
    // What the old consumer has in hand is of the lost stream: it must be through before the place is found anew.
    void this.#consumer
      ?.stop()
      .then(() => this.#consume())
      .catch(this.#over.resolve);
  }

  #resync(reason: string): void {
    this.#desk?.resync(reason, this.#ingest?.writer.clusters.names ?? []);
  }

  async #followNodes(departures: readonly NodeEvent[]): Promise<void> {
    await this.#between(async (writer) => {
      this.#sendStatuses(await writer.setNodes(this.#nodes?.reports ?? []));
      if (departures.length > 0) await writer.appendDepartures(departures);
    });
  }

  #between<T>(task: (writer: Writer) => Promise<T>): Promise<T> {
    return this.#serial.run(async () => {
      if (this.#ingest === undefined) throw new Error('the projection is not loaded');
      return this.#ingest.run(task);
    });
  }

  #sendStatuses(changes: readonly StatusChange[]): void {
    for (const { cluster, page } of statusMessages(changes))
      for (const name of this.#ingest?.writer.clusters.namesOf(cluster) ?? [cluster])
        this.#send(statusSubject(name), page);
  }

  /**
   * Sends once; what does not get through is asked for again: statuses by the agent now and then, an outcome by its
   * sender.
   */
  #send(subject: string, json: unknown): void {
    try {
      this.#context.nats.publish(subject, json);
    } catch (error) {
      this.#context.log.error({ err: error, subject }, 'a message cannot be sent');
    }
  }
}

async function isAlive({ client }: Leadership): Promise<boolean> {
  return client.query('select 1').then(
    () => true,
    () => false,
  );
}
