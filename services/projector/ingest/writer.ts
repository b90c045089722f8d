// Holds the projection in memory and makes its transactions: it folds, commits, and remembers the position. After a
// transaction that failed the memory is ahead of Postgres: the writer must be thrown away and a new one opened.
import { type DeedEvent, isRemoval } from '#libs/events/deed-event.ts';
import type { RestoreEvent } from '#libs/events/restore-event.ts';
import { fail, sentenceOf } from '#libs/runtime/errors.ts';
import type { Logger } from '#libs/runtime/log.ts';
import type { NodeEvent } from '#libs/events/node-event.ts';
import { concealFact, personalTextsOfFacts } from '#libs/events/change-fact.ts';
import type { PersonalEvent } from '#libs/events/private-text.ts';
import { carriedOut, type OperatorEvent, type OperatorOutcome } from '#libs/events/operator-event.ts';
import { Projection } from '#libs/projection/projection.ts';
import type { Batch, ProjectionChange, StatusChange } from '#libs/projection/versions/projection-change.ts';
import type { ContentOf } from '#libs/projection/versions/gateway-head.ts';
import type { Limits } from '#libs/projection/versions/limits.ts';
import type { NodeReport } from '#libs/projection/model/delivery/node-report.ts';
import { type Confirmations, decideAny } from './decisions.ts';
import { ClusterRegistry, type RegisteredCluster, isClusterDeed } from '../clusters/cluster-registry.ts';
import { type CommitRows, buildCommitRows, nodeRows, noChange } from '../store/commit-rows.ts';
import { buildDeedRows, readNotedDeeds } from '../store/deeds.ts';
import { buildMentionRows } from '../store/mention-rows.ts';
import { type Checkpoint, commit, commitCheckpoint } from '../store/commit.ts';
import { EventLog } from '../store/event-log.ts';
import { type NumberedFact, buildFactRows } from '../store/facts.ts';
import { batchFields, foldLogged } from './fold-log.ts';
import type { Intake } from './intake.ts';
import type { Leadership } from '../leadership.ts';
import type { ProjectorMetrics } from '../metrics.ts';
import { readOutcome, toOutcome } from './outcomes.ts';
import { type PrivateText, PrivateTexts } from '../store/private-texts.ts';
import { readSavedState } from '../store/saved-state.ts';
import { staleStatuses } from '../store/stale-statuses.ts';
import { readVersionContent } from '../store/version-content.ts';

interface WriterContext {
  readonly leadership: Leadership;
  readonly limits: Partial<Limits>;
  /** Absent = only what gateways ask for themselves, within an hour. */
  readonly confirmations?: Confirmations;
  readonly metrics: ProjectorMetrics;
  readonly log: Logger;
  readonly now: () => Date;
}

/** Holds what is folded and not yet written. */
interface Prepared {
  /** Absent when there is nothing but the checkpoint to move. */
  readonly rows: CommitRows | undefined;
  /** Later facts, as they came; numbered before the events that are written with them. */
  readonly facts: readonly NumberedFact[];
  readonly checkpoint: Checkpoint;
}

export interface Decided {
  readonly outcome: OperatorOutcome;
  readonly statuses: readonly StatusChange[];
}

const reasonMax = 4096;

/** Holds one in-memory state with the right to write it. Not safe for concurrent calls. */
export class Writer {
  readonly projection: Projection;
  readonly clusters: ClusterRegistry;
  readonly #context: WriterContext;
  readonly #texts: PrivateTexts;
  readonly #log: EventLog;
  #checkpoint: Checkpoint;
  #lastSeq: bigint;

  private constructor(context: WriterContext, projection: Projection, saved: SavedPosition, eventLog: EventLog) {
    this.#context = context;
    this.#log = eventLog;
    this.projection = projection;
    this.clusters = new ClusterRegistry(saved.clusters);
    this.#checkpoint = saved.checkpoint;
    this.#lastSeq = BigInt(eventLog.size);
    this.#texts = new PrivateTexts(context.leadership.client);
  }

  /** Reads what Postgres holds. */
  static async open(context: WriterContext, nodes: readonly NodeReport[]): Promise<Writer> {
    const started = performance.now();
    const saved = await readSavedState(context.leadership.client);
    const projection = new Projection({ limits: context.limits });
    projection.load({ ...saved, nodes });
    const tookMs = performance.now() - started;
    context.metrics.loadSeconds.set(tookMs / 1000);
    context.log.info({ objects: saved.objects.length, gateways: saved.gateways.length, tookMs }, 'projection loaded');
    const eventLog = await EventLog.open(context.leadership.client);
    for (const problem of eventLog.problems)
      context.log.error({ err: fail('log-differs', problem) }, 'the history is not what was appended to it');
    return new Writer(context, projection, saved, eventLog);
  }

  get checkpoint(): Checkpoint {
    return this.#checkpoint;
  }

  /** Sentences about what of the history is not what was appended to it. */
  get historyProblems(): readonly string[] {
    return this.#log.problems.map((problem) => sentenceOf(fail('log-differs', problem)));
  }

  /** Appends what was gathered, moves the checkpoint; answers the statuses that changed. */
  async append(intake: Intake, checkpoint: Checkpoint): Promise<readonly StatusChange[]> {
    return this.write(this.prepare(intake, checkpoint));
  }

  /** Folds what was gathered. Nothing is written before `write`, which must be called in the same order. */
  prepare(intake: Intake, checkpoint: Checkpoint): Prepared {
    if (intake.empty) return { rows: undefined, facts: [], checkpoint };
    // Facts first, so that the last event of the transaction is one that is folded, where there is one.
    const facts = this.#number(intake.facts);
    const events = this.#number(intake.events);
    const change = this.#fold({ events, slices: intake.slices, sealed: intake.sealed }, noContent);
    const clusters = [...intake.clusters].map(([name, uid]) => ({ name, uid }));
    const mentions = buildMentionRows(events, (key) => intake.before.get(key));
    return { rows: { ...buildCommitRows(events, intake.slices, change, clusters), mentions }, facts, checkpoint };
  }

  /** Writes what was folded; answers the statuses that changed. */
  async write({ rows, facts, checkpoint }: Prepared): Promise<readonly StatusChange[]> {
    if (rows === undefined) await this.skipTo(checkpoint);
    else await this.#commit(facts.length === 0 ? rows : await this.#withFacts(rows, facts), checkpoint);
    return rows?.statuses ?? [];
  }

  /**
   * Decides one command and appends it with its outcome, whatever that is. One that was decided before gets its outcome
   * again.
   */
  async decide(command: OperatorEvent, checkpoint: Checkpoint): Promise<Decided> {
    const { client } = this.#context.leadership;
    const past = await readOutcome(client, command.id);
    if (past !== undefined) {
      await this.skipTo(checkpoint);
      return { outcome: past, statuses: [] };
    }
    const { event, added } = await this.#concealOne(command);
    const decide = await decideAny(client, event, { ...this.#context, projection: this.projection });
    const contentOf = await this.#contentFor(decide());
    // The time is looked at again, because reading a content takes some: what comes too late is not carried out.
    return this.#appendDecided(decide(), added, { contentOf, checkpoint });
  }

  /** Appends a command that cannot be carried out, with the reason. */
  async refuse(command: OperatorEvent, reason: string, checkpoint: Checkpoint): Promise<OperatorOutcome> {
    const outcome = { result: 'refused', code: 'failed', message: reason.slice(0, reasonMax) } as const;
    const { event, added } = await this.#concealOne({ ...command, outcome });
    return (await this.#appendDecided(event, added, { contentOf: noContent, checkpoint })).outcome;
  }

  /** Finds which of the ids the history holds. */
  async knownIds(ids: readonly string[]): Promise<ReadonlySet<string>> {
    const { rows } = await this.#context.leadership.client.query<{ id: string }>(
      'select id from events where id = any($1)',
      [ids],
    );
    return new Set(rows.map(({ id }) => id));
  }

  /** Says what became of a command whose turn is over; undefined when the history does not hold it. */
  async pastOutcome({ id }: OperatorEvent): Promise<OperatorOutcome | undefined> {
    return readOutcome(this.#context.leadership.client, id);
  }

  /** Appends what was noticed of a restore, each finding once; answers those that are new. */
  async markRestored(found: readonly RestoreEvent[]): Promise<readonly RestoreEvent[]> {
    const known = found.length === 0 ? new Set<string>() : await this.knownIds(found.map(({ id }) => id));
    const news = found.filter(({ id }) => !known.has(id));
    for (const event of news) {
      this.#lastSeq += 1n;
      const events = [{ seq: this.#lastSeq, event }];
      const change = this.#fold({ events, slices: [], sealed: [] }, noContent);
      await this.#commit(buildCommitRows(events, [], change), this.#checkpoint);
      this.#context.metrics.restores.inc();
      this.#context.log.error({ err: fail('restored', event.reason) }, 'the database was restored');
    }
    return news;
  }

  /** Appends the deeds that were noted, each once, and takes their notes away; says what came of it. */
  async appendDeeds(): Promise<DeedsTaken> {
    const { client } = this.#context.leadership;
    const noted = await readNotedDeeds(client, this.#context.log);
    const plain = noted.filter(({ type }) => !isClusterDeed(type));
    if (plain.length > 0) await this.#appendPlain(plain);
    const clusters: string[] = [];
    const statuses: StatusChange[] = [];
    for (const deed of noted.filter(({ type }) => isClusterDeed(type))) {
      const changes = await this.#appendClusterDeed(deed);
      if (changes === undefined) continue;
      clusters.push(deed.subject);
      statuses.push(...changes);
    }
    return { clusters, statuses };
  }

  async #appendPlain(noted: readonly DeedEvent[]): Promise<void> {
    // An erased text must not be found by its old id again, not even by the deeds that were noted with the erasure.
    for (const { type, subject } of noted) if (type === 'person-erased') this.#texts.forget(subject);
    const { events, added } = await this.#conceal(noted);
    const deedsTaken = noted.map(({ id }) => id);
    await this.#commit({ ...buildDeedRows(events, deedsTaken), privateTexts: added }, this.#checkpoint);
  }

  /** Does what a deed says of a cluster; undefined where it cannot be done any more, and then it is no event. */
  async #appendClusterDeed(noted: DeedEvent): Promise<readonly StatusChange[] | undefined> {
    const { leadership, log } = this.#context;
    const objection = this.clusters.objection(noted);
    const { events, added } = await this.#conceal(objection === undefined ? [noted] : []);
    const [appended] = events;
    if (appended === undefined) {
      log.warn({ deed: noted.id, objection }, 'a command about a cluster is not carried out');
      await leadership.client.query('delete from deeds where id = $1', [noted.id]);
      return undefined;
    }
    const { seq, event } = appended;
    const folded = isRemoval(event) ? [{ seq, event }] : [];
    const change = this.#fold({ events: folded, slices: [], sealed: [] }, noContent);
    const cluster = this.clusters.take(event);
    await this.#commit(
      {
        ...buildCommitRows(folded, [], change),
        events: buildDeedRows([appended], []).events,
        deedsTaken: [noted.id],
        privateTexts: added,
        changedClusters: cluster === undefined ? [] : [{ name: event.subject, ...cluster }],
        emptiedClusters: folded.map(() => ({ cluster: event.subject, seq: seq.toString() })),
      },
      this.#checkpoint,
    );
    return change.statuses;
  }

  /** Takes over all node reports; answers the statuses that changed. */
  async setNodes(nodes: readonly NodeReport[]): Promise<readonly StatusChange[]> {
    const { log } = this.#context;
    const change = foldLogged(
      this.projection,
      log,
      () => ({ nodes: nodes.length }),
      () => this.projection.setNodes(nodes),
    );
    return this.#commitStatuses(change.statuses);
  }

  /** Appends why nodes left, each once, and clears the notes of it. */
  async appendDepartures(departures: readonly NodeEvent[]): Promise<void> {
    const ids = departures.map(({ id }) => id);
    const { events, added } = await this.#conceal(departures);
    if (events.length > 0) {
      const rows = { ...buildCommitRows([], [], noChange), events: nodeRows(events), privateTexts: added };
      await this.#commit(rows, this.#checkpoint);
    }
    await this.#context.leadership.client.query('delete from departed_nodes where id = any($1)', [ids]);
  }

  /**
   * Makes the stored statuses what the projection says, which differs after nodes reported to nobody or the program
   * changed.
   */
  async refreshStatuses(): Promise<readonly StatusChange[]> {
    return this.#commitStatuses(
      await staleStatuses(this.#context.leadership.client, this.projection, this.clusters.names),
    );
  }

  /** Remembers a cluster that has no objects yet. */
  async register(name: string, uid: string): Promise<void> {
    this.clusters.add(name, uid);
    await this.#commit(buildCommitRows([], [], noChange, [{ name, uid }]), this.#checkpoint);
  }

  /** Moves the checkpoint over messages that are no events. */
  async skipTo(checkpoint: Checkpoint): Promise<void> {
    if (
      checkpoint.streamSeq === this.#checkpoint.streamSeq &&
      checkpoint.streamCreated === this.#checkpoint.streamCreated
    )
      return;
    const { client, epoch } = this.#context.leadership;
    await commitCheckpoint(client, epoch, checkpoint);
    this.#moved(checkpoint);
  }

  async #commitStatuses(statuses: readonly StatusChange[]): Promise<readonly StatusChange[]> {
    if (statuses.length > 0) await this.#commit(buildCommitRows([], [], { ...noChange, statuses }), this.#checkpoint);
    return statuses;
  }

  #number<E>(events: readonly E[]): readonly { readonly seq: bigint; readonly event: E }[] {
    const first = this.#lastSeq + 1n;
    this.#lastSeq += BigInt(events.length);
    return events.map((event, index) => ({ seq: first + BigInt(index), event }));
  }

  /** Adds the rows of facts, concealed. Transactions are written one after another, and so are their texts. */
  async #withFacts(rows: CommitRows, facts: readonly NumberedFact[]): Promise<CommitRows> {
    const { ids, added } = await this.#texts.idsOf(personalTextsOfFacts(facts.map(({ event }) => event)));
    const concealed = facts.map(({ seq, event }) => ({
      seq,
      event: concealFact(event, (text) => ids.get(text) ?? ''),
    }));
    const batch = rows.events.at(-1)?.seq ?? facts.at(-1)?.seq.toString() ?? '';
    const { events, ...found } = buildFactRows(concealed, batch, rows.changes);
    return { ...rows, ...found, events: [...events, ...rows.events], privateTexts: added };
  }

  /** Conceals the events that the history does not hold yet, and numbers them. */
  async #conceal<E extends PersonalEvent>(
    events: readonly E[],
  ): Promise<{
    readonly events: readonly { readonly seq: bigint; readonly event: E }[];
    readonly added: readonly PrivateText[];
  }> {
    const concealed = await this.#texts.conceal(events);
    const known = await this.knownIds(concealed.events.map(({ id }) => id));
    const news = concealed.events.filter(({ id }) => !known.has(id));
    return { events: this.#number(news), added: concealed.added };
  }

  async #concealOne(command: OperatorEvent): Promise<{ event: OperatorEvent; added: readonly PrivateText[] }> {
    const { events, added } = await this.#texts.conceal([command]);
    const [event = command] = events;
    return { event, added };
  }

  async #appendDecided(
    event: OperatorEvent,
    privateTexts: readonly PrivateText[],
    { contentOf, checkpoint }: { readonly contentOf: ContentOf; readonly checkpoint: Checkpoint },
  ): Promise<Decided> {
    this.#lastSeq += 1n;
    const seq = this.#lastSeq;
    const events = [{ seq, event }];
    const change = this.#fold({ events, slices: [], sealed: [] }, contentOf);
    await this.#commit({ ...buildCommitRows(events, [], change), privateTexts }, checkpoint);
    const version = this.projection.gatewayHead(event.gateway)?.serving ?? 0;
    return { outcome: toOutcome(event, version, seq.toString()), statuses: change.statuses };
  }

  async #contentFor(event: OperatorEvent): Promise<ContentOf> {
    const command = carriedOut(event);
    if (command?.type !== 'rollback' || command.to === null) return noContent;
    const content = await readVersionContent(this.#context.leadership.client, command.gateway, command.to);
    if (content === undefined) throw new Error(`${command.gateway} has no version ${command.to}`);
    return (gateway, version) => {
      if (gateway !== command.gateway || version !== command.to)
        throw new Error(`version ${version} of ${gateway} was not read`);
      return content;
    };
  }

  #fold(batch: Batch, contentOf: ContentOf): ProjectionChange {
    const end = this.#context.metrics.foldSeconds.startTimer();
    const change = foldLogged(
      this.projection,
      this.#context.log,
      () => batchFields(batch),
      () => this.projection.apply(batch, contentOf),
    );
    end();
    return change;
  }

  async #commit(rows: CommitRows, checkpoint: Checkpoint): Promise<void> {
    const { leadership, metrics, now } = this.#context;
    const end = metrics.commitSeconds.startTimer();
    const recordedAt = now();
    const log = this.#log.append(rows.events, recordedAt);
    await commit(leadership.client, { epoch: leadership.epoch, checkpoint, recordedAt }, { ...rows, log });
    end();
    for (const { type } of rows.events) metrics.appended.inc({ type });
    for (const { cause } of rows.versions) metrics.versions.inc({ cause });
    this.#moved(checkpoint);
  }

  #moved(checkpoint: Checkpoint): void {
    this.#checkpoint = checkpoint;
    this.#context.metrics.checkpoint.set(checkpoint.streamSeq);
  }
}

/** Says what came of notes that were taken. */
interface DeedsTaken {
  /** Clusters that were removed, taken on again or renamed: their agents compare. */
  readonly clusters: readonly string[];
  readonly statuses: readonly StatusChange[];
}

interface SavedPosition {
  readonly checkpoint: Checkpoint;
  readonly clusters: ReadonlyMap<string, RegisteredCluster>;
}

const noContent: ContentOf = (gateway, version) => {
  throw new Error(`version ${version} of ${gateway} is not needed here`);
};
