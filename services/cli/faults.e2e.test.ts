// Kills (-9) every part of a fleet while routes are edited and requests flow, and wipes the stream: everything goes on
// by itself, no event is lost or doubled, no request fails but for Envoy's own end, and what is served is what the
// history gives.
import { renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { streamName } from '#libs/events/subjects.ts';
import { connectNats } from '#libs/runtime/nats/nats.ts';
import { signalProcess } from '#libs/runtime/process/process-identity.ts';
import { testLogger } from '#libs/testing/peers/throwaway.ts';
import { throwawayFolder } from '#libs/testing/peers/throwaway.ts';
import { findFleet } from './client/fleet-address.ts';
import { FleetClient } from './client/fleet-client.ts';
import { DemoFleet, exitOf, until } from './testing/demo-fleet.ts';
import { brokenHistory, differentDigests, serversOf } from './testing/ledger.ts';
import { anyMoment, kill, pidOf } from './testing/parts.ts';
import { addRoutes, ProbeRoutes } from './testing/probe-routes.ts';
import { ask } from './testing/storefront-request.ts';
import { startTraffic } from './testing/steady-traffic.ts';

const fleet = await DemoFleet.prepare(await throwawayFolder(t));
const probes = new ProbeRoutes(fleet, 30);
addRoutes(fleet, 300);
const up = await fleet.up();
await probes.served();
const client = new FleetClient(await findFleet(fleet.env, fleet.data));
t.teardown(async () => {
  up.process.kill('SIGINT');
  await exitOf(up.process);
});

const survivable = ['agent-eu', 'projector', 'control', 'proxy', 'nats', 'postgres'];

for (const part of survivable) {
  await t.test(`kill -9 of ${part}, twice, while routes are edited`, async (t) => {
    const traffic = startTraffic(t, fleet);
    await editing(async () => {
      await anyMoment(300);
      const again = await kill(fleet, part);
      await again();
      await anyMoment(300);
    });
    await editing(async () => {
      const again = await kill(fleet, part);
      await again();
    });
    await traffic.stop();
    t.same(traffic.wrong, [], `${traffic.count} requests`);
    await probes.isWhole(t, client);
  });
}

await t.test('kill -9 of all of them at once', async (t) => {
  const traffic = startTraffic(t, fleet);
  await editing(async () => {
    await anyMoment(300);
    const again = await Promise.all([...survivable, 'agent-us'].map((part) => kill(fleet, part)));
    await Promise.all(again.map((wait) => wait()));
  });
  await traffic.stop();
  t.same(traffic.wrong, [], `${traffic.count} requests`);
  await probes.isWhole(t, client);
});

await t.test('kill -9 of Envoy: it is started again and serves the last edit', async (t) => {
  await editing(async () => {
    await anyMoment(300);
    const again = await kill(fleet, 'envoy');
    await again();
  });
  const traffic = startTraffic(t, fleet);
  await until(
    () => traffic.count,
    (count) => count > 100,
  );
  await traffic.stop();
  t.same(traffic.wrong, [], `${traffic.count} requests after it`);
  await probes.isWhole(t, client);
});

await t.test('kill -9 of the node process and Envoy together', async (t) => {
  await editing(async () => {
    const again = await Promise.all(['proxy', 'envoy'].map((part) => kill(fleet, part)));
    await Promise.all(again.map((wait) => wait()));
  });
  await probes.isWhole(t, client);
});

await t.test('the storage of JetStream is wiped while routes are edited', async (t) => {
  const traffic = startTraffic(t, fleet);
  await editing(async () => {
    await anyMoment(300);
    await wipeStream();
  });
  await traffic.stop();
  t.same(traffic.wrong, [], `${traffic.count} requests`);
  await probes.isWhole(t, client);
});

await t.test('the storage of JetStream is wiped with edits in it that nobody has read', async (t) => {
  const again = await kill(fleet, 'projector');
  await again();
  // Before it has asked for anything, which NATS would hand to it all the same.
  const projector = await pidOf(fleet, 'projector');
  signalProcess(projector, 'SIGSTOP');
  await probes.editAll();
  await wipeStream();
  signalProcess(projector, 'SIGCONT');
  await probes.served();
  await probes.isWhole(t, client);
});

await t.test('the stream is deleted with edits in it that nobody has read, and no connection breaks', async (t) => {
  const again = await kill(fleet, 'projector');
  await again();
  const projector = await pidOf(fleet, 'projector');
  signalProcess(projector, 'SIGSTOP');
  await probes.editAll();
  const nats = await connectNats({ url: serversOf(fleet).natsUrl, name: 'test', log: testLogger() });
  await nats.request(`$JS.API.STREAM.DELETE.${streamName}`, {}, { timeoutMs: 10_000 });
  await nats.close();
  signalProcess(projector, 'SIGCONT');
  await probes.served();
  await probes.isWhole(t, client);
});

await t.test('after all of it the history gives what is stored and served', async (t) => {
  t.same(await brokenHistory(fleet), []);
  t.same(
    await until(
      () => differentDigests(fleet),
      (rows) => rows.length === 0,
    ),
    [],
  );
  const verified = await fleet.cli('rebuild', '--verify');
  t.match(verified, { code: 0, stdout: /^identical: /m }, verified.stderr);
  t.match(await ask(fleet, 'http://bulk-299.eu.storefront.example/'), { status: 200 });
});

/** Edits every probe once while something happens; resolves when the last edits are served. */
async function editing(happening: () => Promise<void>): Promise<void> {
  await Promise.all([probes.editAll(), happening()]);
  await probes.served();
}

/** Ends NATS and takes away what it stored. */
async function wipeStream(): Promise<void> {
  const store = join(fleet.data, 'nats', 'store');
  // Stopped first, so that it cannot start again on what is being deleted.
  signalProcess(await pidOf(fleet, 'nats'), 'SIGSTOP');
  renameSync(store, `${store}.gone`);
  const again = await kill(fleet, 'nats');
  await again();
  rmSync(`${store}.gone`, { recursive: true });
}
