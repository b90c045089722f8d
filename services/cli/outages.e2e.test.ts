// Holds through outages: a projector that dies or is frozen while another stands by, and everything gone but a node and
// its Envoy.
import { join } from 'node:path';
import t from 'tap';
import { eventually } from '#libs/testing/eventually.ts';
import { signalProcess } from '#libs/runtime/process/process-identity.ts';
import { throwawayFolder } from '#libs/testing/peers/throwaway.ts';
import { findFleet } from './client/fleet-address.ts';
import { FleetClient } from './client/fleet-client.ts';
import { DemoFleet, exitOf, until } from './testing/demo-fleet.ts';
import { differentDigests, query, serversOf } from './testing/ledger.ts';
import { LoneNode } from './testing/lone-node.ts';
import { anyMoment, kill } from './testing/parts.ts';
import { ProbeRoutes } from './testing/probe-routes.ts';
import { startTraffic } from './testing/steady-traffic.ts';
import { ask } from './testing/storefront-request.ts';
import { tryPort } from '#libs/runtime/ports.ts';

const fleet = await DemoFleet.prepare(await throwawayFolder(t));
const probes = new ProbeRoutes(fleet, 20);
const folders = ['eu', 'us'].map((name) => `${name}=${join(fleet.folder, name)}`);
const upstreams = fleet.start(['demo-upstreams', ...folders]);
let up = await fleet.up({ demo: false });
t.teardown(async () => {
  up.process.kill('SIGINT');
  await exitOf(up.process);
  upstreams.kill('SIGTERM');
});
await probes.served();
const client = new FleetClient(await findFleet(fleet.env, fleet.data));

await t.test('a standby projector', async (t) => {
  const { databaseUrl, natsUrl } = serversOf(fleet);
  const port = (await tryPort('127.0.0.1', 0)) ?? 0;
  const standby = fleet.start(['projector', '--port', String(port)], { DATABASE_URL: databaseUrl, NATS_URL: natsUrl });
  t.teardown(() => standby.kill('SIGKILL'));
  await eventually(async () => (await fetch(`http://127.0.0.1:${port}/readyz`)).ok, { timeoutMs: 60_000 });
  t.equal(await isLeader(port), false, 'is ready, and does not lead');

  await t.test('takes over from one that was killed', async (t) => {
    const traffic = startTraffic(t, fleet);
    const edited = probes.editAll();
    await anyMoment(300);
    // `up` starts the first again, which may be as quick as the standby.
    for (; !(await isLeader(port)); await anyMoment(100)) await (await kill(fleet, 'projector'))();
    await edited;
    await probes.served();
    await traffic.stop();
    t.same(traffic.wrong, [], `${traffic.count} requests`);
    await probes.isWhole(t, client);
  });

  await t.test('frozen as the leader and fenced off, it writes nothing when it goes on', async (t) => {
    const edited = probes.editAll();
    await anyMoment(300);
    signalProcess(standby.pid ?? 0, 'SIGSTOP');
    const [before] = await query(fleet, 'select epoch::int as epoch from projector');
    // As Postgres does when the machine of the leader is gone: its session ends, and the lock with it.
    await query(fleet, `select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and granted`);
    await edited;
    await probes.served();
    await probes.editAll();
    signalProcess(standby.pid ?? 0, 'SIGCONT');
    await probes.served();
    t.ok(Number((await query(fleet, 'select epoch from projector'))[0]?.['epoch']) > Number(before?.['epoch']));
    await eventually(async () => !(await isLeader(port)) && (await fetch(`http://127.0.0.1:${port}/readyz`)).ok);
    await probes.isWhole(t, client);
  });

  await t.test('and takes over again', async (t) => {
    const edited = probes.editAll();
    for (; !(await isLeader(port)); await anyMoment(100)) await (await kill(fleet, 'projector'))();
    await edited;
    await probes.served();
    await probes.isWhole(t, client);
    standby.kill('SIGTERM');
    t.equal(await exitOf(standby), 0);
    await probes.editAll();
    await probes.served();
    await probes.isWhole(t, client);
  });
});

await t.test('a node with everything else dead', async (t) => {
  const node = await LoneNode.prepare(fleet);
  t.teardown(() => node.stop());
  await node.start();
  await probes.served(node);
  // Each Gateway has a version of its own, and they come one after another.
  const ofOther = 'http://shop.us.storefront.example/cart';
  await until(
    () => ask(node, ofOther),
    ({ status }) => status === 200,
  );

  await t.test('goes on serving, also while its own process is dead and started again', async (t) => {
    const traffic = startTraffic(t, node);
    const everything = [...(await fleet.processes()).values(), up.process.pid ?? 0];
    for (const pid of everything) signalProcess(pid, 'SIGKILL');
    await exitOf(up.process);
    await until(
      () => fleet.processes(),
      (left) => left.size === 0,
    );
    await traffic.goesOn(200);
    await node.kill();
    await traffic.goesOn(100);
    await node.start();
    await traffic.goesOn(100);
    await traffic.stop();
    t.same(traffic.wrong, [], `${traffic.count} requests`);
  });

  await t.test('serves from its disk after it and its Envoy were killed', async (t) => {
    await node.killWithEnvoy();
    await node.start();
    const traffic = startTraffic(t, node);
    await traffic.goesOn(200);
    await traffic.stop();
    t.same(traffic.wrong, [], `${traffic.count} requests`);
    await probes.served(node);
  });

  await t.test('takes up what changed when the rest is back', async (t) => {
    const traffic = startTraffic(t, node);
    await probes.editAll();
    up = await fleet.up({ demo: false });
    await probes.served(node);
    await probes.editAll();
    await probes.served(node);
    await traffic.stop();
    t.same(traffic.wrong, [], `${traffic.count} requests`);
    await probes.isWhole(t, client);
    await until(
      () => differentDigests(fleet),
      (rows) => rows.length === 0,
    );
  });
});

await t.test('after all of it the history gives what is stored and served', async (t) => {
  t.same(await differentDigests(fleet), []);
  t.match(await fleet.cli('rebuild', '--verify'), { code: 0, stdout: /^identical: /m });
});

/** Whether the projector with this port for its figures leads. */
async function isLeader(port: number): Promise<boolean> {
  const answer = await fetch(`http://127.0.0.1:${port}/metrics`).catch(() => undefined);
  return /^fleetgate_projector_leader\S* 1$/mu.test((await answer?.text()) ?? '');
}
