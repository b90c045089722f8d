// Agents installed by one command in two real clusters, under their own ServiceAccount and RBAC; everything else
// outside. A route applied in either cluster changes what a request gets through Envoy, and conditions appear on the
// objects.
import t from 'tap';
import { z } from 'zod';
import { echoWorkload } from './echo-workload.ts';
import { LabClient, until } from './lab-client.ts';
import { labPaths } from './paths.ts';

const clusters = ['c0', 'c1'] as const;
const lab = new LabClient(labPaths());
t.setTimeout(1_800_000);
t.teardown(() => lab.down());
await lab.up(clusters.length);
const fleet = await lab.startFleet();
const client = { FLEETGATE_URL: fleet.url, FLEETGATE_TOKEN: fleet.token };

const listed = z.object({ items: z.array(z.unknown()) });
const conditions = z.array(
  z.object({ type: z.string(), status: z.string(), reason: z.string(), observedGeneration: z.number() }),
);
const gatewayObject = z.object({
  status: z.object({
    conditions,
    addresses: z.array(z.object({ value: z.string() })),
    listeners: z.array(z.object({ attachedRoutes: z.number() })),
  }),
});
const routeObject = z.object({
  status: z.object({ parents: z.array(z.object({ controllerName: z.string(), conditions })) }),
});

await t.test('install: one command for each cluster, idempotent', async (t) => {
  for (const cluster of clusters) {
    const args = [
      'agent',
      'install',
      '--kubeconfig',
      lab.kubeconfig(cluster),
      '--context',
      cluster,
      '--cluster',
      cluster,
      '--image',
      'fleetgate',
    ];
    const more = ['--nats-url', fleet.natsUrl, '--node-public-key', fleet.nodePublicKey];
    const first = await lab.fleetgate([...args, ...more], {});
    t.match(first, /created/u, `${cluster}: created`);
    const second = await lab.fleetgate([...args, ...more], {});
    t.notMatch(second, /created/u, `${cluster}: a second install creates nothing`);
  }
  await until('both clusters known', async () => {
    const rows = z
      .array(z.object({ name: z.string() }))
      .parse(JSON.parse(await lab.fleetgate(['clusters', '--output', 'json'], client)));
    return rows.length === 2 ? rows : undefined;
  });
});

await t.test('least privilege: the agent may read what it watches and write statuses, nothing else', async (t) => {
  const as = ['--as', 'system:serviceaccount:fleetgate-system:fleetgate-agent'];
  const may = async (...what: readonly string[]): Promise<boolean> =>
    (await lab.kubectl('c0', ['auth', 'can-i', ...what, '-A', ...as]).catch((error: Error) => error.message))
      .trim()
      .startsWith('yes');
  t.ok(await may('watch', 'httproutes.gateway.networking.k8s.io'));
  t.ok(await may('patch', 'httproutes.gateway.networking.k8s.io', '--subresource', 'status'));
  for (const [verb, resource] of [
    ['patch', 'httproutes.gateway.networking.k8s.io'],
    ['delete', 'gateways.gateway.networking.k8s.io'],
    ['create', 'pods'],
    ['get', 'nodes'],
    ['update', 'secrets'],
    ['list', 'deployments.apps'],
  ] as const) {
    t.notOk(await may(verb, resource), `may not ${verb} ${resource}`);
  }
});

await t.test('a route applied in either cluster is served', async (t) => {
  for (const cluster of clusters) await lab.kubectl(cluster, ['apply', '-f', '-'], manifests(cluster));
  for (const cluster of clusters) {
    const answer = await until(`200 from ${cluster}`, async () => {
      const { status, body } = await lab.curl(fleet.address, `app.${cluster}.example.com`);
      return status === 200 ? body : undefined;
    });
    t.match(answer, new RegExp(`"pod": ?"echo-${cluster}`, 'u'), `${cluster} answers from its own pods`);
    t.equal((await lab.curl(fleet.address, `app.${cluster}.example.com`, '/later')).status, 404);
  }
  await lab.kubectl('c1', [
    'patch',
    'httproute',
    'app',
    '-n',
    'apps',
    '--type=json',
    '-p',
    '[{"op":"replace","path":"/spec/rules/0/matches/0/path/value","value":"/later"}]',
  ]);
  await until('the change is served', async () =>
    (await lab.curl(fleet.address, 'app.c1.example.com', '/later')).status === 200 ? true : undefined,
  );
  t.equal((await lab.curl(fleet.address, 'app.c1.example.com', '/')).status, 404, 'and the old path is gone');
  t.equal((await lab.curl(fleet.address, 'app.c0.example.com')).status, 200, 'the other cluster is as it was');
});

await t.test('status appears on the objects', async (t) => {
  for (const cluster of clusters) {
    const gateway = await until('the Gateway is programmed', async () => {
      const read = gatewayObject.safeParse(
        JSON.parse(await lab.kubectl(cluster, ['get', 'gateway', 'web', '-n', 'apps', '-o', 'json'])),
      );
      return read.data?.status.conditions.some(({ type, status }) => type === 'Programmed' && status === 'True')
        ? read.data.status
        : undefined;
    });
    t.equal(gateway.addresses[0]?.value, fleet.address);
    t.equal(gateway.listeners[0]?.attachedRoutes, 1);
    const { status } = routeObject.parse(
      JSON.parse(await lab.kubectl(cluster, ['get', 'httproute', 'app', '-n', 'apps', '-o', 'json'])),
    );
    const [parent] = status.parents;
    t.equal(parent?.controllerName, 'fleetgate.dev/gateway-controller');
    for (const type of ['Accepted', 'ResolvedRefs'])
      t.ok(
        parent?.conditions.some((condition) => condition.type === type && condition.status === 'True'),
        type,
      );
  }
});

await t.test('who changed what', async (t) => {
  const said = await lab.fleetgate(['history', 'c1/HTTPRoute/apps/app', '--output', 'json'], client);
  t.match(said, /kubectl/u, 'the manager that changed the route');
});

await t.test('uninstall leaves nothing behind', async (t) => {
  await lab.fleetgate(['agent', 'uninstall', '--kubeconfig', lab.kubeconfig('c1'), '--context', 'c1'], {});
  const roles = listed.parse(
    JSON.parse(
      await lab.kubectl('c1', ['get', 'clusterroles', '-l', 'app.kubernetes.io/name=fleetgate-agent', '-o', 'json']),
    ),
  );
  t.equal(roles.items.length, 0);
  t.equal((await lab.curl(fleet.address, 'app.c1.example.com', '/later')).status, 200, 'and what was served still is');
});

function manifests(cluster: string): string {
  return `${echoWorkload(2, `echo-${cluster}`)}
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: web, namespace: apps }
spec:
  gatewayClassName: fleetgate
  listeners: [{ name: http, port: 80, protocol: HTTP, hostname: '*.${cluster}.example.com' }]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: app, namespace: apps }
spec:
  parentRefs: [{ name: web }]
  hostnames: [app.${cluster}.example.com]
  rules:
    - matches: [{ path: { type: Exact, value: / } }]
      backendRefs: [{ name: echo, port: 8080 }]
`;
}
