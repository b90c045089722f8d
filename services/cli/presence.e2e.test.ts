// Runs a second node with an Envoy of its own beside a fleet: a node counts until it says goodbye or is removed, also
// while its process is dead and its Envoy goes on with what is old.
import t from 'tap';
import { throwawayFolder } from '#libs/testing/peers/throwaway.ts';
import { findFleet } from './client/fleet-address.ts';
import { FleetClient } from './client/fleet-client.ts';
import { endpoints } from '#libs/api/endpoints.ts';
import { DemoFleet, exitOf, until } from './testing/demo-fleet.ts';
import { LoneNode } from './testing/lone-node.ts';
import { ask } from './testing/storefront-request.ts';

const fleet = await DemoFleet.prepare(await throwawayFolder(t));
const up = await fleet.up();
t.teardown(async () => {
  up.process.kill('SIGTERM');
  await exitOf(up.process);
});
const client = new FleetClient(await findFleet(fleet.env, fleet.data));
const gateway = 'eu/platform/shared';
const params = { cluster: 'eu', namespace: 'platform', name: 'shared' };
const since = String.raw`since \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`;

/** Gives what the Gateway's own status says of Programmed. */
const programmed = async (): Promise<string> => {
  const { conditions } = await client.call(endpoints.readGateway, { params });
  const found = conditions.find(({ type }) => type === 'Programmed');
  return `${found?.status} ${found?.message}`;
};
const says = (pattern: RegExp): Promise<string> => until(programmed, (text) => pattern.test(text));
const gateways = async (): Promise<string> => (await fleet.cli('gateways')).stdout;
const serving = async (): Promise<number> => (await client.call(endpoints.readGateway, { params })).serving;
const nodeEvents = async () => (await client.call(endpoints.listEvents, { query: { type: 'node-left' } })).items;

await t.test('a node whose process was killed counts, and is unknown', async (t) => {
  const node = await LoneNode.prepare(fleet);
  t.teardown(() => node.stop());
  await node.start();
  await says(/^True applied by 2 of 2 nodes$/);
  const url = 'http://shop.eu.storefront.example/cart';
  const path = 'eu/shop-routes.yaml';
  fleet.edit(path, (text) => text.replace('/cart', '/basket'));
  await until(
    () => ask(node, url),
    ({ status }) => status === 404,
  );

  await node.kill();
  await says(new RegExp(`^Unknown applied by 1 of 2 nodes; lone unknown ${since}$`));
  const rollback = await fleet.cli('rollback', gateway, '--reason', 'cart is gone');
  t.equal(rollback.code, 6, rollback.stderr);
  t.match(rollback.stdout, new RegExp(`applied by 1 of 2 nodes; lone unknown ${since}`));
  t.equal((await ask(fleet, url)).status, 200, 'where it was applied');
  t.equal((await ask(node, url)).status, 404, 'its Envoy goes on with what is old');
  t.match(await gateways(), /eu\/platform\/shared .* 1\/2, 1 unknown /);

  await node.start();
  await says(/^True applied by 2 of 2 nodes; held/);
  t.equal((await ask(node, url)).status, 200, 'the process is back, and with it the newest');
  t.same(await nodeEvents(), [], 'it had not left');
});

await t.test('a node that stops in order says goodbye', async (t) => {
  const node = await LoneNode.prepare(fleet);
  await node.start();
  await says(/^True applied by 2 of 2 nodes/);
  t.equal(await node.stop(), 0);
  await says(/^True applied by 1 of 1 nodes/);
  await until(nodeEvents, (events) => events.length > 0);
  t.match(await nodeEvents(), [{ kind: 'Node', name: 'lone', reason: 'it stopped, together with its Envoy' }]);
});

await t.test('a node that is gone for good is removed by a person', async (t) => {
  const node = await LoneNode.prepare(fleet);
  t.teardown(() => node.stop());
  await node.start();
  await says(/^True applied by 2 of 2 nodes/);
  t.match(await fleet.cli('node', 'remove', 'lone'), { code: 4, stderr: /node lone is connected/ });
  await node.killWithEnvoy();
  await says(/^Unknown applied by 1 of 2 nodes; lone unknown/);
  t.match(await fleet.cli('node', 'remove', 'lone', '--reason', 'the disk broke'), { code: 0, stdout: /is removed/ });
  await says(/^True applied by 1 of 1 nodes/);
  const [event] = await until(nodeEvents, (events) => events.length > 1);
  t.match(event, { name: 'lone', reason: 'the disk broke', changedBy: { operation: 'admin' } });
  t.match(await fleet.cli('rebuild', '--verify'), { code: 0, stdout: /identical/ });
});

await t.test('a rollback to a version whose Service is gone is told before and after', async (t) => {
  t.match(await fleet.cli('release', gateway), { code: 0 });
  const before = await serving();
  fleet.edit('eu/shop-routes.yaml', (text) => text.replaceAll('name: cart', 'name: catalog'));
  await until(serving, (version) => version > before);
  fleet.edit('eu/shop-services.yaml', (text) => text.replace('  name: cart\n', '  name: trolley\n'));
  const to = String(before);
  const gone = /rule 0 of HTTPRoute shop\/shop: Service shop\/cart port 80 does not exist: answered 503/;
  await until(
    () => fleet.cli('rollback', gateway, '--to', to, '--dry-run'),
    ({ stdout }) => gone.test(stdout),
  );
  t.match(await fleet.cli('rollback', gateway, '--to', to), { code: 0, stdout: gone });
  const url = 'http://shop.eu.storefront.example/basket/1';
  t.equal((await ask(fleet, url)).status, 503);
  t.match((await fleet.cli('gateways', '--output', 'json')).stdout, gone);
  t.match((await fleet.cli('nodes', '--output', 'json')).stdout, gone);
  t.match((await fleet.cli('explain', url)).stdout, /Service shop\/cart port 80 in eu, 0 ready: answered 503/);
});
