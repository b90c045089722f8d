// Measures what it costs the projector that the history is a log: two databases beside each other in one run, batch by
// batch in turns, one with leaves, tiles and root, one without any of it. Both fold the same events and commit them
// with the projector's own statement, into a real Postgres that waits for the disk.
//
//   npx node loadtest/log-cost-bench.ts [events] [single changes]
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import type { ChangeEvent } from '#libs/events/change-event.ts';
import { Projection } from '#libs/projection/projection.ts';
import { createLogger } from '#libs/runtime/log.ts';
import { startPostgres } from '#libs/runtime/postgres/embedded-postgres.ts';
import { shopService, smallRoute, webGateway } from './web-gateway.ts';
import { quantile } from '#libs/testing/quantile.ts';
import { migrate } from '../migrations/run.ts';
import { ClusterRegistry } from '../services/projector/clusters/cluster-registry.ts';
import { Intake } from '../services/projector/ingest/intake.ts';
import { buildCommitRows } from '../services/projector/store/commit-rows.ts';
import { commit } from '../services/projector/store/commit.ts';
import { EventLog } from '../services/projector/store/event-log.ts';
import { buildMentionRows } from '../services/projector/store/mention-rows.ts';

const count = Number(process.argv[2] ?? 20_000);
const singles = Number(process.argv[3] ?? 500);
const batchMax = 500;
const routes = 10_000;

/** One of the two projectors. */
class Lane {
  /** Of each transaction. */
  readonly ms: number[] = [];
  /** Processor time of this process, in all transactions. */
  cpuMs = 0;
  readonly #client: Client;
  readonly #log: EventLog | undefined;
  readonly #projection = new Projection({ limits: {} });
  readonly #registry = new ClusterRegistry();
  #seq = 0n;

  constructor(client: Client, eventLog: EventLog | undefined) {
    this.#client = client;
    this.#log = eventLog;
  }

  static async open(url: string, database: string, isLogged: boolean): Promise<Lane> {
    const admin = new Client({ connectionString: url });
    await admin.connect();
    await admin.query(`create database ${database}`);
    await admin.end();
    const own = new URL(url);
    own.pathname = `/${database}`;
    await migrate(own.href);
    const client = new Client({ connectionString: own.href });
    await client.connect();
    if (isLogged) return new Lane(client, new EventLog());
    await client.query('alter table events alter column leaf drop not null');
    return new Lane(client, undefined);
  }

  async append(events: readonly ChangeEvent[]): Promise<void> {
    const [begun, cpu] = [performance.now(), process.cpuUsage()];
    const intake = new Intake(this.#registry, this.#projection);
    for (const event of events) intake.add(event);
    const numbered = intake.events.map((event) => ({ seq: (this.#seq += 1n), event }));
    const change = this.#projection.apply({ events: numbered, slices: [], sealed: [] }, noContent);
    const mentions = buildMentionRows(numbered, (key) => intake.before.get(key));
    const clusters = [...intake.clusters].map(([name, uid]) => ({ name, uid }));
    const rows = { ...buildCommitRows(numbered, [], change, clusters), mentions };
    const recordedAt = new Date();
    const growth = this.#log?.append(rows.events, recordedAt);
    const checkpoint = { streamCreated: 'bench', streamSeq: Number(this.#seq), storedAt: null };
    await commit(this.#client, { epoch: '0', checkpoint, recordedAt }, { ...rows, log: growth });
    this.ms.push(performance.now() - begun);
    const { user, system } = process.cpuUsage(cpu);
    this.cpuMs += (user + system) / 1000;
  }

  /** Gives the processor time that Postgres has spent for it, from Linux; in milliseconds. */
  async backendCpuMs(): Promise<number> {
    const { rows } = await this.#client.query<{ pid: number }>('select pg_backend_pid() as pid');
    const stat = await readFile(`/proc/${rows[0]?.pid ?? 0}/stat`, 'utf8');
    // utime and stime, in hundredths of a second.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) * 10;
  }

  async close(): Promise<void> {
    await this.#client.end();
  }
}

const folder = await mkdtemp(join(tmpdir(), 'fleetgate-bench-'));
const log = createLogger({ service: 'bench', level: 'error' });
const postgres = await startPostgres({ dataDir: folder, log });
try {
  const model = cpus()[0]?.model ?? 'unknown';
  print('machine', `${cpus().length} × ${model}, load before ${(loadavg()[0] ?? 0).toFixed(1)}`);
  const plain = await Lane.open(postgres.url, 'plain', false);
  const logged = await Lane.open(postgres.url, 'logged', true);
  await inTurns(plain, logged, [[...webGateway(), shopService('shop')]]);
  clear(plain, logged);

  const changes = Array.from({ length: count }, (_, index) =>
    smallRoute(index % routes, 1 + Math.floor(index / routes)),
  );
  const batches = Array.from({ length: Math.ceil(count / batchMax) }, (_, at) =>
    changes.slice(at * batchMax, (at + 1) * batchMax),
  );
  const before = [await plain.backendCpuMs(), await logged.backendCpuMs()];
  await inTurns(plain, logged, batches);
  const after = [await plain.backendCpuMs(), await logged.backendCpuMs()];
  const [without, with_] = [plain, logged].map(({ ms }) => ms.reduce((sum, one) => sum + one, 0));
  print('bulk, without the log', `${rate(count, without ?? 0)} events/s`);
  print('bulk, with the log', `${rate(count, with_ ?? 0)} events/s`);
  print(
    'cost in bulk',
    `${(((with_ ?? 0) / (without ?? 1) - 1) * 100).toFixed(1)} % more time, ${pairs(plain, logged)}`,
  );
  const cpu = [plain, logged].map(({ cpuMs }, at) => [cpuMs, (after[at] ?? 0) - (before[at] ?? 0)] as const);
  for (const [at, [own, backend]] of cpu.entries()) {
    const each = `${perEvent(own)} µs in the projector, ${perEvent(backend)} µs in Postgres`;
    print(`processor time of an event, ${at === 0 ? 'without' : 'with'} the log`, each);
  }
  const [plainCpu, loggedCpu] = cpu.map(([own, backend]) => own + backend);
  print('cost in processor time', `${(((loggedCpu ?? 0) / (plainCpu ?? 1) - 1) * 100).toFixed(1)} %`);

  clear(plain, logged);
  const next = Math.floor(count / routes) + 2;
  await inTurns(
    plain,
    logged,
    Array.from({ length: singles }, (_, index) => [smallRoute(index % routes, next + Math.floor(index / routes))]),
  );
  for (const [name, { ms }] of [['without', plain] as const, ['with', logged] as const])
    print(
      `single change, ${name} the log`,
      `p50 ${quantile(ms, 0.5).toFixed(2)} ms, p90 ${quantile(ms, 0.9).toFixed(2)} ms`,
    );
  await plain.close();
  await logged.close();
} finally {
  await postgres.stop();
  await rm(folder, { recursive: true, force: true });
}

/** Gives each batch to both, now to one first and now to the other: what a machine does meanwhile meets both. */
async function inTurns(a: Lane, b: Lane, batches: readonly (readonly ChangeEvent[])[]): Promise<void> {
  for (const [index, batch] of batches.entries())
    for (const lane of index % 2 === 0 ? [a, b] : [b, a]) await lane.append(batch);
}

/** Says the median of what each batch took more: less moved by a few slow ones than the sum. */
function pairs(plain: Lane, logged: Lane): string {
  const shares = plain.ms.map((ms, index) => (logged.ms[index] ?? ms) / ms - 1);
  return `median of the batches ${(quantile(shares, 0.5) * 100).toFixed(1)} %`;
}

function clear(...lanes: readonly Lane[]): void {
  for (const lane of lanes) {
    lane.ms.length = 0;
    lane.cpuMs = 0;
  }
}

function noContent(): never {
  throw new Error('nothing is rolled back here');
}

function perEvent(ms: number): string {
  return ((ms / count) * 1000).toFixed(0);
}

function rate(events: number, ms: number): number {
  return Math.round((events / ms) * 1000);
}

function print(what: string, result: string): void {
  process.stdout.write(`${what}: ${result}\n`);
}
