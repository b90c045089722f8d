// Decides who writes: the holder of a Postgres advisory lock, on a connection that also carries its transactions.
// Taking the lock raises the epoch, which fences a writer that does not know yet that it lost the lock.
// A leader has a lease, too (presence.ts): one that does not renew it hangs, and a standby ends its connection.
//
//   standby ──lock──▶ leader ──connection lost / released──▶ standby …
import { Client, type ClientBase } from 'pg';
import { fail, messageOf } from '#libs/runtime/errors.ts';
import type { Logger } from '#libs/runtime/log.ts';
import { backoff, pause } from '#libs/runtime/pause.ts';
import { type ProjectorIdentity, leaseOf } from './presence.ts';

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
  readonly self: ProjectorIdentity;
  readonly onStandby?: () => void;
}): Promise<Leadership | undefined> {
  const { signal, log } = options;
  for (let attempt = 0; !signal.aborted; attempt++) {
    const connection = openConnection(options.url);
    try {
      await connection.client.connect();
      const leadership = await contend(connection, options);
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
  { signal, self, log, onStandby }: Parameters<typeof awaitLeadership>[0],
): Promise<Leadership | undefined> {
  const { client } = connection;
  // The settings: Postgres notices a leader whose machine is gone, and frees the lock. A plan made while a table was
  // small is kept, and must not scan it when it has grown.
  await client.query(
    'set tcp_keepalives_idle = 10; set tcp_keepalives_interval = 5; set tcp_keepalives_count = 3; ' +
      'set enable_seqscan = off',
  );
  let epoch = await tryLead(client, self);
  // Asked again and again, because a statement that waits for a lock holds back vacuum in the whole database.
  for (let attempt = 0; epoch === undefined; attempt++) {
    if (attempt === 0) onStandby?.();
    await endHungLeader(client, log);
    await pause(retryMs, signal);
    if (signal.aborted) return undefined;
    epoch = await tryLead(client, self);
  }
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

/** Takes the lock, raises the epoch and begins the lease at once, or does nothing of it. */
async function tryLead(client: ClientBase, self: ProjectorIdentity): Promise<string | undefined> {
  const { projector, host, pid, version } = self;
  const { rows } = await client.query<{ epoch: string }>(takeQuery, [
    lockKey,
    projector,
    host,
    pid,
    version,
    leaseOf(self, 'loading') / 1000,
  ]);
  return rows[0]?.epoch;
}

const takeQuery = `
  with got as materialized (select pg_try_advisory_lock($1) as taken),
       raised as (update projector set epoch = epoch + 1 where id = 1 and (select taken from got) returning epoch)
  insert into projectors (projector, host, pid, version, phase, since, last_seen, epoch, backend, lease_until)
  select $2, $3, $4, $5, 'loading', now(), now(), epoch, pg_backend_pid(), now() + make_interval(secs => $6::float8)
    from raised
  on conflict (projector) do update set phase = excluded.phase, since = excluded.since, last_seen = excluded.last_seen,
    epoch = excluded.epoch, backend = excluded.backend, lease_until = excluded.lease_until
  returning epoch::text as epoch`;

/** Ends the connection of a leader whose lease is over, which frees the lock; its epoch fences it when it wakes up. */
async function endHungLeader(client: ClientBase, log: Logger): Promise<void> {
  const { rows } = await client.query<{ projector: string; since: Date }>(hungQuery, [lockKey]);
  for (const { projector, since } of rows)
    log.warn({ projector, since }, 'the leader does not renew its lease and is replaced');
}

// A rebuild holds the lock, too: it has no lease, and is left alone.
const hungQuery = `
  select p.projector, p.last_seen as since, pg_terminate_backend(l.pid)
    from projectors p
    join projector now on now.epoch = p.epoch
    join pg_locks l on l.pid = p.backend
   where p.lease_until < clock_timestamp() and l.locktype = 'advisory' and l.granted and l.objsubid = 1
     and l.database = (select oid from pg_database where datname = current_database())
     and (l.classid::bigint << 32) | l.objid::bigint = $1::bigint`;
