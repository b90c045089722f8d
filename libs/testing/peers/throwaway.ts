// Starts real peers for tests: one Postgres per test process with a database of its own for each caller, and one NATS
// server per caller. All are gone when the test ends.
import { cp, mkdir, mkdtemp, rename, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Client } from 'pg';
import t from 'tap';
import { cacheFolder } from '#libs/runtime/binaries/resolve-binary.ts';
import { startNats } from '#libs/runtime/nats/embedded-nats.ts';
import { type EmbeddedPostgres, startPostgres } from '#libs/runtime/postgres/embedded-postgres.ts';
import { type Logger, createLogger } from '#libs/runtime/log.ts';

/** What a tap test offers for cleaning up. */
export interface Teardown {
  teardown(fn: () => unknown): void;
}

/** Gives a logger that says only what is wrong, unless FLEETGATE_LOG_LEVEL asks for more. */
export function testLogger(service = 'test'): Logger {
  return createLogger({ service, level: process.env['FLEETGATE_LOG_LEVEL'] ?? 'silent', pretty: true });
}

/** Makes an empty folder that is removed with the test. */
export async function throwawayFolder(test: Teardown): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'fg-test-'));
  test.teardown(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
  return folder;
}

/** Starts a NATS server with JetStream. */
export async function throwawayNats(test: Teardown): Promise<{ readonly url: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'fg-test-'));
  const server = await startNats({ dataDir: folder, log: testLogger() });
  test.teardown(async () => {
    await server.stop();
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  });
  return { url: server.url };
}

/** Makes a new database with the schema of migrations/; `schema: 'none'` leaves it empty. */
export async function throwawayPostgres(
  test: Teardown,
  options: { readonly schema?: 'migrated' | 'none' } = {},
): Promise<{ readonly url: string }> {
  const server = await sharedServer();
  const name = `test_${(databases += 1)}`;
  const template = options.schema === 'none' ? 'template0' : await (migrated ??= migrateTemplate(server));
  // Copying a database wants the template to itself.
  const made = making.then(() => query(server.url, `create database ${name} template ${template}`));
  making = made.catch(() => undefined);
  await made;
  test.teardown(() => query(server.url, `drop database ${name} with (force)`));
  return { url: databaseUrl(server, name) };
}

let shared: Promise<EmbeddedPostgres> | undefined;
let migrated: Promise<string> | undefined;
let making: Promise<unknown> = Promise.resolve();
let databases = 0;

function sharedServer(): Promise<EmbeddedPostgres> {
  shared ??= startShared();
  return shared;
}

async function startShared(): Promise<EmbeddedPostgres> {
  const folder = await mkdtemp(join(tmpdir(), 'fg-test-'));
  await cp(await preparedFolder(), folder, { recursive: true });
  // Nothing of a test needs to survive a power cut.
  const settings = { fsync: 'off', full_page_writes: 'off', shared_buffers: '32MB' };
  const server = await startPostgres({ dataDir: folder, log: testLogger(), settings });
  t.teardown(async () => {
    await server.stop();
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  });
  return server;
}

/** Gives a data folder fresh from initdb, made once per machine. */
async function preparedFolder(): Promise<string> {
  const target = join(cacheFolder(), 'test', 'postgres-18.4-1');
  if (await exists(target)) return target;
  await mkdir(dirname(target), { recursive: true });
  const temporary = await mkdtemp(`${target}.`);
  const server = await startPostgres({ dataDir: temporary, log: testLogger() });
  await server.stop();
  await rename(temporary, target).catch(async (error: unknown) => {
    await rm(temporary, { recursive: true, force: true });
    // Another process was faster.
    if (!(await exists(target))) throw error;
  });
  return target;
}

async function migrateTemplate(server: EmbeddedPostgres): Promise<string> {
  const name = 'migrated';
  await query(server.url, `create database ${name}`);
  const { migrate } = await import('../../../migrations/run.ts');
  await migrate(databaseUrl(server, name));
  // Tests begin with an empty history: that the template was migrated is no part of it.
  await query(databaseUrl(server, name), 'delete from deeds');
  return name;
}

function databaseUrl(server: EmbeddedPostgres, name: string): string {
  const url = new URL(server.url);
  url.pathname = `/${name}`;
  return url.href;
}

async function query(url: string, sql: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
