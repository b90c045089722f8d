// Attaches to two parts of a running fleet, and silences another one's log.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { tryPort } from '#libs/runtime/ports.ts';
import { DemoFleet, exitOf } from '../testing/demo-fleet.ts';

const inspected = [
  { part: 'projector', port: (await tryPort('127.0.0.1', 0)) ?? 0 },
  { part: 'agent-eu', port: (await tryPort('127.0.0.1', 0)) ?? 0 },
];
const fleet = await DemoFleet.prepare(t.testdir());
const inspect = inspected.flatMap(({ part, port }) => ['--inspect', `${part}=${port}`]);
const up = await fleet.up({ demo: true, flags: [...inspect, '--log-level', 'control=silent'] });
t.teardown(async () => {
  up.process.kill('SIGTERM');
  await exitOf(up.process);
});

const logOf = (part: string): string => readFileSync(join(fleet.data, 'logs', `${part}.log`), 'utf8');

await t.test('each inspector is that of its part', async (t) => {
  for (const { part, port } of inspected) {
    const response = await fetch(`http://127.0.0.1:${port}/json/list`);
    t.match(await response.json(), [{ type: 'node', webSocketDebuggerUrl: `ws://127.0.0.1:${port}/` }]);
    t.match(logOf(part), `Debugger listening on ws://127.0.0.1:${port}`);
  }
});

await t.test('the log level is that of the part, and of no other', async (t) => {
  t.equal(logOf('control'), '');
  t.match(logOf('agent-us'), '"level":"info"');
});
