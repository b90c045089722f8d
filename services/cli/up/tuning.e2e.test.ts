// Attaches to one part of a running fleet, and silences another one's log.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { tryPort } from '#libs/runtime/ports.ts';
import { DemoFleet, exitOf } from '../testing/demo-fleet.ts';

const port = (await tryPort('127.0.0.1', 0)) ?? 0;
const fleet = await DemoFleet.prepare(t.testdir());
const up = await fleet.up({ demo: true, flags: ['--inspect', `projector=${port}`, '--log-level', 'control=silent'] });
t.teardown(async () => {
  up.process.kill('SIGTERM');
  await exitOf(up.process);
});

const linesOf = (part: string): number => readFileSync(join(fleet.data, 'logs', `${part}.log`), 'utf8').length;

await t.test('the inspector is that of the part', async (t) => {
  const response = await fetch(`http://127.0.0.1:${port}/json/list`);
  t.match(await response.json(), [{ type: 'node', webSocketDebuggerUrl: `ws://127.0.0.1:${port}/` }]);
  t.match(
    readFileSync(join(fleet.data, 'logs', 'projector.log'), 'utf8'),
    `Debugger listening on ws://127.0.0.1:${port}`,
  );
});

await t.test('the log level is that of the part, and of no other', async (t) => {
  t.equal(linesOf('control'), 0);
  t.ok(linesOf('agent-eu') > 0);
});
