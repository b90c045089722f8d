// Runs a node that selects Gateways by label beside one that serves all: the label comes and goes in the manifest, and
// requests follow.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { DemoFleet, exitOf, until } from './testing/demo-fleet.ts';
import { LoneNode } from './testing/lone-node.ts';
import { ask } from './testing/storefront-request.ts';

const folder = mkdtempSync(join(tmpdir(), 'fleetgate-labels-'));
const fleet = await DemoFleet.prepare(folder);
const up = await fleet.up();
t.teardown(async () => {
  up.process.kill('SIGTERM');
  await exitOf(up.process);
  rmSync(folder, { recursive: true, force: true });
});

const label = '  name: shared\n  labels:\n    tier: edge\n';
const relabel = (from: string, to: string): void =>
  fleet.edit('eu/platform-gateway.yaml', (text) => text.replace(from, to));
const gateways = (): Promise<string> => fleet.cli('gateways').then(({ stdout }) => stdout);

await t.test('a label assigns a Gateway to a node, and takes it away again', async (t) => {
  const node = await LoneNode.prepare(fleet, '*/*/*?tier=edge,!test');
  t.teardown(() => node.stop());
  const statusOf = (place: string): Promise<number> =>
    ask(node, `http://shop.${place}.storefront.example/cart`).then(
      ({ status }) => status,
      () => 0,
    );
  relabel('  name: shared\n', label);
  await node.start();
  t.equal(await statusOf('us'), 404, 'the Gateway without the label is not here');
  await until(
    gateways,
    (text) => /eu\/platform\/shared .* 2\/2 /.test(text) && /us\/platform\/shared .* 1\/1 /.test(text),
  );

  relabel(label, '  name: shared\n');
  await until(
    () => statusOf('eu'),
    (status) => status === 0,
  );
  await until(gateways, (text) => /eu\/platform\/shared .* 1\/1 /.test(text));
  t.equal((await ask(fleet, 'http://shop.eu.storefront.example/cart')).status, 200, 'the other node serves as before');

  relabel('  name: shared\n', label);
  await until(
    () => statusOf('eu'),
    (status) => status === 200,
  );
  t.match(await fleet.cli('rebuild', '--verify'), { code: 0, stdout: /identical/ });
});

await t.test('what is wrong with --serves is said', async (t) => {
  const wrong = await fleet.cli(
    'proxy',
    '--node',
    'n',
    '--control-url',
    'http://127.0.0.1:1',
    '--serves',
    '*/*/*?tier in (edge)',
  );
  t.equal(wrong.code, 2, wrong.stderr);
  t.match(wrong.stderr, /has no label selector after the "\?", such as tier=edge/);
});
