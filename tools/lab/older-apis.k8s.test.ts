// Ingress, and Service APIs 0.1 by the CRDs of their own release, in a real cluster: served through Envoy, with the
// truth on their own objects.
import t from 'tap';
import { z } from 'zod';
import { serviceApisCrds } from './crds.ts';
import { echoWorkload } from './echo-workload.ts';
import { LabClient, until } from './lab-client.ts';
import { labPaths } from './paths.ts';

const lab = new LabClient(labPaths());
t.setTimeout(1_800_000);
t.teardown(() => lab.down());
await lab.up(1);
const fleet = await lab.startFleet();
const client = { FLEETGATE_URL: fleet.url, FLEETGATE_TOKEN: fleet.token };

const condition = z.object({ type: z.string(), status: z.string(), reason: z.string() });
const routeObject = z.object({
  status: z.object({
    gateways: z.array(z.object({ gatewayRef: z.object({ name: z.string() }), conditions: z.array(condition) })),
  }),
});
const conditioned = z.object({ status: z.object({ conditions: z.array(condition) }) });
const ingressObject = z.object({
  status: z.object({
    loadBalancer: z.object({
      ingress: z.array(z.object({ ip: z.string(), ports: z.array(z.object({ port: z.number() })) })),
    }),
  }),
});

/** An object's status once it is of this shape and as wanted. */
async function statusOf<T>(what: readonly string[], shape: z.ZodType<T>, wanted: (object: T) => boolean): Promise<T> {
  return until(what.join(' '), async () => {
    const read = shape.safeParse(JSON.parse(await lab.kubectl('c0', ['get', ...what, '-o', 'json'])));
    return read.success && wanted(read.data) ? read.data : undefined;
  });
}

const old = (kind: string): string => `${kind}.networking.x-k8s.io`;
const holds = (conditions: readonly z.output<typeof condition>[], type: string): boolean =>
  conditions.some((one) => one.type === type && one.status === 'True');

const ingress = `
apiVersion: networking.k8s.io/v1
kind: IngressClass
metadata: { name: fleetgate }
spec: { controller: fleetgate.dev/ingress-controller }
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: { name: web, namespace: apps }
spec:
  ingressClassName: fleetgate
  rules:
    - host: ingress.example.com
      http: { paths: [{ path: /, pathType: Exact, backend: { service: { name: echo, port: { name: http } } } }] }
`;

const serviceApis = `
apiVersion: networking.x-k8s.io/v1alpha1
kind: GatewayClass
metadata: { name: old }
spec: { controller: fleetgate.dev/gateway-controller }
---
apiVersion: networking.x-k8s.io/v1alpha1
kind: Gateway
metadata: { name: old, namespace: apps }
spec:
  gatewayClassName: old
  listeners:
    - protocol: HTTP
      port: 80
      hostname: '*.example.com'
      routes: { kind: HTTPRoute, selector: { matchLabels: { served: 'yes' } } }
---
apiVersion: networking.x-k8s.io/v1alpha1
kind: HTTPRoute
metadata: { name: old, namespace: apps, labels: { served: 'yes' } }
spec:
  hostnames: [old.example.com]
  rules: [{ matches: [{ path: { type: Prefix, value: / } }], forwardTo: [{ serviceName: echo, port: 8080 }] }]
---
apiVersion: networking.x-k8s.io/v1alpha1
kind: HTTPRoute
metadata: { name: shy, namespace: apps, labels: { served: 'yes' } }
spec:
  gateways: { allow: FromList, gatewayRefs: [{ name: another, namespace: apps }] }
  hostnames: [shy.example.com]
  rules: [{ forwardTo: [{ serviceName: echo, port: 8080 }] }]
`;

await t.test('a cluster without the old CRDs is nothing to complain of', async (t) => {
  const args = ['agent', 'install', '--kubeconfig', lab.kubeconfig('c0'), '--context', 'c0', '--cluster', 'c0'];
  const more = ['--image', 'fleetgate', '--nats-url', fleet.natsUrl, '--node-public-key', fleet.nodePublicKey];
  await lab.fleetgate([...args, ...more], {});
  const clusters = z.array(z.object({ agent: z.object({ synced: z.boolean(), problems: z.array(z.string()) }) }));
  const [cluster] = await until('the agent is in step', async () => {
    const rows = clusters.safeParse(JSON.parse(await lab.fleetgate(['clusters', '--output', 'json'], client)));
    return rows.success && rows.data[0]?.agent.synced === true ? rows.data : undefined;
  });
  t.same(cluster?.agent.problems, []);
});

await t.test('an Ingress is served, and says where', async (t) => {
  await lab.kubectl('c0', ['apply', '-f', '-'], echoWorkload(1));
  await lab.kubectl('c0', ['apply', '-f', '-'], ingress);
  await until('200 by the Ingress', async () =>
    (await lab.curl(fleet.address, 'ingress.example.com')).status === 200 ? true : undefined,
  );
  t.equal((await lab.curl(fleet.address, 'ingress.example.com', '/none')).status, 404);
  const { status } = await statusOf(['ingress', 'web', '-n', 'apps'], ingressObject, () => true);
  t.equal(status.loadBalancer.ingress[0]?.ip, fleet.address);
  t.equal(status.loadBalancer.ingress[0]?.ports[0]?.port, 80);
});

await t.test('CRDs that come later are watched, and their objects served and answered', async (t) => {
  await lab.kubectl('c0', ['apply', '-f', serviceApisCrds()]);
  await until('the CRDs are there', async () => {
    const names = await lab.kubectl('c0', ['api-resources', '--api-group=networking.x-k8s.io', '-o', 'name']);
    return names.includes('udproutes.') ? true : undefined;
  });
  await lab.kubectl('c0', ['apply', '-f', '-'], serviceApis);
  await until('200 by the old HTTPRoute', async () =>
    (await lab.curl(fleet.address, 'old.example.com')).status === 200 ? true : undefined,
  );
  t.not((await lab.curl(fleet.address, 'shy.example.com')).status, 200, 'a route that does not allow the Gateway');
  const at = ['-n', 'apps'];
  const gateway = await statusOf([old('gateway'), 'old', ...at], conditioned, ({ status }) =>
    holds(status.conditions, 'Ready'),
  );
  t.ok(holds(gateway.status.conditions, 'Scheduled'));
  await statusOf([old('gatewayclass'), 'old'], conditioned, ({ status }) => holds(status.conditions, 'Admitted'));
  const routed = await statusOf([old('httproute'), 'old', ...at], routeObject, ({ status }) =>
    status.gateways.some(({ conditions }) => holds(conditions, 'Admitted')),
  );
  t.equal(routed.status.gateways[0]?.gatewayRef.name, 'old');
  const shy = await statusOf([old('httproute'), 'shy', ...at], routeObject, () => true);
  t.match(shy.status.gateways[0]?.conditions[0], { type: 'Admitted', status: 'False', reason: 'GatewayNotAllowed' });
});
