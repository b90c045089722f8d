// Tests the embedded server and the connections against a real Postgres, which is killed on the way.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { sql } from 'kysely';
import t from 'tap';
import { eventually } from '#libs/testing/eventually.ts';
import { testLogger, throwawayFolder, throwawayPostgres } from '#libs/testing/peers/throwaway.ts';
import type { Database } from './database.ts';
import { startPostgres } from './embedded-postgres.ts';
import { type Postgres, listen, openPostgres } from './postgres.ts';
import { identityOf, signalProcess } from '#libs/runtime/process/process-identity.ts';

const log = testLogger();

void t.test('types: bigint is a string, timestamptz a Date, jsonb parsed', async (t) => {
  const { url } = await throwawayPostgres(t);
  const { db } = pool(t, url);
  await db
    .insertInto('nodes')
    .values({
      node: 'n',
      version: '1',
      labels: JSON.stringify({ a: 'b' }),
      serves: JSON.stringify(['*']),
      addresses: '[]',
      replica: 'r',
      connected: true,
      envoy: 'live',
      first_seen: '2026-01-01T00:00:00Z',
      last_seen: new Date(0),
    })
    .execute();
  const node = await db.selectFrom('nodes').selectAll().executeTakeFirstOrThrow();
  t.same(node.labels, { a: 'b' });
  t.same(node.first_seen, new Date('2026-01-01T00:00:00Z'));
  const projector = await db.selectFrom('projector').selectAll().executeTakeFirstOrThrow();
  t.equal(projector.epoch, '0');
  t.equal(projector.stream_created, null);
});

void t.test('close ends every connection, whoever used the pool', async (t) => {
  const { url } = await throwawayPostgres(t, { schema: 'none' });
  const watcher = pool(t, url);
  const others = `select 1 from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`;
  const both = openPostgres({ url, log });
  const none = openPostgres({ url, log });
  await both.pool.query('select 1');
  await sql`select 1`.execute(both.db);
  await none.pool.query('select 1');
  t.equal((await watcher.pool.query(others)).rows.length, 2);
  await both.close();
  await none.close();
  await eventually(async () => (await watcher.pool.query(others)).rows.length === 0);
});

void t.test('the Database interface names the tables of the migrations', async (t) => {
  const { url } = await throwawayPostgres(t);
  const { db } = pool(t, url);
  const found = await sql<{ name: string }>`
    select table_name as name from information_schema.tables
    where table_schema = 'public' and table_name not like 'kysely%' order by 1`.execute(db);
  const known: Record<keyof Database, true> = {
    projector: true,
    projectors: true,
    clusters: true,
    events: true,
    event_facts: true,
    event_names: true,
    event_index: true,
    object_mentions: true,
    objects: true,
    endpoint_slices: true,
    gateways: true,
    snapshots: true,
    snapshot_changes: true,
    entries: true,
    statuses: true,
    discovery: true,
    nodes: true,
    node_gateways: true,
    version_applications: true,
    departed_nodes: true,
    tokens: true,
    log_tiles: true,
    archives: true,
    archived_versions: true,
    private_texts: true,
    deeds: true,
    agents: true,
  };
  t.same(
    found.rows.map(({ name }) => name),
    Object.keys(known).toSorted(),
  );
  for (const table of Object.keys(known)) {
    const columns = await sql<{ name: string }>`
      select column_name as name from information_schema.columns where table_name = ${table} order by 1`.execute(db);
    t.same(
      columns.rows.map(({ name }) => name),
      await declaredColumns(table),
      table,
    );
  }
});

void t.test('listen delivers, comes back after its connection is cut, and then says so', async (t) => {
  const { url } = await throwawayPostgres(t, { schema: 'none' });
  const { pool: connections } = pool(t, url);
  const got: [string, string | null][] = [];
  const stop = new AbortController();
  await listen(url, ['One', 'two'], (channel, payload) => got.push([channel, payload]), log, stop.signal);
  await connections.query(`select pg_notify('One', 'a'), pg_notify('two', ''), pg_notify('other', 'x')`);
  await eventually(() => got.length === 2);
  t.same(got.splice(0), [
    ['One', 'a'],
    ['two', ''],
  ]);
  await connections.query(
    `select pg_terminate_backend(pid) from pg_stat_activity
     where application_name = 'fleetgate-listen' and datname = current_database()`,
  );
  await eventually(() => got.length === 2);
  t.same(got.splice(0), [
    ['One', null],
    ['two', null],
  ]);
  await connections.query(`select pg_notify('two', 'b')`);
  await eventually(() => got.length === 1);
  t.same(got, [['two', 'b']]);
  stop.abort();
  await eventually(async () => {
    const { rows } = await connections.query(
      `select 1 from pg_stat_activity where application_name = 'fleetgate-listen' and datname = current_database()`,
    );
    return rows.length === 0;
  });
});

void t.test('waiting for a Postgres that is not there ends with the signal', async (t) => {
  const url = 'postgresql://nobody@127.0.0.1:1/none';
  await t.rejects(pool(t, url).ready(AbortSignal.timeout(100)), { code: 'postgres-unreachable' });
  await listen(url, ['one'], () => t.fail('called'), log, AbortSignal.timeout(100));
});

void t.test('kill -9 of Postgres: it comes back with what was committed, and so do pool and listener', async (t) => {
  const folder = await throwawayFolder(t);
  const server = await startPostgres({ dataDir: folder, log });
  t.teardown(() => server.stop());
  const postgres = pool(t, server.url);
  await postgres.pool.query('create table numbers (n int primary key)');
  let missed = 0;
  const stop = new AbortController();
  t.teardown(() => stop.abort());
  await listen(server.url, ['x'], (_, payload) => (missed += payload === null ? 1 : 0), log, stop.signal);
  const committed: number[] = [];
  for (let n = 1; n <= 60; n++) {
    if (n % 20 === 0 && server.pid !== undefined) signalProcess(server.pid, 'SIGKILL');
    await eventually(
      () => postgres.pool.query('insert into numbers values ($1) on conflict do nothing', [n]).then(() => true),
      { timeoutMs: 60_000 },
    );
    committed.push(n);
  }
  await eventually(() => missed >= 1);
  const { rows } = await eventually(() => postgres.pool.query<{ n: number }>('select n from numbers order by n'));
  t.same(
    rows.map(({ n }) => n),
    committed,
  );
  await postgres.ready();
  t.equal((await stat(join(folder, 'password'))).mode & 0o777, 0o600);
  t.equal((await stat(join(folder, 'data'))).mode & 0o777, 0o700);
  await t.rejects(startPostgres({ dataDir: folder, log }), { code: 'data-in-use' });
});

void t.test('both ways to connect work, fsync is on, and a restart keeps url and rows', async (t) => {
  const folder = await throwawayFolder(t);
  const first = await startPostgres({ dataDir: folder, log });
  const { pool: connections } = pool(t, first.tcpUrl);
  await connections.query('create table kept (n int); insert into kept values (1)');
  const { rows } = await connections.query('show fsync');
  t.same(rows, [{ fsync: 'on' }]);
  await first.stop();
  const second = await startPostgres({ dataDir: folder, log });
  t.teardown(() => second.stop());
  t.equal(second.url, first.url);
  t.same((await pool(t, second.url).pool.query('select n from kept')).rows, [{ n: 1 }]);
});

void t.test('an owner that is killed leaves nothing that stops the next one', async (t) => {
  const folder = await throwawayFolder(t);
  const program = `
    import { startPostgres } from ${JSON.stringify(new URL('embedded-postgres.ts', import.meta.url).href)};
    import { createLogger } from ${JSON.stringify(new URL('../log.ts', import.meta.url).href)};
    const log = createLogger({ service: 't', level: 'silent' });
    const server = await startPostgres({ dataDir: process.argv[1], log });
    console.log(server.pid);
    setInterval(() => undefined, 1000);`;
  // Without the death signal, as where the system has none: setpriv is not found.
  const env = { ...process.env, PATH: '/nonexistent' };
  const bare = process.getuid?.() === 0 ? process.env : env;
  const owner = spawn(process.execPath, ['--input-type=module', '-e', program, folder], {
    env: bare,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const pid = await new Promise<number>((resolve) => {
    owner.stdout.once('data', (chunk: Buffer) => resolve(Number(chunk.toString())));
  });
  t.ok(await identityOf(pid));
  owner.kill('SIGKILL');
  // Until it is gone it holds the folder.
  await once(owner, 'exit');
  const server = await startPostgres({ dataDir: folder, log });
  t.teardown(() => server.stop());
  t.equal(await identityOf(pid), undefined, 'the one before is gone');
});

void t.test('faults of the folder are named', async (t) => {
  const folder = await throwawayFolder(t);
  const server = await startPostgres({ dataDir: folder, log });
  await server.stop();
  await writeFile(join(folder, 'password'), 'another');
  await t.rejects(startPostgres({ dataDir: folder, log }), { code: 'postgres-start', hint: /password/ });
  await writeFile(join(folder, 'data', 'PG_VERSION'), '17\n');
  await t.rejects(startPostgres({ dataDir: folder, log }), { code: 'postgres-start', message: /17/ });
  await writeFile(join(folder, 'data', 'PG_VERSION'), '18\n');
  await writeFile(join(folder, 'data', 'global', 'pg_control'), 'broken');
  await t.rejects(startPostgres({ dataDir: folder, log }), { code: 'postgres-start' });
  if (process.getuid?.() !== 0) {
    await chmod(folder, 0o500);
    await t.rejects(startPostgres({ dataDir: join(folder, 'sub'), log }), { code: 'file' });
    await chmod(folder, 0o700);
  }
});

function pool(t: { teardown(fn: () => unknown): void }, url: string): Postgres {
  const postgres = openPostgres({ url, log, poolMax: 4 });
  t.teardown(() => postgres.close());
  return postgres;
}

/** The columns that database.ts declares for a table, sorted. */
async function declaredColumns(table: string): Promise<readonly string[]> {
  const text = await readFile(fileURLToPath(new URL('database.ts', import.meta.url)), 'utf8');
  const tables = text.slice(text.indexOf('export interface Database'));
  const type = new RegExp(`readonly ${table}: (\\w+);`).exec(tables)?.[1];
  const body = new RegExp(`interface ${type} \\{(.*?)^\\}`, 'ms').exec(text)?.[1] ?? '';
  return [...body.matchAll(/^ {2}readonly (\w+):/gm)].map((match) => match[1] ?? '').toSorted();
}
