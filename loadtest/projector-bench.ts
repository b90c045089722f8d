// Measures the projector over a real NATS and a real Postgres that both wait for the disk: events per second in bulk,
// then the time of single changes from publish to the notice that they are committed, then a whole verification.
//
//   npx node loadtest/projector-bench.ts [routes] [single changes]
import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import type { ChangeEvent } from '#libs/events/change-event.ts';
import { changeMessageId, changeSubject } from '#libs/events/subjects.ts';
import { readOptions } from '#libs/runtime/config.ts';
import { startNats } from '#libs/runtime/nats/embedded-nats.ts';
import { startPostgres } from '#libs/runtime/postgres/embedded-postgres.ts';
import { createLogger } from '#libs/runtime/log.ts';
import { type Nats, connectNats } from '#libs/runtime/nats/nats.ts';
import { pause } from '#libs/runtime/pause.ts';
import { shopService, smallRoute, webGateway } from './web-gateway.ts';
import { quantile } from '#libs/testing/quantile.ts';
import { migrate } from '../migrations/run.ts';
import { projectorOptions } from '../services/projector/options.ts';
import { startProjector } from '../services/projector/projector.ts';
import { rebuildOptions } from '../services/projector/rebuild/options.ts';
import { runRebuild } from '../services/projector/rebuild/rebuild.ts';

const routes = Number(process.argv[2] ?? 3000);
const singles = Number(process.argv[3] ?? 300);
const inFlight = 200;
const log = createLogger({ service: 'bench', level: 'error' });

const folder = await mkdtemp(join(tmpdir(), 'fleetgate-bench-'));
const postgres = await startPostgres({ dataDir: join(folder, 'postgres'), log });
const server = await startNats({ dataDir: join(folder, 'nats'), log });
try {
  await migrate(postgres.url);
  const nats = await connectNats({ url: server.url, name: 'bench', log });
  const client = new Client({ connectionString: postgres.url });
  await client.connect();
  print(
    'machine',
    `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}, load before ${(loadavg()[0] ?? 0).toFixed(1)}`,
  );
  const events = [
    ...webGateway(),
    shopService('shop'),
    ...Array.from({ length: routes }, (_, index) => smallRoute(index, 1)),
  ];
  await fill(nats, events);
  const begun = performance.now();
  const flags = { databaseUrl: postgres.url, natsUrl: server.url, port: '0' };
  const projector = await startProjector(readOptions(projectorOptions, flags, {}), log, new AbortController().signal);
  await until(client, `select count(*) >= ${events.length} as ok from events where cluster <> ''`);
  const tookMs = performance.now() - begun;
  const { rows } = await client.query<{ head: number }>('select head from gateways');
  const speed = `${rate(events.length, tookMs)}/s, ${rows[0]?.head ?? 0} versions`;
  print('bulk', `${events.length} waiting events in ${tookMs.toFixed(0)} ms from the start: ${speed}`);
  await single(nats, client);
  const metrics = await (await fetch(`http://127.0.0.1:${projector.port}/metrics`)).text();
  for (const name of ['fold', 'commit'])
    print(`${name}, mean of all transactions`, `${meanMs(metrics, name).toFixed(2)} ms`);
  const verify = readOptions(rebuildOptions, { databaseUrl: postgres.url, verify: true }, {});
  await runRebuild(verify, (line) => print('verify', line));
  await client.end();
  await nats.close();
  await projector.stop();
} finally {
  await server.stop();
  await postgres.stop();
  await rm(folder, { recursive: true, force: true });
}

/** Stores the events in the stream, each synced to disk, before there is a projector. */
async function fill(nats: Nats, events: readonly ChangeEvent[]): Promise<void> {
  await nats.ensureStream();
  const begun = performance.now();
  let next = 0;
  const senders = Array.from({ length: inFlight }, async () => {
    for (let event = events[next++]; event !== undefined; event = events[next++]) await publish(nats, event);
  });
  await Promise.all(senders);
  print('publish', `${rate(events.length, performance.now() - begun)}/s`);
}

async function single(nats: Nats, client: Client): Promise<void> {
  let committed = Promise.withResolvers<void>();
  client.on('notification', () => committed.resolve());
  await client.query('listen fleetgate_commit');
  const times: number[] = [];
  for (let index = 0; index < singles; index++) {
    committed = Promise.withResolvers<void>();
    const begun = performance.now();
    await Promise.all([publish(nats, smallRoute(index % routes, 2 + Math.floor(index / routes))), committed.promise]);
    times.push(performance.now() - begun);
  }
  const at = (share: number): string => quantile(times, share).toFixed(2);
  print('single change, publish → commit notice', `p50 ${at(0.5)} ms, p90 ${at(0.9)} ms, p99 ${at(0.99)} ms`);
}

async function publish(nats: Nats, event: ChangeEvent): Promise<void> {
  await nats.publishStream(changeSubject(event.cluster), event, { id: changeMessageId(event) });
}

async function until(client: Client, query: string): Promise<void> {
  while ((await client.query<{ ok: boolean }>(query)).rows[0]?.ok !== true) {
    await pause(5);
  }
}

function meanMs(metrics: string, name: string): number {
  const value = (suffix: string): number =>
    Number(new RegExp(`^fleetgate_projector_${name}_seconds_${suffix}\\S* (\\S+)$`, 'm').exec(metrics)?.[1]);
  return (value('sum') / value('count')) * 1000;
}

function rate(events: number, ms: number): number {
  return Math.round((events / ms) * 1000);
}

function print(what: string, result: string): void {
  process.stdout.write(`${what}: ${result}\n`);
}
