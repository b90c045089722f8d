// The projector as a command: its options, and its life: wait for the lock, lead until it is lost, wait again.
import { type Options, defineOptions, flag, integer, port, text, url } from '#libs/runtime/config.ts';
import { fail, messageOf } from '#libs/runtime/errors.ts';
import { type HealthServer, type Readiness, startHealthServer } from '#libs/runtime/health.ts';
import type { RunningService } from '#libs/runtime/lifecycle.ts';
import type { Logger } from '#libs/runtime/log.ts';
import { createMetrics } from '#libs/runtime/metrics.ts';
import { type Nats, connectNats } from '#libs/runtime/nats/nats.ts';
import { backoff, pause } from '#libs/runtime/pause.ts';
import { type Postgres, openPostgres } from '#libs/runtime/postgres/postgres.ts';
import { migrationsPending } from '../../migrations/run.ts';
import { FenceLost } from './store/commit.ts';
import { awaitLeadership } from './leadership.ts';
import { limitsOf } from './limits.ts';
import { type ProjectorMetrics, createProjectorMetrics } from './metrics.ts';
import { Term } from './term.ts';
import { z } from 'zod';

export const projectorOptions = defineOptions({
  databaseUrl: {
    flag: '--database-url <url>',
    env: 'DATABASE_URL',
    schema: url('postgres', 'postgresql'),
    description: 'Postgres, version 15 or newer',
    secret: true,
  },
  natsUrl: {
    flag: '--nats-url <url>',
    env: 'NATS_URL',
    schema: text(),
    description: 'NATS with JetStream',
    secret: true,
  },
  natsCredentials: {
    flag: '--nats-credentials <text>',
    env: 'FLEETGATE_NATS_CREDENTIALS',
    schema: text().optional(),
    description: 'contents of a NATS credentials file',
    secret: true,
  },
  natsReplicas: {
    flag: '--nats-replicas <count>',
    env: 'FLEETGATE_NATS_REPLICAS',
    schema: integer({ min: 1, max: 5 }),
    description: 'copies of the stream, 3 in a NATS cluster',
    default: '1',
  },
  host: {
    flag: '--host <address>',
    env: 'FLEETGATE_HOST',
    schema: text(),
    description: 'where /healthz, /readyz and /metrics are served',
    default: '127.0.0.1',
  },
  port: {
    flag: '--port <port>',
    env: 'FLEETGATE_PORT',
    schema: port(),
    description: 'the same; 0 = any free port',
    default: '7421',
  },
  batchMax: {
    flag: '--batch-max <messages>',
    env: 'FLEETGATE_BATCH_MAX',
    schema: integer({ min: 1, max: 10_000 }),
    description: 'most messages that are taken from the stream at once',
    default: '1000',
  },
  standbyUnready: {
    flag: '--standby-unready',
    env: 'FLEETGATE_STANDBY_UNREADY',
    schema: flag(),
    description: 'answer /readyz with 503 while another projector leads',
  },
  entriesMax: {
    flag: '--entries-max <count>',
    env: 'FLEETGATE_ENTRIES_MAX',
    schema: integer({ min: 1 }).optional(),
    description: 'most entries in one gateway; beyond it the last version stays and an alarm says why',
  },
  bytesMax: {
    flag: '--bytes-max <bytes>',
    env: 'FLEETGATE_BYTES_MAX',
    schema: integer({ min: 1 }).optional(),
    description: 'the same for the bytes of its entries',
  },
  removedShareMax: {
    flag: '--removed-share-max <share>',
    env: 'FLEETGATE_REMOVED_SHARE_MAX',
    schema: z.coerce.number().min(0).max(1).optional(),
    description: 'the same for the share of its rules, 0 to 1, that one change may remove',
  },
  removedMin: {
    flag: '--removed-min <count>',
    env: 'FLEETGATE_REMOVED_MIN',
    schema: integer({ min: 0 }).optional(),
    description: 'removals below this count are never held back',
  },
});

export type ProjectorOptions = Options<typeof projectorOptions>;

interface State {
  phase: 'connecting' | 'standing by' | 'loading' | 'leading';
  term: Term | undefined;
  nats: Nats | undefined;
}

/** Starts the projector; resolves when its health server answers. It leads or stands by until stopped. */
export async function startProjector(
  options: ProjectorOptions,
  log: Logger,
  signal: AbortSignal,
): Promise<RunningService & { readonly port: number }> {
  const stopping = new AbortController();
  const stopped = AbortSignal.any([signal, stopping.signal]);
  const registry = createMetrics('projector');
  const metrics = createProjectorMetrics(registry);
  const state: State = { phase: 'connecting', term: undefined, nats: undefined };
  const health = await startHealthServer({
    host: options.host,
    port: options.port,
    registry: registry.registry,
    log,
    ready: () => readiness(state, options),
  });
  const done = run(options, { log, metrics, state, signal: stopped }, health);
  return {
    port: health.port,
    done,
    async stop() {
      stopping.abort();
      await done;
    },
  };
}

interface RunContext {
  readonly log: Logger;
  readonly metrics: ProjectorMetrics;
  readonly state: State;
  readonly signal: AbortSignal;
}

/** A term that was shorter counts as a failed attempt. */
const lastingMs = 5000;

function now(): Date {
  return new Date();
}

async function run(options: ProjectorOptions, context: RunContext, health: HealthServer): Promise<void> {
  const { log, signal } = context;
  const postgres = openPostgres({ url: options.databaseUrl, log, poolMax: 4, name: 'fleetgate projector' });
  let nats: Nats | undefined;
  try {
    await postgres.ready(signal);
    const pending = await migrationsPending(options.databaseUrl);
    if (pending.length > 0) throw fail('schema-version', `${pending.join(', ')} not applied`);
    nats = await connectNats({
      url: options.natsUrl,
      name: 'fleetgate projector',
      log,
      signal,
      replicas: options.natsReplicas,
      ...(options.natsCredentials === undefined ? {} : { credentials: options.natsCredentials }),
    });
    context.state.nats = nats;
    for (let attempt = 0; !signal.aborted; attempt++) {
      const begun = performance.now();
      await leadOnce(options, { ...context, postgres, nats });
      if (performance.now() - begun > lastingMs) attempt = 0;
      await pause(backoff(attempt, { minMs: 100, maxMs: 10_000 }), signal);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    await nats?.close();
    await postgres.close();
    await health.stop();
  }
}

/** One turn: wait for the lock, lead until it is over. */
async function leadOnce(
  options: ProjectorOptions,
  context: RunContext & { readonly postgres: Postgres; readonly nats: Nats },
): Promise<void> {
  const { log, metrics, state, signal } = context;
  state.phase = 'connecting';
  const onStandby = (): void => {
    state.phase = 'standing by';
    log.info('standing by');
  };
  const leadership = await awaitLeadership({ url: options.databaseUrl, log, signal, onStandby });
  if (leadership === undefined) return;
  try {
    state.phase = 'loading';
    const limits = limitsOf(options);
    const { databaseUrl, batchMax } = options;
    state.term = await Term.start({ ...context, leadership, databaseUrl, batchMax, limits, now });
    state.phase = 'leading';
    metrics.leader.set(1);
    log.info({ epoch: leadership.epoch }, 'leading');
    const reason = await Promise.race([state.term.over, aborted(signal)]);
    const err = reason instanceof FenceLost ? fail('lock-lost', messageOf(reason)) : reason;
    if (!signal.aborted) log.warn({ err }, 'leads no longer');
  } catch (error) {
    if (!signal.aborted) log.error({ err: error }, 'cannot lead');
  } finally {
    metrics.leader.set(0);
    await state.term?.stop();
    state.term = undefined;
    await leadership.release();
  }
}

function readiness(state: State, options: ProjectorOptions): Readiness {
  if (state.phase === 'standing by' && !options.standbyUnready) return { ok: true, reasons: [] };
  if (state.nats?.connected === false) return { ok: false, reasons: ['NATS is disconnected.'] };
  if (state.phase !== 'leading') return { ok: false, reasons: [`The projector is ${state.phase}.`] };
  if (state.term?.caughtUp !== true) return { ok: false, reasons: ['The projector reads what it missed.'] };
  return { ok: true, reasons: [] };
}

function aborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(undefined);
    else signal.addEventListener('abort', () => resolve(undefined), { once: true });
  });
}
