// Sends policies of other gateways through the whole pipe: what they are attached to names them in `routes`, `gateways`
// and `explain`, and the history knows them.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { type RunningUp, DemoFleet, exitOf, until } from './testing/demo-fleet.ts';
import { ask } from './testing/storefront-request.ts';

const folder = mkdtempSync(join(tmpdir(), 'fleetgate-policies-'));
const fleet = await DemoFleet.prepare(folder);
const up: RunningUp = await fleet.up();
t.teardown(async () => {
  up.process.kill('SIGTERM');
  await exitOf(up.process);
  rmSync(folder, { recursive: true, force: true });
});

const kind = 'SecurityPolicy';
const group = 'gateway.envoyproxy.io';
const policy = (name: string, namespace: string, target: string): string => `---
apiVersion: ${group}/v1alpha1
kind: ${kind}
metadata: { name: ${name}, namespace: ${namespace} }
spec: { targetRefs: [{ group: gateway.networking.k8s.io, ${target} }] }
`;
const routes = (): Promise<string> => fleet.cli('routes', '--cluster', 'eu').then(({ stdout }) => stdout);
const onRoute = `${kind} of ${group}, shop/login, is not served here`;
const onListener = `${kind} of ${group}, platform/admin, is not served here`;
const url = 'http://shop.eu.storefront.example/cart';

await t.test('a policy on a route, and one on a listener, are named where one looks', async (t) => {
  t.notMatch(await routes(), 'is not served here');
  writeFileSync(
    join(folder, 'eu/login.yaml'),
    policy('login', 'shop', 'kind: HTTPRoute, name: shop') +
      policy('admin', 'platform', 'kind: Gateway, name: shared, sectionName: http'),
  );
  await until(routes, (text) => text.includes(`PolicyNotServed: ${onRoute}`));
  const gateways = await fleet.cli('gateways');
  t.match(gateways.stdout, `eu/platform/shared  listener http: PolicyNotServed: ${onListener}`);
  const explained = await fleet.cli('explain', url, '--gateway', 'eu/platform/shared');
  t.match(explained.stdout, `HTTPRoute shop/shop: PolicyNotServed: ${onRoute}`);
  t.match(explained.stdout, onListener);
  const offline = await fleet.cli('explain', url, '--manifests', join(folder, 'eu'), '--cluster', 'eu');
  t.match(offline.stdout, onRoute);
  t.match(offline.stdout, onListener);
  t.equal((await ask(fleet, url)).status, 200, 'it is served');
});

await t.test('the history has it under its kind and group, and it is gone when it is', async (t) => {
  const name = `eu/${kind}.${group}/shop/login`;
  t.match((await fleet.cli('history', name)).stdout, /applied[^]*folder/u);
  t.match((await fleet.cli('history', 'eu/securitypolicies/shop/login')).stdout, /folder/u);
  t.match((await fleet.cli('events', '--kind', `securitypolicies.${group}`)).stdout, 'login');
  rmSync(join(folder, 'eu/login.yaml'));
  await until(routes, (text) => !text.includes('is not served here'));
  t.match((await fleet.cli('history', name)).stdout, /deleted/u);
  t.match(await fleet.cli('rebuild', '--verify'), { code: 0, stdout: /identical/u });
});
