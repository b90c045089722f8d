// Decides who writes: the holder of a Postgres advisory lock, on a connection that also carries its transactions.
// Taking the lock raises the epoch, which fences a writer that does not know yet that it lost the lock.
//
//   standby ──lock──▶ leader ──connection lost / released──▶ standby …
import { Client, type ClientBase } from 'pg';
import { fail, messageOf } from '#libs/runtime/errors.ts';
import type { Logger } from '#libs/runtime/log.ts';
import { backoff, pause } from '#libs/runtime/pause.ts';

/** Stands for the lock, held from `awaitLeadership` to `release`. */
export interface Leadership {
  /** The connection that holds the lock; writes go over it, so that lock and writes end together. */
  readonly client: Client;
  readonly epoch: string;
  /** Settles when the connection is gone, and the lock with it. */
  readonly lost: Promise<Error>;
  release(): Promise<void>;
}

const lockKey = 7_310_423_550_101;
const retryMs = 500;
const checkMs = 5000;
const connectTimeoutMs = 10_000;
const answerMs = 60_000;

/**
 * Waits for the lock (`onStandby` when another holds it), then raises the epoch; undefined when the signal came first.
 * Unreachable Postgres is waited for.
 */
export async function awaitLeadership(options: {
  readonly url: string;
  readonly log: Logger;
  readonly signal: AbortSignal;
  readonly onStandby?: () => void;
}): Promise<Leadership | undefined> {
  const { signal, log, onStandby } = options;
  for (let attempt = 0; !signal.aborted; attempt++) {
    const connection = openConnection(options.url);
    try {
      await connection.client.connect();
      const leadership = await contend(connection, signal, onStandby);
      if (leadership !== undefined) return leadership;
    } catch (error) {
      if (attempt === 0 && !signal.aborted)
        log.warn({ err: fail('postgres-unreachable', messageOf(error)) }, 'waiting for Postgres');
    }
    await connection.end();
    await pause(backoff(attempt, { minMs: 50, maxMs: 500 }), signal);
  }
  return undefined;
}

/** Takes the lock at once or not at all, without an epoch: for work that must have the projector stopped. */
export async function tryExclusive(client: ClientBase): Promise<boolean> {
  const { rows } = await client.query<{ taken: boolean }>('select pg_try_advisory_lock($1) as taken', [lockKey]);
  return rows[0]?.taken === true;
}

interface Connection {
  readonly client: Client;
  readonly lost: Promise<Error>;
  readonly fail: (error: Error) => void;
  end(): Promise<void>;
}

function openConnection(url: string): Connection {
  const client = new Client({
    connectionString: url,
    application_name: 'fleetgate projector',
    connectionTimeoutMillis: connectTimeoutMs,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
  });
  const lost = Promise.withResolvers<Error>();
  client.on('error', lost.resolve);
  client.on('end', () => lost.resolve(new Error('the connection to Postgres ended')));
  const end = (): Promise<void> => client.end().catch(() => undefined);
  // Ending it fails the queries that still wait for an answer.
  void lost.promise.then(end);
  return { client, lost: lost.promise, fail: lost.resolve, end };
}

async function contend(
  connection: Connection,
  signal: AbortSignal,
  onStandby: (() => void) | undefined,
): Promise<Leadership | undefined> {
  const { client } = connection;
  // The settings: Postgres notices a leader whose machine is gone, and frees the lock. A plan made while a table was
  // small is kept, and must not scan it when it has grown.
  await client.query(
    'set tcp_keepalives_idle = 10; set tcp_keepalives_interval = 5; set tcp_keepalives_count = 3; ' +
      'set enable_seqscan = off',
  );
  // Asked again and again, because a statement that waits for a lock holds back vacuum in the whole database.
  for (let attempt = 0; !(await tryExclusive(client)); attempt++) {
    if (attempt === 0) onStandby?.();
    await pause(retryMs, signal);
    if (signal.aborted) return undefined;
  }
  const { rows } = await client.query<{ epoch: string }>(
    'update projector set epoch = epoch + 1 where id = 1 returning epoch',
  );
  const epoch = rows[0]?.epoch;
  if (epoch === undefined) throw new Error('the table projector is empty');
  const check = setInterval(() => {
    const late = setTimeout(() => connection.fail(new Error('Postgres does not answer')), answerMs);
    void client
      .query('select 1')
      .catch(connection.fail)
      .finally(() => clearTimeout(late));
  }, checkMs);
  return {
    client,
    epoch,
    lost: connection.lost,
    async release() {
      clearInterval(check);
      await connection.end();
    },
  };
}
