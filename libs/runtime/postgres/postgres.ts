// Opens Postgres: a pool with kysely on it, and LISTEN on a connection of its own that comes back by itself.
import { Kysely, PostgresDialect } from 'kysely';
import { Client, Pool, escapeIdentifier } from 'pg';
import type { Database } from './database.ts';
import { fail, messageOf } from '#libs/runtime/errors.ts';
import type { Logger } from '#libs/runtime/log.ts';
import { backoff, pause } from '#libs/runtime/pause.ts';

export interface Postgres {
  readonly pool: Pool;
  readonly db: Kysely<Database>;
  /** Resolves once a query is answered; keeps trying until then or until the signal. */
  ready(signal?: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

/** Opens a pool; connects when it is first used. */
export function openPostgres(options: {
  readonly url: string;
  readonly log: Logger;
  readonly poolMax?: number;
  readonly name?: string;
}): Postgres {
  const pool = new Pool({
    connectionString: options.url,
    max: options.poolMax ?? 10,
    application_name: options.name ?? 'fleetgate',
    connectionTimeoutMillis: 10_000,
    idleTimeoutMillis: 60_000,
    keepAlive: true,
  });
  // Without a listener a connection that dies while idle would end the process; the pool replaces it by itself.
  pool.on('error', (error) => options.log.warn({ reason: error.message }, 'an idle Postgres connection was lost'));
  const db = new Kysely<Database>({ dialect: new PostgresDialect({ pool }) });
  return {
    pool,
    db,
    ready: (signal) => untilAnswered(pool, options.log, signal),
    async close() {
      // kysely ends only a pool that it has used.
      await db.destroy();
      if (!pool.ending) await pool.end();
    },
  };
}

export interface Listening {
  stop(): Promise<void>;
}

const connectTimeoutMs = 10_000;
const checkEveryMs = 10_000;

/**
 * Calls `onNotify` for each notification of the channels, and for each channel with a null payload after a reconnect:
 * what came meanwhile is unknown, read again. Resolves once it listens; keeps trying until then or until the signal.
 */
export async function listen(
  url: string,
  channels: readonly string[],
  onNotify: (channel: string, payload: string | null) => void,
  log: Logger,
  signal: AbortSignal,
): Promise<Listening> {
  const stopping = new AbortController();
  const stopped = AbortSignal.any([signal, stopping.signal]);
  const first = Promise.withResolvers<void>();
  const loop = listenLoop(url, channels, onNotify, log, stopped, first.resolve);
  await Promise.race([first.promise, loop]);
  return {
    async stop() {
      stopping.abort();
      await loop;
    },
  };
}

async function listenLoop(
  url: string,
  channels: readonly string[],
  onNotify: (channel: string, payload: string | null) => void,
  log: Logger,
  signal: AbortSignal,
  onFirst: () => void,
): Promise<void> {
  let connections = 0;
  for (let attempt = 0; !signal.aborted; attempt++) {
    const client = new Client({
      connectionString: url,
      application_name: 'fleetgate-listen',
      connectionTimeoutMillis: connectTimeoutMs,
      keepAlive: true,
    });
    try {
      await listenOnce(client, channels, onNotify, signal, () => {
        attempt = 0;
        connections += 1;
        if (connections === 1) onFirst();
        else for (const channel of channels) onNotify(channel, null);
      });
    } catch (error) {
      if (!signal.aborted) log.warn({ reason: messageOf(error), attempt }, 'listening on Postgres was interrupted');
    } finally {
      await client.end().catch(() => undefined);
    }
    await pause(backoff(attempt, { minMs: 50, maxMs: 5000 }), signal);
  }
}

/** Listens on one connection; returns at the signal, throws when the connection is lost. */
async function listenOnce(
  client: Client,
  channels: readonly string[],
  onNotify: (channel: string, payload: string | null) => void,
  signal: AbortSignal,
  onListening: () => void,
): Promise<void> {
  const lost = Promise.withResolvers<void>();
  client.on('error', lost.reject);
  client.on('end', () => lost.reject(new Error('the connection ended')));
  client.on('notification', (message) => onNotify(message.channel, message.payload ?? ''));
  lost.promise.catch(() => undefined);
  const abort = (): void => lost.resolve();
  signal.addEventListener('abort', abort, { once: true });
  // A peer that vanished without a word shows up in a query that gets no answer.
  const check = setInterval(() => {
    const late = setTimeout(() => lost.reject(new Error('no answer')), connectTimeoutMs);
    client
      .query('select 1')
      .then(() => clearTimeout(late))
      .catch((error: unknown) => lost.reject(error));
  }, checkEveryMs);
  try {
    await Promise.race([client.connect(), lost.promise]);
    if (signal.aborted) return;
    await client.query(channels.map((channel) => `listen ${escapeIdentifier(channel)}`).join('; '));
    onListening();
    await lost.promise;
  } finally {
    clearInterval(check);
    signal.removeEventListener('abort', abort);
  }
}

async function untilAnswered(pool: Pool, log: Logger, signal: AbortSignal | undefined): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      await pool.query('select 1');
      return;
    } catch (error) {
      if (attempt === 0) log.warn({ err: fail('postgres-unreachable', messageOf(error)) }, 'waiting for Postgres');
    }
    await pause(backoff(attempt, { minMs: 50, maxMs: 2000 }), signal);
    if (signal?.aborted) throw fail('postgres-unreachable', 'stopped while waiting');
  }
}
