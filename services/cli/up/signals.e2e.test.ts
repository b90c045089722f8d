// Ends npm and npx in every way that they can be ended: the fleet stops with them, and nothing outlives it.
import { resolve } from 'node:path';
import t from 'tap';
import { eventually } from '#libs/testing/eventually.ts';
import { identityOf } from '#libs/runtime/process/process-identity.ts';
import { DemoFleet, exitOf, untilReady } from '../testing/demo-fleet.ts';
import { processesNaming, startNpm } from '../testing/npm.ts';

const checkout = resolve(import.meta.dirname, '../../..');
/** Parts stop in order, and each has 16 s. */
const stopped = { timeoutMs: 60_000, everyMs: 100 };

const cases = [
  ['npm', 'SIGTERM'],
  ['npm', 'SIGINT'],
  ['npx', 'SIGTERM'],
  // Elsewhere npx's shell keeps it to itself, and nobody can tell. Ctrl-C in a terminal reaches all of them.
  ...(process.platform === 'linux' ? ([['npx', 'SIGINT']] as const) : []),
  ['npx', 'SIGKILL'],
] as const;

for (const [command, signal] of cases) {
  await t.test(`${signal} to ${command}`, async (t) => {
    const fleet = await DemoFleet.prepare(t.testdir());
    const flags = fleet.upArgs().slice(2);
    const args = command === 'npm' ? ['run', 'demo', '--', ...flags] : ['fleetgate', 'up', '--demo', ...flags];
    const npm = startNpm(command, args, { cwd: checkout, env: { XDG_STATE_HOME: `${fleet.folder}/state` } });
    const up = await untilReady(npm);
    const pids = [...(await fleet.processes()).values()];
    t.ok(pids.length >= 9, `${pids.length} processes run`);
    t.notMatch(up.events.join('\n'), /fg_[\w-]{20}/u, 'no token is printed');
    npm.kill(signal);
    await exitOf(npm);
    await eventually(async () => (await Promise.all(pids.map(identityOf))).every((one) => one === undefined), stopped);
    await eventually(() => processesNaming(fleet.folder).length === 0, stopped);
    t.match(up.events.at(-1), /"event":"stopped"/u, 'it stopped in order');
  });
}

await t.test('SIGTERM to npx while the fleet starts', async (t) => {
  const fleet = await DemoFleet.prepare(t.testdir());
  const args = ['fleetgate', 'up', '--demo', ...fleet.upArgs().slice(2)];
  const npm = startNpm('npx', args, { cwd: checkout, env: { XDG_STATE_HOME: `${fleet.folder}/state` } });
  let output = '';
  npm.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  await eventually(() => output.includes('part-started'), stopped);
  npm.kill('SIGTERM');
  await eventually(() => processesNaming(fleet.folder).length === 0, stopped);
  t.match(output, /"event":"stopped"/u);
});
