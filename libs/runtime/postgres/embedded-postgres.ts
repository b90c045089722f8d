// Runs a real Postgres as a child: its data folder, one database, a Unix socket where the path allows and 127.0.0.1.
// fsync stays on. It comes back by itself after a crash; one that a killed owner left behind is stopped before the
// start.
import { execFile } from 'node:child_process';
import { chown, mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { Client } from 'pg';
import { type Child, startChild, withDeathSignal } from '#libs/runtime/process/child.ts';
import { fail, messageOf } from '#libs/runtime/errors.ts';
import type { Logger } from '#libs/runtime/log.ts';
import { pause } from '#libs/runtime/pause.ts';
import { type PostgresPrograms, preparePostgres } from './postgres-binaries.ts';
import { commandLineOf, identityOf, isRunning, signalProcess } from '#libs/runtime/process/process-identity.ts';
import { type ServerFolder, openServerFolder } from '#libs/runtime/process/server-folder.ts';

export interface EmbeddedPostgres {
  /** With user and password; over the Unix socket where there is one. */
  readonly url: string;
  /** The same over 127.0.0.1. */
  readonly tcpUrl: string;
  readonly port: number;
  /** Undefined between a crash and the restart. */
  readonly pid: number | undefined;
  stop(): Promise<void>;
}

interface EmbeddedPostgresOptions {
  readonly dataDir: string;
  readonly port?: number;
  readonly log: Logger;
  /** Settings beside ours, such as fsync=off in tests. */
  readonly settings?: Readonly<Record<string, string>>;
}

const user = 'fleetgate';
const database = 'fleetgate';
const major = '18';
const readyWithinMs = 120_000;
const tries = 3;
/** sun_path holds 104 bytes on macOS; the socket's name takes up to 16. */
const socketFolderMax = 85;

const settings: Readonly<Record<string, string>> = {
  // Commits wait for the disk and for nothing else.
  fsync: 'on',
  synchronous_commit: 'on',
  commit_delay: '0',
  // Nothing replicates from here.
  wal_level: 'minimal',
  max_wal_senders: '0',
  max_wal_size: '1GB',
  checkpoint_timeout: '15min',
  // Short statements: planning and starting workers would cost more than they save.
  jit: 'off',
  max_parallel_workers_per_gather: '0',
  max_connections: '100',
  shared_buffers: '128MB',
  logging_collector: 'off',
  log_min_messages: 'warning',
  timezone: 'UTC',
  log_timezone: 'UTC',
};

/**
 * Starts it, makes the folder and the database when they are new, and waits until it answers. Throws FleetgateError
 * 'postgres-start', 'data-in-use', 'port-in-use'.
 */
export async function startPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const programs = await preparePostgres();
  const dataDir = resolve(options.dataDir);
  const folder = await openServerFolder(dataDir, 'postgres', 'SIGINT');
  try {
    const data = join(dataDir, 'data');
    if (programs.user) await chown(dataDir, programs.user.uid, programs.user.gid);
    await initialise(data, dataDir, programs);
    await stopStray(data);
    for (let attempt = 1; ; attempt++) {
      const server = await launch(programs, data, folder, { ...options, dataDir });
      if (server !== undefined) return server;
      if (attempt === tries)
        throw fail('postgres-start', (await folder.logTail()) || `no answer within ${readyWithinMs} ms`);
    }
  } catch (error) {
    await folder.release();
    throw error;
  }
}

/** Starts one server; resolves to undefined when it ended before it was ready. */
async function launch(
  programs: PostgresPrograms,
  data: string,
  folder: ServerFolder,
  options: EmbeddedPostgresOptions,
): Promise<EmbeddedPostgres | undefined> {
  const port = await folder.port(options.port);
  const socket = await socketFolder(options.dataDir, programs);
  const child = await startServer(programs, data, folder, { ...options, port, socket });
  const credentials = `${user}:${folder.password}`;
  const tcpUrl = `postgresql://${credentials}@127.0.0.1:${port}/${database}`;
  const url =
    socket === undefined
      ? tcpUrl
      : `postgresql://${credentials}@localhost:${port}/${database}?host=${encodeURIComponent(socket)}`;
  const stop = async (): Promise<void> => {
    await child.server.stop({ signal: 'SIGINT', graceMs: 20_000 });
    if (socket !== undefined && socket !== options.dataDir) await rm(socket, { recursive: true, force: true });
  };
  const ready = await becomesReady(url, child.server, child.ended).catch(async (error: unknown) => {
    await stop();
    throw error;
  });
  if (!ready) {
    await stop();
    return undefined;
  }
  return {
    url,
    tcpUrl,
    port,
    get pid() {
      return child.server.pid;
    },
    async stop() {
      await stop();
      await folder.release();
    },
  };
}

async function startServer(
  programs: PostgresPrograms,
  data: string,
  folder: ServerFolder,
  options: EmbeddedPostgresOptions & { readonly port: number; readonly socket: string | undefined },
): Promise<{ readonly server: Child; readonly ended: AbortSignal }> {
  const all = {
    ...settings,
    ...options.settings,
    listen_addresses: '127.0.0.1',
    unix_socket_directories: options.socket ?? '',
    unix_socket_permissions: '0700',
  };
  const command = join(programs.native, 'bin', 'postgres');
  const args = ['-D', data, '-p', String(options.port)];
  for (const [name, value] of Object.entries(all)) args.push('-c', `${name}=${value}`);
  const [inner, innerArgs] = await withDeathSignal('SIGINT', command, args);
  const [program = inner, ...rest] = [...programs.prefix, inner, ...innerArgs];
  const early = new AbortController();
  const server = startChild({
    name: 'postgres',
    command: program,
    args: rest,
    ...programs.user,
    log: options.log,
    logFile: folder.logFile,
    // It must not take settings from the environment that belong to another server.
    env: withoutPostgresVariables(),
    restart: { minMs: 50, maxMs: 2000 },
    onStart: (pid) => void folder.recordServer(pid).catch(() => undefined),
    onExit: () => early.abort(),
  });
  return { server, ended: early.signal };
}

/** Makes a data folder beside and renames it, so that a half-made one is never taken for a whole one. */
async function initialise(data: string, dataDir: string, programs: PostgresPrograms): Promise<void> {
  const version = (await readFile(join(data, 'PG_VERSION'), 'utf8').catch(() => '')).trim();
  if (version === major) return;
  if (version !== '') {
    throw fail('postgres-start', `${data} was made by Postgres ${version}, this is ${major}`, {
      hint: 'Dump it with the old version and restore it with pg_dump and psql, or choose another folder with --data.',
    });
  }
  const temporary = `${data}.new`;
  await rm(temporary, { recursive: true, force: true });
  await mkdir(temporary, { mode: 0o700 });
  if (programs.user) {
    await chown(temporary, programs.user.uid, programs.user.gid);
    await chown(join(dataDir, 'password'), programs.user.uid, programs.user.gid);
  }
  const initdb = [
    ...programs.prefix,
    join(programs.native, 'bin', 'initdb'),
    ...['-D', temporary, '-U', user, '--pwfile', join(dataDir, 'password'), '--auth=scram-sha-256'],
    ...['--encoding=UTF8', '--locale=C', '--no-instructions'],
  ];
  const [program = '', ...args] = initdb;
  try {
    await promisify(execFile)(program, args, {
      env: withoutPostgresVariables(),
      timeout: readyWithinMs,
      ...programs.user,
    });
  } catch (error) {
    throw fail('postgres-start', `initdb: ${messageOf(error)}`, {
      cause: error,
      ...(programs.user
        ? { hint: 'Choose a folder with --data that the user nobody can reach: Postgres does not run as root here.' }
        : {}),
    });
  }
  await rename(temporary, data);
}

/** Stops a server on the data whose owner left no record of it. */
async function stopStray(data: string): Promise<void> {
  const text = await readFile(join(data, 'postmaster.pid'), 'utf8').catch(() => '');
  const found = await identityOf(Number(text.split('\n')[0]));
  if (found === undefined || !(await commandLineOf(found.pid)).includes(data)) return;
  signalProcess(found.pid, 'SIGINT');
  for (const giveUpAt = performance.now() + 20_000; await isRunning(found); await pause(10)) {
    if (performance.now() > giveUpAt) throw fail('data-in-use', `${data} is held by Postgres, process ${found.pid}`);
  }
}

/** Waits until it answers a query on our database, which is made when it is missing; false when it ended first. */
async function becomesReady(url: string, server: Child, ended: AbortSignal): Promise<boolean> {
  const giveUpAt = performance.now() + readyWithinMs;
  while (performance.now() < giveUpAt && !ended.aborted) {
    if (server.pid !== undefined && (await answers(url))) return true;
    await pause(10, ended);
  }
  return false;
}

/** SQLSTATE: invalid_catalog_name, invalid_password, invalid_authorization_specification. */
const noDatabase = '3D000';
const refused: readonly string[] = ['28P01', '28000'];

async function answers(url: string): Promise<boolean> {
  const state = await query(url, 'select 1');
  if (state === noDatabase) {
    const maintenance = new URL(url);
    maintenance.pathname = '/postgres';
    await query(maintenance.href, `create database ${database}`);
  }
  if (refused.includes(state)) {
    throw fail('postgres-start', 'it does not accept the password that is kept beside its data', {
      hint: 'Put back the file `password` that belongs to the data, or choose another folder with --data.',
    });
  }
  return state === '';
}

/** Runs a statement; resolves to '' when it worked, else to SQLSTATE or the system's code. */
async function query(url: string, sql: string): Promise<string> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 5000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query(sql);
    return '';
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** Chooses the data folder itself where its path is short enough, else a new one; undefined where neither is. */
async function socketFolder(dataDir: string, programs: PostgresPrograms): Promise<string | undefined> {
  if (Buffer.byteLength(dataDir) <= socketFolderMax) return dataDir;
  const folder = await mkdtemp(join(tmpdir(), 'fleetgate-'));
  if (Buffer.byteLength(folder) > socketFolderMax) {
    await rm(folder, { recursive: true, force: true });
    return undefined;
  }
  if (programs.user) await chown(folder, programs.user.uid, programs.user.gid);
  return folder;
}

function withoutPostgresVariables(): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('PG')));
}
