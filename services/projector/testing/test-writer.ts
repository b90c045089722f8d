// Opens a writer on a throwaway database, and feeds it with events as the stream would bring them.
import { Client } from 'pg';
import { erasedName, replacePrivateIds } from '#libs/events/private-text.ts';
import type { PrivateText } from '../store/private-texts.ts';
import type { ChangeEvent } from '#libs/events/change-event.ts';
import type { ChangeFact } from '#libs/events/change-fact.ts';
import type { OperatorEvent } from '#libs/events/operator-event.ts';
import { createMetrics } from '#libs/runtime/metrics.ts';
import type { Limits } from '#libs/projection/versions/limits.ts';
import { type Teardown, testLogger, throwawayPostgres } from '#libs/testing/peers/throwaway.ts';
import type { Checkpoint } from '../store/commit.ts';
import { Intake } from '../ingest/intake.ts';
import { type Leadership, awaitLeadership } from '../leadership.ts';
import { newIdentity } from '../presence.ts';
import { createProjectorMetrics } from '../metrics.ts';
import { type Decided, Writer } from '../ingest/writer.ts';

/** Holds a writer that can be reopened, and a look into its database. */
export class TestWriter {
  readonly url: string;
  readonly leadership: Leadership;
  readonly client: Client;
  #writer: Writer;
  #open: () => Promise<Writer>;
  #streamSeq = 0;

  private constructor(
    url: string,
    leadership: Leadership,
    client: Client,
    open: () => Promise<Writer>,
    writer: Writer,
  ) {
    this.url = url;
    this.leadership = leadership;
    this.client = client;
    this.#open = open;
    this.#writer = writer;
  }

  static async open(
    test: Teardown,
    limits: Partial<Limits> = {},
    now: () => Date = () => new Date(),
    databaseUrl?: string,
  ): Promise<TestWriter> {
    const url = databaseUrl ?? (await throwawayPostgres(test)).url;
    const log = testLogger();
    const leadership = await awaitLeadership({
      url,
      log,
      signal: new AbortController().signal,
      self: newIdentity(15_000),
    });
    if (leadership === undefined) throw new Error('not leading');
    test.teardown(() => leadership.release());
    const client = new Client({ connectionString: url });
    await client.connect();
    test.teardown(() => client.end());
    const metrics = createProjectorMetrics(createMetrics('test'));
    const open = () => Writer.open({ leadership, limits, metrics, log, now }, []);
    return new TestWriter(url, leadership, client, open, await open());
  }

  get writer(): Writer {
    return this.#writer;
  }

  /** Opens the writer anew, as a new leader would see it. */
  async reopen(): Promise<Writer> {
    this.#writer = await this.#open();
    return this.#writer;
  }

  /** Appends these events in one transaction. */
  async append(...events: readonly (ChangeEvent | ChangeFact)[]): Promise<Intake> {
    const intake = new Intake(this.#writer.clusters, this.#writer.projection);
    for (const event of events) {
      if ('change' in event) intake.addFact(event);
      else intake.add(event);
    }
    await this.#writer.append(intake, this.#next(events.length));
    return intake;
  }

  async decide(command: OperatorEvent): Promise<Decided> {
    return this.#writer.decide(command, this.#next(1));
  }

  async rows<Row extends object>(sql: string, ...values: readonly unknown[]): Promise<readonly Row[]> {
    return (await this.client.query<Row>(sql, [...values])).rows;
  }

  /** Changes what is refused to be changed, as a superuser can. */
  async tamper(sql: string, ...values: readonly unknown[]): Promise<void> {
    await this.client.query('set session_replication_role = replica');
    await this.rows(sql, ...values);
    await this.client.query('set session_replication_role = origin');
  }

  /** Gives what is read as a person sees it: with the texts about people in the place of their ids. */
  async shown<T>(value: T): Promise<T> {
    const rows = await this.rows<PrivateText>('select id, text from private_texts');
    const texts = new Map(rows.map(({ id, text }) => [id, text]));
    const shown: T = JSON.parse(replacePrivateIds(JSON.stringify(value), (id) => texts.get(id) ?? erasedName(id)));
    return shown;
  }

  #next(messages: number): Checkpoint {
    this.#streamSeq += messages;
    return { streamCreated: 'test', streamSeq: this.#streamSeq, storedAt: null };
  }
}
