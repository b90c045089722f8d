// Turns batches of the stream into transactions. Change events of a batch are folded together, in runs: while one run
// is written, the next is folded. Each command is decided alone, between them. A batch that fails is tried again
// message by message: the one at fault is skipped loudly, and the fleet goes on.
import { DatabaseError } from 'pg';
import type { ChangeEvent } from '#libs/events/change-event.ts';
import { type ChangeFact, factMessageId } from '#libs/events/change-fact.ts';
import type { OperatorEvent, OperatorOutcome } from '#libs/events/operator-event.ts';
import { attributionSubject, changeMessageId, operatorSubject, replyHeader } from '#libs/events/subjects.ts';
import { messageOf } from '#libs/runtime/errors.ts';
import type { Logger } from '#libs/runtime/log.ts';
import type { StreamMessage, StreamPlace } from '#libs/runtime/nats/pull-consumer.ts';
import type { StatusChange } from '#libs/projection/versions/projection-change.ts';
import { type Checkpoint, FenceLost } from '../store/commit.ts';
import { Intake, type Verdict } from './intake.ts';
import { parseMessage } from './message.ts';
import type { ProjectorMetrics } from '../metrics.ts';
import type { Writer } from './writer.ts';

interface IngestContext {
  readonly openWriter: () => Promise<Writer>;
  /** Whether the connection of the writer still answers. */
  readonly isAlive: () => Promise<boolean>;
  /** Called when this projector cannot write any more. */
  readonly onOver: (error: unknown) => void;
  readonly sendOutcome: (subject: string, outcome: OperatorOutcome) => void;
  readonly sendStatuses: (changes: readonly StatusChange[]) => void;
  readonly metrics: ProjectorMetrics;
  readonly log: Logger;
}

/** Postgres' error classes that are the fault of what was written: cardinality, data, integrity, program limits. */
const contentFaults = new Set(['21', '22', '23', '54']);
/** Events that are folded into one transaction. */
const runMax = 500;
const refusedClustersMax = 1000;
const inbox = /^_INBOX\.[\w.-]+$/;

/** Turns messages into transactions. Calls must not overlap. */
export class Ingest {
  readonly #context: IngestContext;
  #writer: Writer;
  readonly #refusedClusters = new Set<string>();
  /** Messages of the stream up to here may be older than the history. */
  #replayUntil = 0;
  /** Up to here, messages that make no event are counted: a batch may be tried twice. */
  #countedSeq = 0;
  /** The transaction that is being written. */
  #writing: Promise<void> = Promise.resolve();

  constructor(context: IngestContext, writer: Writer) {
    this.#context = context;
    this.#writer = writer;
  }

  get writer(): Writer {
    return this.#writer;
  }

  /**
   * Begins at another stream, or at another place in it: messages up to `replayUntil` may be older than the history.
   */
  begin(startAfterSeq: number, replayUntil: number): void {
    this.#replayUntil = replayUntil;
    this.#countedSeq = startAfterSeq;
  }

  /**
   * Resolves when everything of the batch is committed or skipped. Throws when this projector cannot write any more.
   */
  async take(messages: readonly StreamMessage[]): Promise<void> {
    this.#context.metrics.batchSize.observe(messages.length);
    try {
      await this.#process(messages);
    } catch (error) {
      await this.#recover(error);
      for (const message of messages) await this.#takeAlone(message);
    }
  }

  /** Runs something between batches; what it throws is thrown on, after the state is sound again. */
  async run<T>(task: (writer: Writer) => Promise<T>): Promise<T> {
    try {
      return await task(this.#writer);
    } catch (error) {
      await this.#recover(error);
      throw error;
    }
  }

  async #takeAlone(message: StreamMessage): Promise<void> {
    try {
      await this.#process([message]);
    } catch (error) {
      await this.#recover(error);
      const { subject, seq } = message;
      this.#context.log.error({ err: error, subject, seq }, 'a message cannot be folded and is skipped');
      this.#context.metrics.dropped.inc({ reason: 'poison' });
      const parsed = parseMessage(subject, message.data);
      const checkpoint = this.#checkpointAt(message);
      if (parsed.type === 'operator')
        this.#answer(message, await this.#writer.refuse(parsed.event, messageOf(error), checkpoint));
      else await this.#writer.skipTo(checkpoint);
    }
  }

  /** Forgets, after a fault of the content, what was folded in vain. Any other fault is thrown on. */
  async #recover(error: unknown): Promise<void> {
    const { metrics, log, onOver, openWriter } = this.#context;
    metrics.failures.inc();
    await this.#writing.catch(() => undefined);
    this.#writing = Promise.resolve();
    try {
      if (!(await this.#isContentFault(error))) throw error;
      log.error({ err: error }, 'a transaction failed');
      this.#writer = await openWriter();
    } catch (reason) {
      onOver(reason);
      throw reason;
    }
  }

  async #isContentFault(error: unknown): Promise<boolean> {
    if (error instanceof FenceLost) return false;
    if (error instanceof DatabaseError) return contentFaults.has(error.code?.slice(0, 2) ?? '');
    return this.#context.isAlive();
  }

  async #process(messages: readonly StreamMessage[]): Promise<void> {
    const known = await this.#knownIds(messages);
    let intake = this.#newIntake();
    for (const message of messages) {
      const parsed = parseMessage(message.subject, message.data);
      if (parsed.type === 'probe') continue;
      const over = message.seq <= this.#writer.checkpoint.streamSeq;
      if (parsed.type === 'operator' && over) {
        await this.#answerAgain(message, parsed.event);
      } else if (over) {
        this.#count(message, 'known');
      } else if (parsed.type === 'bad') {
        this.#malformed(message, parsed.reason);
      } else if (parsed.type === 'change') {
        const verdict = known.has(this.#idOf(parsed.event)) ? 'known' : intake.add(parsed.event);
        if (verdict !== 'taken') this.#drop(message, verdict, parsed.event);
        intake = await this.#appendFull(intake, message);
      } else if (parsed.type === 'fact') {
        const fact = this.#named(parsed.event);
        const id = factMessageId(fact);
        const verdict = known.has(id) ? 'known' : intake.addFact(fact);
        if (verdict === 'taken') known.add(id);
        else this.#drop(message, verdict, parsed.event);
        intake = await this.#appendFull(intake, message);
      } else {
        await this.#append(intake, { seq: message.seq - 1, storedAt: null });
        await this.#writing;
        intake = this.#newIntake();
        await this.#decide(message, parsed.event);
      }
    }
    const last = messages.at(-1);
    if (last !== undefined) await this.#append(intake, last);
    await this.#writing;
  }

  /** Begins to write a run that is long enough; gives the one to go on with. */
  async #appendFull(intake: Intake, through: StreamPlace): Promise<Intake> {
    if (intake.size < runMax) return intake;
    await this.#append(intake, through);
    return this.#newIntake();
  }

  /** Folds a run, waits until the one before is written, and begins to write it. */
  async #append(intake: Intake, through: StreamPlace): Promise<void> {
    if (through.seq <= this.#writer.checkpoint.streamSeq) return;
    const prepared = this.#writer.prepare(intake, this.#checkpointAt(through));
    await this.#writing;
    const writing = this.#writer.write(prepared).then(this.#context.sendStatuses);
    // Whoever waits next learns of a failure; nobody may be waiting yet.
    writing.catch(() => undefined);
    this.#writing = writing;
  }

  async #decide(message: StreamMessage, command: OperatorEvent): Promise<void> {
    const { outcome, statuses } = await this.#writer.decide(command, this.#checkpointAt(message));
    this.#context.log.info({ command, outcome }, outcome.ok ? 'command carried out' : 'command refused');
    this.#answer(message, outcome);
    this.#context.sendStatuses(statuses);
  }

  /** For a command whose answer may have been lost. */
  async #answerAgain(message: StreamMessage, command: OperatorEvent): Promise<void> {
    const past = await this.#writer.pastOutcome(command);
    if (past !== undefined) this.#answer(message, past);
  }

  #answer(message: StreamMessage, outcome: OperatorOutcome): void {
    const subject = message.headers[replyHeader];
    if (subject !== undefined && inbox.test(subject)) this.#context.sendOutcome(subject, outcome);
  }

  #malformed(message: StreamMessage, reason: string): void {
    const { subject, seq } = message;
    if (this.#count(message, 'malformed'))
      this.#context.log.error({ subject, seq, reason }, 'a malformed message is skipped');
    if (subject === operatorSubject) this.#answer(message, { id: '', ok: false, code: 'malformed', message: reason });
  }

  #drop(message: StreamMessage, verdict: Exclude<Verdict, 'taken'>, event: ChangeEvent | ChangeFact): void {
    this.#count(message, verdict === 'known' ? 'known' : 'refused');
    if (verdict === 'known') return;
    const cluster = `${event.cluster} ${event.clusterUid}`;
    if (this.#refusedClusters.has(cluster)) return;
    if (this.#refusedClusters.size < refusedClustersMax) this.#refusedClusters.add(cluster);
    this.#context.log.error({ cluster: event.cluster, reason: verdict.refused }, 'events of a cluster are refused');
  }

  /** Counts a message; false when it was counted before. */
  #count({ seq }: StreamMessage, reason: 'known' | 'refused' | 'malformed'): boolean {
    if (seq <= this.#countedSeq) return false;
    this.#countedSeq = seq;
    this.#context.metrics.dropped.inc({ reason });
    return true;
  }

  /** Gives the id that a change has in the history, whichever of its names an agent calls its cluster by. */
  #idOf(event: ChangeEvent): string {
    const cluster = this.#writer.clusters.nameOf(event.cluster, event.clusterUid);
    return changeMessageId({ ...event, cluster });
  }

  /** Gives a later fact by the name that its cluster has in the history, and so has the change that it is of. */
  #named(fact: ChangeFact): ChangeFact {
    const cluster = this.#writer.clusters.nameOf(fact.cluster, fact.clusterUid);
    const said = `${fact.cluster}/`;
    const change = fact.change.startsWith(said) ? `${cluster}/${fact.change.slice(said.length)}` : fact.change;
    return { ...fact, cluster, change };
  }

  #newIntake(): Intake {
    const { clusters, projection } = this.#writer;
    return new Intake(clusters, projection);
  }

  #checkpointAt({ seq, storedAt }: StreamPlace): Checkpoint {
    return { streamCreated: this.#writer.checkpoint.streamCreated, streamSeq: seq, storedAt };
  }

  /**
   * Finds the ids that the history holds already: of later facts, which no state tells apart, and of changes that may
   * be replayed, which are only those of a stream that lost its newest part.
   */
  async #knownIds(messages: readonly StreamMessage[]): Promise<Set<string>> {
    const ids: string[] = [];
    for (const { seq, subject, data } of messages) {
      const isFact = subject.startsWith(attributionSubject(''));
      if (!isFact && seq > this.#replayUntil) continue;
      const parsed = parseMessage(subject, data);
      if (parsed.type === 'change') ids.push(this.#idOf(parsed.event));
      else if (parsed.type === 'fact') ids.push(factMessageId(this.#named(parsed.event)));
    }
    return new Set(ids.length === 0 ? [] : await this.#writer.knownIds(ids));
  }
}
