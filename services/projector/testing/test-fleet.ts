// Starts a real NATS and a real Postgres with projectors on them, and sends what agents and control would send.
import { randomUUID } from 'node:crypto';
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Client } from 'pg';
import type { ChangeEvent } from '#libs/events/change-event.ts';
import type { ChangeFact } from '#libs/events/change-fact.ts';
import type { OperatorEvent } from '#libs/events/operator-event.ts';
import { attributionSubject, changeSubject, operatorSubject, replyHeader } from '#libs/events/subjects.ts';
import { readOptions } from '#libs/runtime/config.ts';
import { tiedVariable } from '#libs/runtime/process/launcher.ts';
import { type Nats, connectNats } from '#libs/runtime/nats/nats.ts';
import { eventually } from '#libs/testing/eventually.ts';
import { logDifferences } from '#libs/testing/log-of-rows.ts';
import { type Teardown, testLogger, throwawayNats, throwawayPostgres } from '#libs/testing/peers/throwaway.ts';
import { projectorOptions } from '../options.ts';
import { startProjector } from '../projector.ts';
import { rebuildOptions } from '../rebuild/options.ts';
import { runRebuild } from '../rebuild/rebuild.ts';

export class TestFleet {
  readonly databaseUrl: string;
  readonly natsUrl: string;
  readonly nats: Nats;
  readonly #test: Teardown;
  readonly #sender = randomUUID();
  #published = 0;

  private constructor(test: Teardown, databaseUrl: string, natsUrl: string, nats: Nats) {
    this.#test = test;
    this.databaseUrl = databaseUrl;
    this.natsUrl = natsUrl;
    this.nats = nats;
  }

  static async open(
    test: Teardown,
    urls: { readonly databaseUrl?: string; readonly natsUrl?: string } = {},
  ): Promise<TestFleet> {
    const databaseUrl = urls.databaseUrl ?? (await throwawayPostgres(test)).url;
    const natsUrl = urls.natsUrl ?? (await throwawayNats(test)).url;
    const nats = await connectNats({ url: natsUrl, name: 'test', log: testLogger() });
    test.teardown(() => nats.close());
    return new TestFleet(test, databaseUrl, natsUrl, nats);
  }

  /** Starts a projector in this process; resolves when it runs, not when it leads. */
  async projector(flags: Readonly<Record<string, unknown>> = {}): Promise<Awaited<ReturnType<typeof startProjector>>> {
    const { databaseUrl, natsUrl } = this;
    const options = readOptions(projectorOptions, { databaseUrl, natsUrl, port: '0', ...flags }, {});
    const projector = await startProjector(options, testLogger('projector'), new AbortController().signal);
    this.#test.teardown(() => projector.stop());
    return projector;
  }

  /** Starts a projector in a process of its own, which ends with this one. */
  child(variables: Readonly<Record<string, string>> = {}): ChildProcess {
    const main = fileURLToPath(new URL('../main.ts', import.meta.url));
    const env = {
      ...process.env,
      ...variables,
      DATABASE_URL: this.databaseUrl,
      NATS_URL: this.natsUrl,
      FLEETGATE_PORT: '0',
      [tiedVariable]: '1',
    };
    const child = spawn(process.execPath, [main], { env, stdio: ['pipe', 'pipe', 'inherit'] });
    this.#test.teardown(() => child.kill('SIGKILL'));
    createInterface({ input: child.stdout }).on('line', (line) => testLogger('child').info(line));
    return child;
  }

  /** Publishes until it is stored, as agents do; each call is a message of its own. */
  async send(...events: readonly ChangeEvent[]): Promise<void> {
    for (const event of events) await this.sendRaw(changeSubject(event.cluster), event);
  }

  /** Publishes later facts in the same way. */
  async sendFacts(...facts: readonly ChangeFact[]): Promise<void> {
    for (const fact of facts) await this.sendRaw(attributionSubject(fact.cluster), fact);
  }

  async sendRaw(subject: string, json: unknown, headers: Readonly<Record<string, string>> = {}): Promise<void> {
    this.#published += 1;
    const id = `${this.#sender}-${this.#published}`;
    await eventually(async () => this.nats.publishStream(subject, json, { id, headers, timeoutMs: 1000 }), {
      timeoutMs: 60_000,
    });
  }

  /** Sends a command and waits for the answer. */
  async command(command: OperatorEvent | Readonly<Record<string, unknown>>): Promise<unknown> {
    const inbox = this.nats.newInbox();
    const answer = Promise.withResolvers<unknown>();
    const waiting = this.nats.subscribe(inbox, (json) => answer.resolve(json));
    await this.sendRaw(operatorSubject, command, { [replyHeader]: inbox });
    const late = setTimeout(() => answer.reject(new Error('no answer to a command')), 15_000);
    try {
      return await answer.promise;
    } finally {
      clearTimeout(late);
      await waiting.stop();
    }
  }

  /** Asks one query on a connection of its own, so that it works after Postgres was gone. */
  async rows<Row extends object>(sql: string, ...values: readonly unknown[]): Promise<readonly Row[]> {
    const client = new Client({ connectionString: this.databaseUrl });
    client.on('error', () => undefined);
    try {
      await client.connect();
      return (await client.query<Row>(sql, [...values])).rows;
    } finally {
      await client.end().catch(() => undefined);
    }
  }

  /**
   * Compares the history with what is stored and with its log; `write` gets the lines. Rejects with 'rebuild-differs'.
   */
  async verify(write: (line: string) => void = () => undefined): Promise<void> {
    const { databaseUrl } = this;
    await runRebuild(readOptions(rebuildOptions, { databaseUrl, verify: true }, {}), write);
    const client = new Client({ connectionString: databaseUrl });
    await client.connect();
    const differences = await logDifferences(client);
    await client.end();
    if (differences.length > 0) throw new Error(differences.join('; '));
  }

  /** Waits until the query gives true. */
  async until(condition: string): Promise<void> {
    await eventually(async () => {
      const [row] = await this.rows<{ ok: boolean }>(`select (${condition}) as ok`);
      return row?.ok === true;
    });
  }

  /** Waits until everything in the stream is committed. */
  async settled(): Promise<void> {
    const { created, lastSeq } = await this.nats.ensureStream();
    await this.until(
      `exists (select 1 from projector where stream_created = '${created}' and stream_seq >= ${lastSeq})`,
    );
  }
}
