// Sends older APIs through the whole pipe: an Ingress and an old HTTPRoute in a folder answer requests, are found in
// the history as they were written, and are what `fleetgate convert` makes of them.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { type RunningUp, DemoFleet, exitOf, until } from './testing/demo-fleet.ts';
import { ask } from './testing/storefront-request.ts';

const folder = mkdtempSync(join(tmpdir(), 'fleetgate-older-'));
const fleet = await DemoFleet.prepare(folder);
const certificate = readFileSync(join(folder, 'eu/platform-certificate.yaml'), 'utf8').replaceAll(
  /^(\s+namespace:) platform$/gmu,
  '$1 shop',
);
const manifests = readFileSync(new URL('testdata/older-apis.yaml', import.meta.url), 'utf8');
writeFileSync(join(folder, 'eu/older.yaml'), `${manifests}\n---\n${certificate}`);
const up: RunningUp = await fleet.up();
t.teardown(async () => {
  up.process.kill('SIGTERM');
  await exitOf(up.process);
  rmSync(folder, { recursive: true, force: true });
});

const statusOf = (url: string): Promise<number> => ask(fleet, url).then(({ status }) => status);

await t.test(
  'an Ingress answers: by path, for one label in place of a wildcard, with TLS, and by its default',
  async (t) => {
    await until(
      () => statusOf('http://ingress.example/cart'),
      (status) => status === 200,
    );
    t.match(await ask(fleet, 'http://ingress.example/cart/a'), { status: 200, body: /^cart v1 in eu: GET \/cart\/a/ });
    t.match(await ask(fleet, 'http://one.wild.example/'), { status: 200, body: /^cart v1/ });
    t.match(await ask(fleet, 'http://ONE.wild.example/'), { status: 200, body: /^cart v1/ }, 'in any case');
    t.match(
      await ask(fleet, 'http://one.two.wild.example/'),
      { status: 404, body: /^not-found v1/ },
      'the default backend',
    );
    t.match(await ask(fleet, 'https://ingress.eu.storefront.example/cart'), { status: 200, body: /^cart v1/ });
    t.match(await ask(fleet, 'http://shop.eu.storefront.example/cart'), { status: 200 }, 'v1 is as it was');
  },
);

await t.test('an old HTTPRoute answers where an old Gateway selects it', async (t) => {
  await until(
    () => statusOf('http://old.example/some/thing'),
    (status) => status === 200,
  );
  t.match(await ask(fleet, 'http://old.example/some/thing'), { body: /^cart v1/ });
  t.equal(await statusOf('http://old.example/elsewhere'), 404);
  t.not(
    (await ask(fleet, 'http://unselected.example/')).body.startsWith('cart'),
    true,
    'one without the label is not served',
  );
});

await t.test('they are listed and remembered as what they were written as', async (t) => {
  const routes = await fleet.cli('routes', '--cluster', 'eu');
  t.match(routes.stdout, /eu +Ingress +shop\/web .* yes/);
  t.match(routes.stdout, /eu +HTTPRoute\.networking\.x-k8s\.io +shop\/old .* yes/);
  t.match(routes.stdout, /shop\/unselected .*no gateway of Fleetgate serves it/);
  t.match((await fleet.cli('history', 'eu/Ingress/shop/web')).stdout, /eu\/Ingress\/shop\/web/);
  t.match((await fleet.cli('history', 'eu/httproutes.networking.x-k8s.io/shop/old')).stdout, /HTTPRoute\.networking/);
  t.match((await fleet.cli('gateways')).stdout, /eu\/fleetgate-ingress\/web/);
  t.match(await fleet.cli('rebuild', '--verify'), { code: 0, stdout: /identical/ });
});

await t.test('convert gives the same in v1, and answers as before when it takes their place', async (t) => {
  const { code, stdout, stderr } = await fleet.cli('convert', join(folder, 'eu/older.yaml'));
  t.equal(code, 0, stderr);
  t.match(stderr, /warning: Gateway\/shop\/old: spec\.listeners\[0\]\.routes\.selector/);
  writeFileSync(join(folder, 'converted.yaml'), stdout);
  const again = await fleet.cli('convert', join(folder, 'converted.yaml'));
  t.equal(again.stdout, stdout.replaceAll(/^# warning: .*\n/gmu, ''), 'v1 stays as it is');
  fleet.edit('eu/older.yaml', () => stdout);
  await until(
    () => fleet.cli('routes', '--cluster', 'eu').then((routes) => routes.stdout),
    (text) => !text.includes('Ingress') && /HTTPRoute +shop\/web .* yes/u.test(text),
  );
  await until(
    () => Promise.all(['http://ingress.example/cart', 'http://old.example/some/thing'].map(statusOf)),
    (all) => all.every((status) => status === 200),
  );
  t.match(await ask(fleet, 'http://one.two.wild.example/'), { status: 404, body: /^not-found v1/ });
  t.match(await ask(fleet, 'https://ingress.eu.storefront.example/cart'), { status: 200, body: /^cart v1/ });
});
