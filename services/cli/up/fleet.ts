// Starts a fleet from nothing: folder, programs, Postgres, NATS, schema, secrets, then every part as a process of its
// own.
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder, resolveBinary } from '#libs/runtime/binaries/resolve-binary.ts';
import type { BinaryName } from '#libs/runtime/binaries/binaries.ts';
import type { Child } from '#libs/runtime/process/child.ts';
import { startNats } from '#libs/runtime/nats/embedded-nats.ts';
import { untilAborted } from '#libs/runtime/pause.ts';
import { tryPort } from '#libs/runtime/ports.ts';
import { startPostgres } from '#libs/runtime/postgres/embedded-postgres.ts';
import { fail } from '#libs/runtime/errors.ts';
import { type Logger, createLogger } from '#libs/runtime/log.ts';
import { migrate } from '../../../migrations/run.ts';
import { noteServers } from '../local/local-database.ts';
import { announceLocalFleet } from '../local/local-fleet.ts';
import { type DataFolder, holdDataFolder, openDataFolder } from '../local/data-folder.ts';
import { type PartEvents, type PartSpec, startPart, stopOrphans } from './part.ts';
import { type PartPorts, listParts } from './part-list.ts';
import { choosePort, hostOf } from './ports.ts';
import type { Report } from './report.ts';
import { type FleetSecrets, keepSecrets, registerTokens } from '../local/secrets.ts';
import { exitCodes } from '../shell/exit-code.ts';
import { careForNats } from './nats-care.ts';
import { trackServers } from './server-records.ts';
import type { UpSettings } from './settings.ts';
import type { Teardown } from './teardown.ts';
import { makeWriterRole } from './writer-role.ts';

export interface StartedFleet {
  readonly url: string;
  readonly secrets: FleetSecrets;
  /** Whether the secrets were made by this start. */
  readonly firstStart: boolean;
  readonly parts: readonly PartSpec[];
  /** Rejects when a part can never start: its configuration is wrong. */
  readonly failed: Promise<never>;
}

/** Starts everything; what was started is in `teardown`, also when this throws. */
export async function startFleet(
  settings: UpSettings,
  report: Report,
  teardown: Teardown,
  signal: AbortSignal,
): Promise<StartedFleet> {
  const folder = openDataFolder(settings.data);
  // Before the ports: another `up` on the same folder is likely to have those too, and is to be named.
  const held = await holdDataFolder(folder);
  teardown.add('the data folder', () => held.release());
  const ports = await choosePorts(settings);
  const url = `http://${hostOf(settings.bind)}:${ports.control}`;
  const clusters = settings.clusters.map(({ name }) => name);
  const record = await held.describe({ url, clusters, since: new Date().toISOString() });
  const log = createLogger({ service: 'up', destination: logFile(folder) });
  const orphans = await stopOrphans(folder, readdirSync(folder.run));
  if (orphans.length > 0)
    report.tell({ event: 'warning', message: `stopped what an earlier run left: ${orphans.join(', ')}` });
  await fetchPrograms(settings, report, signal);
  signal.throwIfAborted();
  const servers = await startServers(settings, folder, report, teardown, log);
  signal.throwIfAborted();
  const firstStart = !existsSync(folder.secrets);
  const secrets = keepSecrets(folder.secrets, !firstStart);
  writeFileSync(folder.nodeKey, `${secrets.privateKey}\n`, { mode: 0o600 });
  noteServers(folder.root, servers);
  await migrate(servers.databaseUrl, log);
  await registerTokens(servers.databaseUrl, secrets, log);
  // Of a database of their own people decide themselves who writes.
  const writerUrl =
    settings.databaseUrl === undefined ? await makeWriterRole(servers.databaseUrl) : servers.databaseUrl;
  const context = { settings, folder, secrets, ports, ...servers, writerUrl, cacheFolder: cacheFolder() };
  const parts = listParts(context);
  for (const [part, { inspector }] of settings.tuning)
    if (inspector !== undefined)
      report.tell({ event: 'progress', message: `${part} has an inspector at ${inspector}` });
  const failed = startParts(parts, folder, report, teardown, log, signal);
  const announced = announceLocalFleet(record, process.env);
  teardown.add('the record for other commands', () => announced.remove());
  return { url, secrets, firstStart, parts, failed };
}

async function choosePorts(settings: UpSettings): Promise<PartPorts> {
  const control = await tryPort(settings.bind, settings.port);
  if (control === undefined) {
    throw fail('port-in-use', `${settings.bind}:${settings.port}`, {
      hint:
        'Choose another with --port, or --port 0 for any; ' +
        '`npx fleetgate status` shows a fleet that runs here already.',
    });
  }
  const next = (offset: number): Promise<number> => choosePort('127.0.0.1', control + offset);
  const [projector, proxy] = [await next(1), await next(2)];
  const agents: number[] = [];
  for (const index of settings.clusters.keys()) agents.push(await next(3 + index));
  return { control, projector, proxy, agents };
}

/** Fetches the programs at once; a download reports its progress. */
async function fetchPrograms(settings: UpSettings, report: Report, signal: AbortSignal): Promise<void> {
  const names: readonly BinaryName[] = settings.natsUrl === undefined ? ['envoy', 'nats-server'] : ['envoy'];
  const onProgress = (message: string): void => report.tell({ event: 'progress', message });
  const fetched = Promise.all(names.map((name) => resolveBinary(name, { onProgress })));
  await Promise.race([fetched, untilAborted(signal)]);
}

async function startServers(
  settings: UpSettings,
  folder: DataFolder,
  report: Report,
  teardown: Teardown,
  log: Logger,
): Promise<{ readonly databaseUrl: string; readonly natsUrl: string }> {
  const postgres = settings.databaseUrl === undefined ? startPostgres({ dataDir: folder.postgres, log }) : undefined;
  const nats = settings.natsUrl === undefined ? startNats({ dataDir: folder.nats, log }) : undefined;
  const own = [postgres && 'Postgres', nats && 'NATS'].filter((name) => name !== undefined);
  if (own.length > 0) report.tell({ event: 'progress', message: `starting ${own.join(' and ')} …` });
  const [postgresResult, natsResult] = await Promise.allSettled([postgres, nats]);
  if (postgresResult.status === 'fulfilled' && postgresResult.value !== undefined) {
    const server = postgresResult.value;
    teardown.add('Postgres', () => server.stop());
    teardown.add('the record of Postgres', trackServers(folder, 'postgres', server, report));
  }
  if (natsResult.status === 'fulfilled' && natsResult.value !== undefined) {
    const server = natsResult.value;
    teardown.add('NATS', () => server.stop());
    teardown.add('the record of NATS', trackServers(folder, 'nats', server, report));
    teardown.add('the care for NATS', careForNats({ server, folder: folder.nats, report, log }));
  }
  for (const result of [postgresResult, natsResult]) if (result.status === 'rejected') throw result.reason;
  return {
    databaseUrl: settings.databaseUrl ?? urlOf(postgresResult),
    natsUrl: settings.natsUrl ?? urlOf(natsResult),
  };
}

function urlOf(result: PromiseSettledResult<{ readonly url: string } | undefined>): string {
  return result.status === 'fulfilled' ? (result.value?.url ?? '') : '';
}

function startParts(
  specs: readonly PartSpec[],
  folder: DataFolder,
  report: Report,
  teardown: Teardown,
  log: Logger,
  signal: AbortSignal,
): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  promise.catch(() => undefined);
  const events: PartEvents = {
    onStart: (part, pid) => report.tell({ event: 'part-started', part, pid }),
    onExit: (part, { code, signal: by }, lastWords) => {
      if (signal.aborted) return;
      const reason = [by === null ? `exit code ${code}` : `signal ${by}`, lastWords].filter(Boolean).join(', ');
      // Mistakes in the configuration do not go away by starting again.
      if (code === exitCodes.usage.code) reject(fail('child-exited', `${part}: ${reason}`));
      else report.tell({ event: 'part-ended', part, reason });
    },
  };
  report.tell({ event: 'progress', message: `starting ${specs.map(({ name }) => name).join(', ')} …` });
  const children = new Map<PartSpec, Child>(specs.map((spec) => [spec, startPart(spec, folder, log, events)]));
  for (const [spec, child] of children) {
    if (!isSource(spec)) teardown.add(spec.name, () => child.stop({ graceMs: 16_000 }));
  }
  teardown.add('the agents', async () => {
    const sources = [...children].filter(([spec]) => isSource(spec));
    await Promise.all(sources.map(([, child]) => child.stop({ graceMs: 16_000 })));
  });
  return promise;
}

/** Says whether a part is an agent: sources stop first, then the node, then what they speak to. */
function isSource({ name }: PartSpec): boolean {
  return !['projector', 'control', 'proxy'].includes(name);
}

function logFile(folder: DataFolder): { write(line: string): void } {
  const path = join(folder.logs, 'up.log');
  return { write: (line) => writeFileSync(path, line, { flag: 'a', mode: 0o600 }) };
}
