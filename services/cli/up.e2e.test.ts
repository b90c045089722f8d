// Drives the whole pipe with the storefront as a user would: manifests are edited, commands called, requests sent,
// Ctrl-C pressed.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { z } from 'zod';
import { type RunningUp, DemoFleet, exitOf, until } from './testing/demo-fleet.ts';
import { ask } from './testing/storefront-request.ts';

const gateway = 'eu/platform/shared';
const shop = 'http://shop.eu.storefront.example';
const versions = z.array(
  z.object({ version: z.number(), serving: z.boolean(), digest: z.string(), cause: z.string() }),
);

const folder = mkdtempSync(join(tmpdir(), 'fleetgate-up-'));
const fleet = await DemoFleet.prepare(folder);
let up: RunningUp = await fleet.up();
t.teardown(async () => {
  up.process.kill('SIGTERM');
  await exitOf(up.process);
  rmSync(folder, { recursive: true, force: true });
});

async function snapshots(): Promise<z.output<typeof versions>> {
  const { code, stdout, stderr } = await fleet.cli('snapshots', gateway, '--output', 'json');
  if (code !== 0) throw new Error(stderr);
  return versions.parse(JSON.parse(stdout));
}

async function serving(): Promise<number> {
  return (await snapshots()).find((one) => one.serving)?.version ?? 0;
}

/** Points the catalog's rules at another service. */
function routeCatalogTo(service: string): void {
  fleet.edit('eu/shop-routes.yaml', (text) => text.replaceAll(/name: catalog(-next|-none)?$/gmu, `name: ${service}`));
}

const catalog = (): Promise<string> => ask(fleet, `${shop}/catalog`).then(({ body }) => body);

await t.test('requests are answered by what the routes of each cluster say', async (t) => {
  for (const cluster of ['eu', 'us']) {
    const host = `shop.${cluster}.storefront.example`;
    t.match(await ask(fleet, `http://${host}/cart`), { status: 200, body: `cart v1 in ${cluster}: GET /cart\n` });
    t.match(await ask(fleet, `https://${host}/catalog/a?b=c`), {
      status: 200,
      body: `catalog v1 in ${cluster}: GET /catalog/a?b=c\n`,
    });
    t.match(await ask(fleet, `http://${host}/products/a`), {
      status: 200,
      body: `catalog v1 in ${cluster}: GET /catalog/a\n`,
    });
    t.match(await ask(fleet, `http://${host}/nothing`), { status: 404, body: /^not-found v1/ });
    const redirect = await ask(fleet, `http://${host}/basket`);
    t.match(redirect, { status: 301, location: /\/cart$/ });
    t.match(await ask(fleet, `https://pay.${cluster}.storefront.example/`, { 'x-canary': 'always' }), {
      body: /^payments-canary v2/,
    });
  }
  t.match(await ask(fleet, 'http://elsewhere.example/'), { status: 404, body: '' });
});

await t.test('the canary gets its share', async (t) => {
  const bodies = await Promise.all(Array.from({ length: 300 }, () => ask(fleet, 'http://pay.eu.storefront.example/')));
  const canary = bodies.filter(({ body }) => body.startsWith('payments-canary')).length;
  t.ok(canary > 5 && canary < 75, `${canary} of 300`);
});

await t.test('an edit is served; a rollback pins; edits wait; a release serves the newest', async (t) => {
  const first = await serving();
  routeCatalogTo('catalog-next');
  await until(catalog, (body) => body.startsWith('catalog-next v2'));
  const second = await until(serving, (version) => version > first);
  t.match(await fleet.cli('diff', gateway, String(first), String(second)), {
    code: 0,
    stdout: /backend\/eu\/shop\/catalog\/80 → backend\/eu\/shop\/catalog-next\/80/,
  });

  const rollback = await fleet.cli('rollback', gateway, '--to', String(first), '--reason', 'too many errors');
  t.equal(rollback.code, 0, rollback.stderr);
  t.match(rollback.stdout, `serves the content of version ${first} again, as version ${second + 1}`);
  t.match(rollback.stdout, /applied by 1 of 1 node in \d+ ms/);
  t.match(await catalog(), /^catalog v1/, 'in force when the command returns');
  const digests = new Map((await snapshots()).map(({ version, digest }) => [version, digest]));
  t.equal(digests.get(second + 1), digests.get(first));

  routeCatalogTo('catalog-none');
  const candidate = second + 2;
  await until(snapshots, (list) => list.some(({ version }) => version === candidate));
  t.equal(await serving(), second + 1, 'the pin holds');
  t.match(await catalog(), /^catalog v1/);
  t.match((await fleet.cli('gateways')).stdout, /pinned, 1 waiting/);

  const release = await fleet.cli('release', gateway);
  t.equal(release.code, 0, release.stderr);
  t.equal((await ask(fleet, `${shop}/catalog`)).status, 500, 'a service that does not exist');
  routeCatalogTo('catalog');
  await until(catalog, (body) => body.startsWith('catalog v1'));
});

await t.test('a mistake in a manifest is named by file and line, and the last good state stays', async (t) => {
  fleet.edit('eu/payments-routes.yaml', (text) => `${text}---\nkind: HTTPRoute\nmetadata: [\n`);
  const { stdout } = await until(
    () => fleet.cli('clusters'),
    ({ stdout }) => stdout.includes('payments-routes.yaml:'),
  );
  t.match(stdout, /payments-routes\.yaml:\d+/);
  t.match(await ask(fleet, 'http://pay.eu.storefront.example/', { 'x-canary': 'always' }), { status: 200 });
  fleet.edit('eu/payments-routes.yaml', (text) => text.slice(0, text.lastIndexOf('---')));
});

await t.test('the commands find the fleet by themselves, and explain what they cannot do', async (t) => {
  t.match((await fleet.cli('status')).stdout, /eu\/platform\/shared/);
  t.match((await fleet.cli('routes', '--cluster', 'us')).stdout, /us +HTTPRoute +shop\/shop/);
  t.match(
    (await fleet.cli('history', 'httproute/eu/shop/shop')).stdout,
    /spec\.rules\[1\]\.backendRefs\[name=catalog-next\]/,
  );
  t.match((await fleet.cli('nodes')).stdout, /local +connected +live/);
  t.match(await fleet.cli('rollback', 'eu/platfrom/shared'), { code: 3, stderr: /Did you mean eu\/platform\/shared/ });
  t.match(await fleet.cli('release', gateway), { code: 4 });
  t.match(await fleet.cli('rollback', gateway, '--to', '999'), { code: 3, stderr: /999/ });
  t.match(await fleet.cli('rebuild', '--verify'), { code: 0, stdout: /^identical: /m });
  const verified = await fleet.cli('token', 'create', '--name', 'ci', '--role', 'viewer', '--output', 'json');
  const { token } = z.object({ token: z.string() }).parse(JSON.parse(verified.stdout));
  const denied = await fetch(`${up.ready.url}/api/v1/gateways/eu/platform/shared/release`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: '{}',
  });
  t.equal(denied.status, 403);
});

await t.test('a second up on the same data says who holds it', async (t) => {
  const second = await fleet.cli(...fleet.upArgs());
  t.equal(second.code, 4);
  t.match(second.stderr, `process ${up.process.pid}`);
  t.match(second.stderr, up.ready.url);
});

await t.test('Ctrl-C stops everything in order and leaves no process', async (t) => {
  const processes = await fleet.processes();
  for (const part of ['postgres', 'nats', 'projector', 'control', 'proxy', 'agent-eu', 'agent-us', 'envoy']) {
    t.ok(processes.has(part), part);
  }
  up.process.kill('SIGINT');
  t.equal(await exitOf(up.process), 0);
  t.match(up.events.at(-1), /"stopped"/);
  t.same([...(await fleet.processes())], []);
  t.notMatch(execFileSync('ps', ['-eo', 'args']).toString(), fleet.data);
  t.match(await fleet.cli('status'), { code: 5, stderr: /no `fleetgate up` runs/ });
});

await t.test('the state survives a restart', async (t) => {
  up = await fleet.up();
  t.match(await catalog(), /^catalog v1/);
  const list = await snapshots();
  t.equal(list.filter(({ cause }) => cause === 'rollback').length, 1);
  const before = list.length;
  routeCatalogTo('catalog-next');
  await until(catalog, (body) => body.startsWith('catalog-next v2'));
  t.equal((await snapshots()).length, before + 1, 'and goes on');
});

await t.test('kill -9 of up leaves nothing that keeps the next one from starting', async (t) => {
  const before = await serving();
  up.process.kill('SIGKILL');
  await exitOf(up.process);
  up = await fleet.up();
  t.equal(await serving(), before);
  t.match(await catalog(), /^catalog-next v2/);
  up.process.kill('SIGTERM');
  t.equal(await exitOf(up.process), 0);
  t.same([...(await fleet.processes())], []);
  t.notMatch(execFileSync('ps', ['-eo', 'args']).toString(), join(fleet.data, 'node'));
});
