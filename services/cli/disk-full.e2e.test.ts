// Fills the disk of a whole fleet while routes are edited: Postgres, NATS, logs and the node's state lie on it. Follows
// docs/disk-full.md literally; nothing is lost, no request fails, and when there is room all goes on by itself.
import { readFileSync, symlinkSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { execFile } from 'node:child_process';
import t, { type Test } from 'tap';
import { smallDisk } from '#libs/testing/peers/small-disk.ts';
import { throwawayFolder } from '#libs/testing/peers/throwaway.ts';
import { findFleet } from './client/fleet-address.ts';
import { FleetClient } from './client/fleet-client.ts';
import { type ConsoleStep, parseConsoleSteps } from './testing/console-steps.ts';
import { DemoFleet, exitOf, until } from './testing/demo-fleet.ts';
import { kill } from './testing/parts.ts';
import { ProbeRoutes } from './testing/probe-routes.ts';
import { isAsShown, steadyLines } from './testing/shown-output.ts';
import { startTraffic } from './testing/steady-traffic.ts';

const bin = resolve(import.meta.dirname, 'bin.mjs');
const page = readFileSync(resolve(import.meta.dirname, '../../docs/disk-full.md'), 'utf8');
const [findOut, seeThatItIsOver, ...more] = parseConsoleSteps(page);
if (findOut === undefined || seeThatItIsOver === undefined || more.length > 0)
  throw new Error('docs/disk-full.md has other steps than this test');

const disk = await smallDisk(t, 260);
const fleet = await DemoFleet.prepare(await throwawayFolder(t));
// The manifests lie elsewhere: they go on to be edited.
symlinkSync(disk.path, fleet.data);
const probes = new ProbeRoutes(fleet, 10);
const up = await fleet.up();
t.teardown(async () => {
  up.process.kill('SIGINT');
  await exitOf(up.process);
});
await probes.served();
const client = new FleetClient(await findFleet(fleet.env, fleet.data));

await t.test('full, and room again: every part goes on, and nothing needs a hand', async (t) => {
  const traffic = startTraffic(t, fleet);
  const before = await fleet.processes();
  await disk.fill();
  await probes.editAll();
  await follow(t, findOut);
  await until(
    () => agentReadiness(),
    (said) => said.includes('changes wait here, for they are not stored'),
  );
  const refused = await fleet.cli('rollback', 'eu/platform/shared', '--timeout', '5');
  t.not(refused.code, 0);
  t.match(refused.stderr, /NATS did not take the command: JetStream stores nothing: .*no space left on device/);
  t.match(refused.stderr, /Make room on the disk of nats-server/, 'the remedy');
  t.same(await fleet.processes(), before, 'no process ended of it');

  await disk.empty();
  await until(
    () => up.events.join('\n'),
    (said) => /NATS stored nothing \(.*no space left on device\)\. Its disk has room again: it is restarted/.test(said),
  );
  await probes.served();
  await follow(t, seeThatItIsOver);
  await until(
    () => fleet.cli('status'),
    ({ stdout }) => !/^!/m.test(stdout),
  );
  t.same(await projectorReadiness(), { ok: true, reasons: [] });
  await traffic.stop();
  t.same(traffic.wrong, [], `${traffic.count} requests`);
  await probes.isWhole(t, client);
});

await t.test('kill -9 of parts while it is full: they come back, at the latest with the room', async (t) => {
  const traffic = startTraffic(t, fleet);
  await disk.fill();
  await probes.editAll();
  const parts = ['agent-eu', 'projector', 'control', 'proxy', 'nats', 'postgres'];
  const back = [];
  for (const part of parts) {
    back.push(await kill(fleet, part));
    await traffic.goesOn(100);
  }
  await disk.fill();
  await traffic.goesOn(500);
  await disk.empty();
  for (const wait of back) await wait();
  await probes.served();
  await until(
    () => projectorReadiness(),
    ({ ok }) => ok,
  );
  await traffic.stop();
  t.same(traffic.wrong, [], `${traffic.count} requests`);
  await probes.isWhole(t, client);
});

/** Runs a step of the page until it prints what is shown. */
async function follow(t: Test, { command, shown }: ConsoleStep): Promise<void> {
  const here = command.replaceAll('npx fleetgate ', `'${process.execPath}' '${bin}' `);
  const run = (): Promise<readonly string[]> =>
    new Promise((done) => {
      execFile('sh', ['-c', here], { env: fleet.env }, (_error, stdout) => done(stdout.split('\n')));
    });
  const printed = await until(run, (lines) => isAsShown(shown, lines)).catch(run);
  if (isAsShown(shown, printed)) t.pass(command);
  else t.equal(steadyLines(printed).join('\n'), steadyLines(shown).join('\n'), command);
}

async function agentReadiness(): Promise<string> {
  return (await fetch(`${healthOf('agent-eu')}/readyz`)).text();
}

async function projectorReadiness(): Promise<{ readonly ok: boolean; readonly reasons: readonly string[] }> {
  const response = await fetch(`${healthOf('projector')}/readyz`);
  const said: { readonly ok: boolean; readonly reasons: readonly string[] } = JSON.parse(await response.text());
  return said;
}

function healthOf(part: string): string {
  const record: { readonly health: string } = JSON.parse(readFileSync(join(fleet.data, 'run', `${part}.json`), 'utf8'));
  return record.health;
}
