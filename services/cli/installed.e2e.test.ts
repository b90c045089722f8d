// Packs the checkout, installs the package in an empty folder and runs the demo there, as a user would, and without the
// network: needs npm's cache to hold the packages of the lock file, as `npm ci` leaves it.
import { cpSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import t from 'tap';
import { tryPort } from '#libs/runtime/ports.ts';
import { throwawayFolder } from '#libs/testing/peers/throwaway.ts';
import { eventually } from '#libs/testing/eventually.ts';
import { exitOf, freeOffset, freeUpstreamPorts, untilReady } from './testing/demo-fleet.ts';
import { startLockedRegistry } from './testing/locked-registry.ts';
import { ask } from './testing/storefront-request.ts';
import { processesNaming, runNpm, startNpm } from './testing/npm.ts';

const checkout = resolve(import.meta.dirname, '../..');
const folder = await throwawayFolder(t);
const source = join(folder, 'source');
const empty = join(folder, 'empty');
const dirs = { XDG_STATE_HOME: join(folder, 'state'), XDG_DATA_HOME: join(folder, 'share') };
for (const path of [empty, ...Object.values(dirs)]) mkdirSync(path);

await t.test('npm pack builds, and leaves no build behind', async (t) => {
  const left = ['node_modules', '.git', '.data', '.tap', 'dist'];
  cpSync(checkout, source, { recursive: true, filter: (path) => !left.includes(relative(checkout, path)) });
  symlinkSync(join(checkout, 'node_modules'), join(source, 'node_modules'));
  const before = readdirSync(source);
  await runNpm('npm', ['pack', '--pack-destination', folder], { cwd: source });
  t.strictSame(
    readdirSync(source).filter((name) => name !== '.data'),
    before,
  );
});

await t.test('npm install in an empty folder, from the cache', async () => {
  const cache = (await runNpm('npm', ['config', 'get', 'cache'], { cwd: checkout })).trim();
  const registry = await startLockedRegistry(checkout, cache);
  const tarball = readdirSync(folder).find((name) => name.endsWith('.tgz')) ?? '';
  const from = ['--registry', registry.url, '--cache', join(folder, 'cache')];
  try {
    await runNpm('npm', ['install', '--no-audit', ...from, join(folder, tarball)], { cwd: empty });
  } finally {
    await registry.stop();
  }
});

await t.test('npx fleetgate up --demo works there', async (t) => {
  const options = { cwd: empty, env: dirs };
  const installed = join(empty, 'node_modules', 'fleetgate');
  t.match(await runNpm('npx', ['fleetgate', 'version'], options), /^fleetgate \d/u);
  await freeUpstreamPorts(join(installed, 'examples', 'storefront'));
  const offset = await freeOffset();
  const ports = ['--port', String((await tryPort('127.0.0.1', 0)) ?? 0), '--port-offset', String(offset)];
  const npx = startNpm('npx', ['fleetgate', 'up', '--demo', '--output', 'json', ...ports], options);
  t.teardown(() => exitOf(npx));
  t.teardown(() => npx.kill('SIGTERM'));
  const { events } = await untilReady(npx);
  const steps = events.find((line) => line.includes('"ready"')) ?? '';
  t.match(steps, `"data":"${join(dirs.XDG_DATA_HOME, 'fleetgate-demo')}"`, 'its state is not in node_modules');
  t.match(steps, join(installed, 'examples', 'storefront', 'demo-ca.pem'), 'the steps name files that are there');
  const node = { httpPort: 80 + offset, httpsPort: 443 + offset, certificateAuthority: '' };
  const answer = await ask(node, 'http://shop.eu.storefront.example/catalog/shoes');
  t.match(answer, { status: 200, body: /^catalog v1 in eu/u });
  t.match(await runNpm('npx', ['fleetgate', 'status'], options), /eu\/platform\/shared/u);
  npx.kill('SIGTERM');
  await exitOf(npx);
  await eventually(() => processesNaming(folder).length === 0, { timeoutMs: 60_000, everyMs: 100 });
  t.match(events.at(-1), /"event":"stopped"/u);
});
