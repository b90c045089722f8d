// Confirms commands as two people would, on the storefront: what the first is told, what the second sees and does, and
// what the history says afterwards.
import t from 'tap';
import { z } from 'zod';
import { throwawayFolder } from '#libs/testing/peers/throwaway.ts';
import { DemoFleet, exitOf, until } from './testing/demo-fleet.ts';

const gateway = 'eu/platform/shared';
const versions = z.array(z.object({ version: z.number(), serving: z.boolean() }));

const fleet = await DemoFleet.prepare(await throwawayFolder(t));
const up = await fleet.up();
t.teardown(async () => {
  up.process.kill('SIGTERM');
  await exitOf(up.process);
});

async function serving(): Promise<number> {
  const { stdout } = await fleet.cli('snapshots', gateway, '--output', 'json');
  return versions.parse(JSON.parse(stdout)).find((one) => one.serving)?.version ?? 0;
}

async function tokenOf(name: string, role: string): Promise<string> {
  const { stdout } = await fleet.cli('token', 'create', '--name', name, '--role', role, '--output', 'json');
  return z.object({ token: z.string() }).parse(JSON.parse(stdout)).token;
}

const first = await serving();
const annotations = `annotations: { fleetgate.dev/confirm: 'rollback,release', fleetgate.dev/reason: 'four eyes' }`;
fleet.edit('eu/platform-gateway.yaml', (text) =>
  text.replace('\n  name: shared\n', `\n  name: shared\n  ${annotations}\n`),
);
await until(
  () => fleet.cli('history', 'eu/Gateway/platform/shared'),
  ({ stdout }) => stdout.includes('because: four eyes'),
);
fleet.edit('eu/shop-routes.yaml', (text) => text.replaceAll(/name: catalog(-next)?$/gmu, 'name: catalog-next'));
const second = await until(serving, (version) => version > first);
const [ann, bob] = [await tokenOf('ann', 'operator'), await tokenOf('bob', 'operator')];
const request = z.array(z.object({ id: z.string() }));

async function listed(): Promise<z.output<typeof request>> {
  return request.parse(JSON.parse((await fleet.cli('approvals', '--output', 'json')).stdout));
}

async function waiting(): Promise<string> {
  return (await until(listed, (list) => list.length === 1))[0]?.id ?? '';
}

await t.test('one asks, another sees it and confirms it', async (t) => {
  const why = ['--reason', 'errors', '--ticket', 'OPS-1'];
  const asked = await fleet.cliAs(ann, 'rollback', gateway, '--to', String(first), ...why);
  t.match(asked, {
    code: 12,
    stdout: /another person must confirm it until .*\n.*fleetgate approve [-0-9a-f]{36}\n.*fleetgate reject/,
    stderr: /another person must confirm the command/,
  });
  t.equal(await serving(), second);
  const id = await waiting();
  const { stdout } = await fleet.cliAs(bob, 'approvals');
  t.match(stdout, new RegExp(`${id} +${gateway} +rollback to ${first} +${second} +ann +\\S+ +OPS-1 errors`));
  t.match(await fleet.cliAs(ann, 'approve', id), { code: 4, stderr: /another person must confirm it/ });
  const approved = await fleet.cliAs(bob, 'approve', id, '--reason', 'seen');
  t.match(approved, { code: 0, stdout: /serves the content of version \d+ again.*\n +applied by 1 of 1 node/ });
  t.match((await fleet.cli('approvals')).stdout, 'nothing waits to be confirmed');
  t.match((await fleet.cli('approvals', '--all')).stdout, /approved +bob +OPS-1 errors \(seen\)/);
  t.match((await fleet.cli('snapshots', gateway)).stdout, /rollback to \d+ +ann, confirmed by bob .*OPS-1 errors/);
  const history = (await fleet.cli('history', 'eu/Gateway/platform/shared')).stdout;
  t.match(history, new RegExp(`approved rollback to ${first} +bob`));
  t.match(history, new RegExp(`requested rollback to ${first} +ann +verified +OPS-1 errors`));
  const events = await fleet.cli('events', '--what', 'approved', '--format', 'csv');
  t.match(events.stdout, /approved,eu,Gateway,platform,shared,.*,bob,.*,ann/);
});

await t.test('--wait waits for the decision, also for a refusal', async (t) => {
  const waited = fleet.cliAs(ann, 'release', gateway, '--wait');
  t.match(await fleet.cliAs(bob, 'reject', await waiting(), '--reason', 'not yet'), { code: 0, stdout: /is rejected/ });
  t.match(await waited, { code: 4, stderr: /bob rejected it: not yet/ });
  const again = fleet.cliAs(ann, 'release', gateway, '--wait');
  t.match(await fleet.cliAs(bob, 'approve', await waiting()), { code: 0, stdout: /is released/ });
  t.match(await again, { code: 0, stdout: /confirmed, and carried out as version \d+/ });
});

await t.test('in an emergency an admin goes alone, and it is marked', async (t) => {
  t.match(await fleet.cliAs(bob, 'rollback', gateway, '--break-glass', '--reason', 'fire'), { code: 4 });
  t.match(await fleet.cli('rollback', gateway, '--break-glass'), { code: 4, stderr: /--reason/ });
  t.match(await fleet.cli('rollback', gateway, '--break-glass', '--reason', 'fire'), { code: 0 });
  const { stdout } = await fleet.cli('events', '--what', 'rollback');
  t.match(stdout, /rollback to \d+ without confirmation/);
  t.match(await fleet.cli('rebuild', '--verify'), { code: 0, stdout: /^identical: /m });
});
