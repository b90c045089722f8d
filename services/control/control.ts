// Runs control from start to stop and wires its parts. Nodes and readers need Postgres alone; commands need NATS as
// well. Any number of replicas may run.
//
//   Postgres ──LISTEN──▶ FleetFeed ──▶ FleetMirror ──▶ Hub ──▶ nodes
//      ▲                                                │
//      └──────────────── NodeReports ◀──────────────────┘          HTTP ──▶ endpoints ──▶ Postgres, Commands ──▶ NATS
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';

import type { FastifyInstance } from 'fastify';
import packageFile from '../../package.json' with { type: 'json' };
import { fail, messageOf } from '#libs/runtime/errors.ts';
import type { Readiness } from '#libs/runtime/health.ts';
import type { RunningService } from '#libs/runtime/lifecycle.ts';
import type { Logger } from '#libs/runtime/log.ts';
import { type Metrics, createMetrics } from '#libs/runtime/metrics.ts';
import { portOf } from '#libs/runtime/ports.ts';
import { type PostgresProbe, probePostgres } from '#libs/runtime/postgres/postgres-probe.ts';
import { type Postgres, openPostgres } from '#libs/runtime/postgres/postgres.ts';
import { noteDeeds } from '#libs/runtime/postgres/deeds.ts';
import { noteSettings } from '#libs/runtime/postgres/settings-deed.ts';
import { settingsOf } from '#libs/runtime/settings.ts';
import { CountedDeeds } from './access/counted-deeds.ts';
import { PersonalData } from './access/personal-data.ts';
import { Access } from './access/access.ts';
import { ClusterNames } from './api/cluster-names.ts';
import { ChangeStreams } from './api/change-streams.ts';
import { buildServer } from './api/server.ts';
import { Commands } from './commands/commands.ts';
import { connectCommands } from './commands/connect-commands.ts';
import { NodeWaits } from './commands/node-waits.ts';
import { FleetFeed } from './hub/fleet-feed.ts';
import { FleetMirror } from './hub/fleet-mirror.ts';
import { Hub } from './hub/hub.ts';
import { createHubMetrics } from './hub/hub-metrics.ts';
import { NodeReports } from './hub/node-reports.ts';
import { acceptNodes } from './hub/upgrade.ts';
import { listenForNotices } from './notices.ts';
import { type ControlOptions, controlOptions } from './options.ts';
import { TokenBook } from './access/tokens.ts';

const hubConnectionsMax = 6;
const statementTimeoutMs = 20_000;

/**
 * Starts control; resolves when it listens and has read the fleet. Throws FleetgateError 'port-in-use' or
 * 'schema-version'.
 */
export async function startControl(
  options: ControlOptions,
  log: Logger,
  signal: AbortSignal,
): Promise<RunningService & { readonly port: number }> {
  const stopping = new AbortController();
  const stopped = AbortSignal.any([signal, stopping.signal]);
  const metrics = createMetrics('control');
  const hubPostgres = openPostgres({
    url: options.databaseUrl,
    log,
    poolMax: hubConnectionsMax,
    name: 'fleetgate control hub',
  });
  const apiPostgres = openApiPostgres(options, log);
  try {
    await hubPostgres.ready(stopped);
    await checkSchema(hubPostgres);
    await noteSettings(hubPostgres.db, 'control', settingsOf(controlOptions, options));
    const parts = await startParts({ options, log, metrics, hubPostgres, apiPostgres, signal: stopped });
    const { port } = parts;
    log.info({ host: options.host, port }, 'listening');
    return {
      port,
      done: parts.done,
      async stop() {
        stopping.abort();
        await parts.stop();
        await Promise.all([hubPostgres.close(), apiPostgres.close()]);
      },
    };
  } catch (error) {
    stopping.abort();
    await Promise.all([hubPostgres.close(), apiPostgres.close()]);
    throw error;
  }
}

interface Context {
  readonly options: ControlOptions;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly hubPostgres: Postgres;
  readonly apiPostgres: Postgres;
  readonly signal: AbortSignal;
}

async function startParts(context: Context): Promise<{ port: number; done: Promise<void>; stop(): Promise<void> }> {
  const { options, log, metrics, hubPostgres, apiPostgres, signal } = context;
  const tokens = new TokenBook(apiPostgres.db);
  const isValid = (id: string): Promise<boolean> => tokens.isValid(id);
  const waits = new NodeWaits(hubPostgres.db, log);
  const commands = new Commands(apiPostgres.db, waits, log, options.confirm);
  const personal = new PersonalData(apiPostgres.db, options.personalDataFor);
  const names = new ClusterNames(apiPostgres.db);
  const streams = new ChangeStreams({ db: apiPostgres.db, personal, names, log, isValid });
  const replica = `${hostname()}/${randomUUID().slice(0, 8)}`;
  const mirror = new FleetMirror(hubPostgres.pool, log);
  const reports = new NodeReports(hubPostgres.pool, replica, log, (node, report) => waits.report(node, report));
  const hub = new Hub({
    pool: hubPostgres.pool,
    mirror,
    reports,
    metrics: createHubMetrics(metrics),
    log,
    replica,
    forgetNodesAfterMs: options.forgetNodesAfter,
    isValid,
  });
  const listener = {
    change: hub.change.bind(hub),
    commits: (news: Parameters<ChangeStreams['commits']>[0]) => streams.commits(news),
  };
  const feed = new FleetFeed(hubPostgres.pool, mirror, listener, log, signal);
  const note = noteDeeds.bind(null, apiPostgres.db);
  const counted = new CountedDeeds({ note, replica, log, now: () => new Date() });
  const access = new Access(tokens, options.requestsPerSecond, counted);
  const probe = probePostgres(options.databaseUrl, 'fleetgate control probe', signal);
  const server = await buildServer({
    api: {
      db: apiPostgres.db,
      commands,
      streams,
      tokens,
      personal,
      names,
      reasons: options,
      log,
      version: packageFile.version,
    },
    access,
    metrics,
    ready: () => readiness(probe, feed),
  });
  const listening = await listenForNotices(options.databaseUrl, { feed, hub, waits, streams, tokens }, log, signal);
  const nats = connectCommands(options, commands, log, signal);
  const { done } = await feed.start();
  await probe.first;
  acceptNodes(server.server, { access, hub, log });
  const port = await startListening(server, options);
  return {
    port,
    done,
    async stop() {
      // Nodes first, while Postgres still takes what they said; the API stops taking requests at once.
      const closed = server.close();
      await Promise.all([hub.stop(), streams.stop()]);
      await Promise.all([closed, listening.stop(), commands.stop(), done, nats.close()]);
      await counted.stop();
    },
  };
}

function readiness(postgres: PostgresProbe, feed: FleetFeed): Readiness {
  if (!postgres.answers) return { ok: false, reasons: ['Postgres does not answer.'] };
  if (!feed.fresh) return { ok: false, reasons: ['The fleet has not been read from Postgres for a while.'] };
  return { ok: true, reasons: [] };
}

async function startListening(server: FastifyInstance, { host, port }: ControlOptions): Promise<number> {
  try {
    await server.listen({ host, port });
  } catch (error) {
    throw fail('port-in-use', `${host}:${port} (${messageOf(error)})`, { cause: error });
  }
  return portOf(server.server.address());
}

/** Opens connections on which a request of the API gives up rather than hold one. */
function openApiPostgres(options: ControlOptions, log: Logger): Postgres {
  const postgres = openPostgres({
    url: options.databaseUrl,
    log,
    poolMax: options.apiConnectionsMax,
    name: 'fleetgate control api',
  });
  postgres.pool.on('connect', (client) => {
    client.query(`set statement_timeout = ${statementTimeoutMs}`).catch(() => undefined);
  });
  return postgres;
}

async function checkSchema({ pool }: Postgres): Promise<void> {
  try {
    await pool.query('select 1 from projector, tokens limit 1');
  } catch (error) {
    throw fail('schema-version', messageOf(error), { cause: error });
  }
}
