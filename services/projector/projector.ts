// Runs the projector from start to stop: it waits for the lock, leads until the lock is lost, and waits again.
//
//   connecting ──▶ standing by ──lock──▶ loading ──▶ leading ──lock or fence lost──▶ connecting …
import { DatabaseError } from 'pg';
import { fail, messageOf, sentenceOf } from '#libs/runtime/errors.ts';
import { type HealthServer, type Readiness, startHealthServer } from '#libs/runtime/health.ts';
import type { RunningService } from '#libs/runtime/lifecycle.ts';
import { type Logger, atLevel } from '#libs/runtime/log.ts';
import { createMetrics } from '#libs/runtime/metrics.ts';
import { type Nats, connectNats } from '#libs/runtime/nats/nats.ts';
import { backoff, pause, untilAborted } from '#libs/runtime/pause.ts';
import { probePostgres } from '#libs/runtime/postgres/postgres-probe.ts';
import { type Postgres, openPostgres } from '#libs/runtime/postgres/postgres.ts';
import { noteSettings } from '#libs/runtime/postgres/settings-deed.ts';
import { settingsOf } from '#libs/runtime/settings.ts';
import { migrationsPending } from '../../migrations/run.ts';
import { FenceLost } from './store/commit.ts';
import { awaitLeadership } from './leadership.ts';
import { limitsOf } from './limits.ts';
import { noteLogStarted, noteLogStopped } from './log-deeds.ts';
import { type ProjectorMetrics, createProjectorMetrics } from './metrics.ts';
import { type ProjectorOptions, projectorOptions } from './options.ts';
import { Presence, type ProjectorIdentity, newIdentity } from './presence.ts';
import { Term } from './term.ts';

/** Says where the projector is in its life, and what it holds there. */
interface State {
  phase: 'connecting' | 'standing by' | 'loading' | 'leading';
  term: Term | undefined;
  nats: Nats | undefined;
  /** Why the last term ended; undefined = not by a fault. */
  fault: string | undefined;
}

/** Starts the projector; resolves when its health server answers. It leads or stands by until stopped. */
export async function startProjector(
  options: ProjectorOptions,
  parentLog: Logger,
  signal: AbortSignal,
): Promise<RunningService & { readonly port: number }> {
  const log = atLevel(parentLog, options.logLevel);
  const stopping = new AbortController();
  const stopped = AbortSignal.any([signal, stopping.signal]);
  const registry = createMetrics('projector');
  const metrics = createProjectorMetrics(registry);
  const state: State = { phase: 'connecting', term: undefined, nats: undefined, fault: undefined };
  const probe = probePostgres(options.databaseUrl, 'fleetgate projector probe', stopped);
  const health = await startHealthServer({
    host: options.host,
    port: options.port,
    registry: registry.registry,
    log,
    ready: () => (probe.answers ? readiness(state, options) : { ok: false, reasons: ['Postgres does not answer.'] }),
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
  const { log, signal, state } = context;
  const self = newIdentity(options.lease * 1000);
  const postgres = openPostgres({ url: options.databaseUrl, log, poolMax: 4, name: 'fleetgate projector' });
  const presence = new Presence({ db: postgres.db, self, log, problems: () => problemsOf(state, options) });
  let nats: Nats | undefined;
  try {
    await postgres.ready(signal);
    const pending = await migrationsPending(options.databaseUrl);
    if (pending.length > 0) throw fail('schema-version', `${pending.join(', ')} not applied`);
    await noteSettings(postgres.db, 'projector', settingsOf(projectorOptions, options));
    nats = await connectNats({
      url: options.natsUrl,
      name: 'fleetgate projector',
      log,
      signal,
      replicas: options.natsReplicas,
      token: options.natsToken,
      credentials: options.natsCredentials,
    });
    context.state.nats = nats;
    for (let attempt = 0; !signal.aborted; attempt++) {
      const begun = performance.now();
      await leadOnce(options, { ...context, postgres, nats, self, presence });
      if (performance.now() - begun > lastingMs) attempt = 0;
      await pause(backoff(attempt, { minMs: 100, maxMs: 10_000 }), signal);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    await nats?.close();
    await presence.stop();
    await postgres.close();
    await health.stop();
  }
}

/** Takes one turn: it waits for the lock, and leads until it is over. */
async function leadOnce(
  options: ProjectorOptions,
  context: RunContext & {
    readonly postgres: Postgres;
    readonly nats: Nats;
    readonly self: ProjectorIdentity;
    readonly presence: Presence;
  },
): Promise<void> {
  const { log, metrics, state, signal, self, presence, postgres } = context;
  state.phase = 'connecting';
  const onStandby = (): void => {
    state.phase = 'standing by';
    presence.enter({ phase: 'standing by' });
    log.info('standing by');
  };
  const leadership = await awaitLeadership({ url: options.databaseUrl, log, signal, self, onStandby });
  if (leadership === undefined) return;
  try {
    state.phase = 'loading';
    presence.enter({ phase: 'loading', epoch: leadership.epoch });
    const limits = limitsOf(options);
    const { databaseUrl, batchMax, confirm, confirmWithin } = options;
    const confirmations = { confirm, confirmWithinMs: confirmWithin };
    state.term = await Term.start({ ...context, leadership, databaseUrl, batchMax, limits, confirmations, now });
    state.phase = 'leading';
    presence.enter({ phase: 'leading', epoch: leadership.epoch });
    metrics.leader.set(1);
    log.info({ epoch: leadership.epoch }, 'leading');
    const about = { self, epoch: leadership.epoch, now };
    await noteLogStarted(postgres.db, about);
    const reason = await Promise.race([state.term.over, untilAborted(signal)]);
    const err = faultOf(reason);
    state.fault = sentenceOf(err);
    if (!signal.aborted) log.warn({ err }, 'leads no longer');
    else {
      await noteLogStopped(postgres.db, about);
      await state.term.takeDeeds();
    }
  } catch (error) {
    const err = faultOf(error);
    state.fault = sentenceOf(err);
    if (!signal.aborted) log.error({ err }, 'cannot lead');
  } finally {
    metrics.leader.set(0);
    await state.term?.stop();
    state.term = undefined;
    await leadership.release();
  }
}

/** SQLSTATE: disk_full. */
const diskFull = '53100';

/** Says what ended a term in the words of the operating faults, where it is one of them. */
function faultOf(reason: unknown): unknown {
  if (reason instanceof FenceLost) return fail('lock-lost', messageOf(reason));
  const isFull = reason instanceof DatabaseError && reason.code === diskFull;
  return isFull ? fail('postgres-full', messageOf(reason), { cause: reason }) : reason;
}

/** It goes on to lead over a history that was tampered with, and says so. */
function problemsOf(state: State, options: ProjectorOptions): readonly string[] {
  return [...(state.term?.historyProblems ?? []), ...readiness(state, options).reasons];
}

function readiness(state: State, options: ProjectorOptions): Readiness {
  if (state.phase === 'standing by' && !options.standbyUnready) return { ok: true, reasons: [] };
  if (state.nats?.connected === false) return { ok: false, reasons: ['NATS is disconnected.'] };
  const fault = state.fault === undefined ? [] : [state.fault];
  if (state.phase !== 'leading') return { ok: false, reasons: [`The projector is ${state.phase}.`, ...fault] };
  const { streamProblem, caughtUp = false } = state.term ?? {};
  const reasons = caughtUp ? [] : ['The projector reads what it missed.', ...fault];
  if (streamProblem !== undefined) reasons.unshift(streamProblem);
  return { ok: reasons.length === 0, reasons };
}
