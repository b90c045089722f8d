// Clusters with the CRDs of either version of the Gateway API and of both channels are served at once, and what a
// change of the CRDs makes of stored objects enters the history, though no event comes.
import t from 'tap';
import { z } from 'zod';
import { echoWorkload } from './echo-workload.ts';
import { LabClient, until } from './lab-client.ts';
import { labPaths } from './paths.ts';

const lab = new LabClient(labPaths());
t.setTimeout(1_800_000);
t.teardown(() => lab.down());
await lab.up(2, [
  { version: 'v1.6.3', channel: 'standard' },
  { version: 'v1.7.0', channel: 'experimental' },
]);
const fleet = await lab.startFleet();
const client = { FLEETGATE_URL: fleet.url, FLEETGATE_TOKEN: fleet.token };

const routeObject = z.object({
  metadata: z.object({ generation: z.number() }),
  spec: z.object({ rules: z.array(z.object({ retry: z.object({ attempts: z.number().optional() }).optional() })) }),
});
const claims = z.object({ status: z.object({ supportedFeatures: z.array(z.object({ name: z.string() })) }) });

async function claimedIn(cluster: string): Promise<readonly string[]> {
  const json = await lab.kubectl(cluster, ['get', 'gatewayclass', 'fleetgate', '-o', 'json']);
  return claims.safeParse(JSON.parse(json)).data?.status.supportedFeatures.map(({ name }) => name) ?? [];
}

async function readRoute(cluster: string): Promise<z.output<typeof routeObject>> {
  return routeObject.parse(
    JSON.parse(await lab.kubectl(cluster, ['get', 'httproute', 'app', '-n', 'apps', '-o', 'json'])),
  );
}

await t.test('one fleet serves the older standard and the newer experimental channel', async (t) => {
  for (const cluster of ['c0', 'c1']) {
    const args = ['agent', 'install', '--kubeconfig', lab.kubeconfig(cluster), '--context', cluster];
    const more = ['--cluster', cluster, '--image', 'fleetgate', '--nats-url', fleet.natsUrl];
    await lab.fleetgate([...args, ...more, '--node-public-key', fleet.nodePublicKey], {});
    await lab.kubectl(cluster, ['apply', '-f', '-'], echoWorkload(1));
    await lab.kubectl(cluster, ['apply', '-f', '-'], gateway(cluster));
    await lab.kubectl(cluster, ['apply', '-f', '-'], route(cluster, ''));
  }
  for (const cluster of ['c0', 'c1']) {
    await until(`200 from ${cluster}`, async () =>
      (await lab.curl(fleet.address, `app.${cluster}.example.com`)).status === 200 ? true : undefined,
    );
  }
  await until('c0 claims no retries, c1 does by the new name', async () => {
    const [older, newer] = await Promise.all([claimedIn('c0'), claimedIn('c1')]);
    return !older.some((name) => name.startsWith('HTTPRouteRetry')) && newer.includes('HTTPRouteRetryCodes')
      ? true
      : undefined;
  });
  t.notOk((await claimedIn('c1')).includes('HTTPRouteRetry'), 'nor a name that is gone');
});

await t.test('another channel under a running agent: what is claimed follows', async () => {
  await lab.installCrds('c0', { version: 'v1.6.3', channel: 'experimental' });
  await until('c0 claims retries', async () => ((await claimedIn('c0')).includes('HTTPRouteRetry') ? true : undefined));
});

await t.test('another version under a running agent: a new default arrives in the history', async (t) => {
  await lab.kubectl('c0', ['apply', '-f', '-'], route('c0', 'retry: { codes: [503] }'));
  const before = await readRoute('c0');
  t.equal(before.spec.rules[0]?.retry?.attempts, undefined, 'the older CRDs have no default');
  const historyOf = async (): Promise<string> =>
    lab.fleetgate(['history', 'c0/HTTPRoute/apps/app', '--output', 'json'], client);
  await until('the route with retries', async () => ((await historyOf()).includes('503') ? true : undefined));
  t.notMatch(await historyOf(), /attempts/u);
  const swappedAt = performance.now();
  await lab.installCrds('c0', { version: 'v1.7.0', channel: 'experimental' });
  await until('the default in the history', async () =>
    (await historyOf()).includes('retry.attempts') ? true : undefined,
  );
  t.comment(`${Math.round(performance.now() - swappedAt)} ms after the swap began`);
  const after = await readRoute('c0');
  t.equal(after.spec.rules[0]?.retry?.attempts, 1);
  t.equal(after.metadata.generation, before.metadata.generation, 'and nobody has written the route');
  await until('c0 claims retries by the new name', async () => {
    const claimed = await claimedIn('c0');
    return claimed.includes('HTTPRouteRetryCodes') && !claimed.includes('HTTPRouteRetry') ? true : undefined;
  });
  t.equal((await lab.curl(fleet.address, 'app.c0.example.com')).status, 200, 'served all along');
});

function gateway(cluster: string): string {
  return `
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: web, namespace: apps }
spec:
  gatewayClassName: fleetgate
  listeners: [{ name: http, port: 80, protocol: HTTP, hostname: '*.${cluster}.example.com' }]
`;
}

function route(cluster: string, more: string): string {
  return `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: app, namespace: apps }
spec:
  parentRefs: [{ name: web }]
  hostnames: [app.${cluster}.example.com]
  rules:
    - backendRefs: [{ name: echo, port: 8080 }]
      ${more}
`;
}
