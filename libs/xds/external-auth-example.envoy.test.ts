// Runs examples/external-auth: its manifests through the projection into a real Envoy, its services as they are.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { parseAllDocuments } from 'yaml';
import { type ChangeEvent } from '#libs/events/change-event.ts';
import { parseChangeEvent } from '#libs/events/parse-change-event.ts';
import { applied } from '#libs/testing/given/change-events.ts';
import { ask, freePort } from '#libs/testing/peers/http-peers.ts';
import { ProjectedGateways } from '#libs/testing/peers/projected-gateways.ts';
import { throwawayEnvoy } from '#libs/testing/peers/throwaway-envoy.ts';

const example = new URL('../../examples/external-auth/', import.meta.url);
const ports = { 'api-keys': await freePort(), shop: await freePort() };
const port = await freePort();

for (const [name, own] of Object.entries(ports)) {
  const env = { PATH: process.env['PATH'] ?? '', PORT: `${own}` };
  const script = fileURLToPath(new URL(`${name}.ts`, example));
  const child = spawn(process.execPath, [script], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  t.teardown(() => child.kill());
  await once(child.stdout, 'data');
}
const envoy = await throwawayEnvoy(t);
const gateways = new ProjectedGateways(['demo/platform/web'], port - 80);
gateways.apply(events());
t.strictSame(await envoy.push(gateways.compiler.flush()), []);
t.strictSame(gateways.compiler.problems(), []);

void t.test('the catalog is for everybody, orders for those with a key', async (t) => {
  const cases = [
    ['GET', '/catalog/shoes', undefined, 200, null],
    ['GET', '/orders/1', undefined, 401, undefined],
    ['GET', '/orders/1', 'wrong', 401, undefined],
    ['GET', '/orders/1', 'bob-key', 200, 'bob'],
    ['POST', '/orders', 'bob-key', 403, undefined],
    ['POST', '/orders', 'ada-key', 200, 'ada'],
  ] as const;
  for (const [method, path, key, status, user] of cases) {
    const headers = [['X-User', 'root'], ['Content-Length', '0'], ...(key === undefined ? [] : [['X-Api-Key', key]])];
    const lines = headers.map(([name = '', value = '']) => [name, value] as const);
    const answer = await ask(port, { host: 'shop.example', method, path, headers: lines });
    t.equal(answer.status, status, `${method} ${path} with ${key ?? 'no key'}`);
    if (status === 200) t.match(JSON.parse(answer.body), { user, key: null }, 'and no key gets further');
    if (status === 401) t.match(answer.headers['www-authenticate'], /^Bearer/);
  }
  const bearer = [['Authorization', 'Bearer ada-key']] as const;
  t.equal((await ask(port, { host: 'shop.example', path: '/orders', headers: bearer })).status, 200);
});

/** The example's objects, with the ports of this run in its EndpointSlices. */
function events(): readonly ChangeEvent[] {
  const folder = new URL('manifests/', example);
  const texts = readdirSync(folder).map((name) => readFileSync(new URL(name, folder), 'utf8'));
  const objects = texts.flatMap((text) => {
    const own = text
      .replaceAll('port: 18301', `port: ${ports['api-keys']}`)
      .replaceAll('port: 18302', `port: ${ports.shop}`);
    return parseAllDocuments(own).map((document) => document.toJS());
  });
  return objects.flatMap((object, index) => {
    const at = '2026-01-01T00:00:00Z';
    const event = JSON.parse(JSON.stringify({ ...applied(object, 'demo', `${index + 1}`), at, seenAt: at }));
    const parsed = parseChangeEvent(event);
    return parsed.ok ? [parsed.value] : [];
  });
}
