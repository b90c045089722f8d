// Policies of other gateways in a real cluster: those known by name, those of the Gateway API's own experimental CRDs,
// and those that only the label of a CRD tells of; named on what is served, while they are attached and no longer.
import t from 'tap';
import { z } from 'zod';
import { echoWorkload } from './echo-workload.ts';
import { LabClient, until } from './lab-client.ts';
import { labPaths } from './paths.ts';

const lab = new LabClient(labPaths());
t.setTimeout(1_800_000);
t.teardown(() => lab.down());
await lab.up(1, [{ version: 'v1.7.0', channel: 'experimental' }]);
const fleet = await lab.startFleet();
const client = { FLEETGATE_URL: fleet.url, FLEETGATE_TOKEN: fleet.token };

const type = 'fleetgate.dev/UnservedPolicies';
const conditions = z.array(z.object({ type: z.string(), status: z.string(), message: z.string() })).default([]);
const routeObject = z.object({ status: z.object({ parents: z.array(z.object({ conditions })) }) });
const clusters = z.array(z.object({ agent: z.object({ synced: z.boolean(), problems: z.array(z.string()) }) }));

/** What the route in the cluster says of policies; undefined = nothing. */
async function saidByRoute(): Promise<string | undefined> {
  const json = await lab.kubectl('c0', ['get', 'httproute', 'app', '-n', 'apps', '-o', 'json']);
  const read = routeObject.safeParse(JSON.parse(json)).data;
  return read?.status.parents.flatMap((parent) => parent.conditions).find((one) => one.type === type)?.message;
}

async function untilRouteSays(expected: string | undefined): Promise<void> {
  const startedAt = performance.now();
  await until(`the route says ${expected ?? 'nothing'}`, async () =>
    (await saidByRoute()) === expected ? true : undefined,
  );
  t.comment(`${Math.round(performance.now() - startedAt)} ms: ${expected ?? 'nothing'}`);
}

async function problems(): Promise<readonly string[]> {
  const read = clusters.safeParse(JSON.parse(await lab.fleetgate(['clusters', '--output', 'json'], client)));
  return read.data?.[0]?.agent.problems ?? ['the agent has not been heard'];
}

const apply = (yaml: string): Promise<string> => lab.kubectl('c0', ['apply', '-f', '-'], yaml);

function crd(kind: string, plural: string, group: string, label = ''): string {
  return `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: ${plural}.${group}, labels: { ${label} } }
spec:
  group: ${group}
  scope: Namespaced
  names: { kind: ${kind}, plural: ${plural}, singular: ${kind.toLowerCase()}, listKind: ${kind}List }
  versions:
    - name: v1alpha1
      served: true
      storage: true
      schema: { openAPIV3Schema: { type: object, x-kubernetes-preserve-unknown-fields: true } }
`;
}

function policy(apiVersion: string, kind: string, more = ''): string {
  return `
apiVersion: ${apiVersion}
kind: ${kind}
metadata: { name: login, namespace: apps }
spec: { targetRefs: [{ group: gateway.networking.k8s.io, kind: HTTPRoute, name: app }]${more} }
`;
}

await t.test('no such CRDs: nothing is said, and nothing is wrong', async (t) => {
  const args = ['agent', 'install', '--kubeconfig', lab.kubeconfig('c0'), '--context', 'c0', '--cluster', 'c0'];
  const more = ['--image', 'fleetgate', '--nats-url', fleet.natsUrl, '--node-public-key', fleet.nodePublicKey];
  await lab.fleetgate([...args, ...more], {});
  await apply(echoWorkload(1));
  await apply(`
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: web, namespace: apps }
spec: { gatewayClassName: fleetgate, listeners: [{ name: http, port: 80, protocol: HTTP }] }
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: app, namespace: apps }
spec:
  parentRefs: [{ name: web }]
  hostnames: [app.example.com]
  rules: [{ backendRefs: [{ name: echo, port: 8080 }] }]
`);
  await until('200', async () =>
    (await lab.curl(fleet.address, 'app.example.com')).status === 200 ? true : undefined,
  );
  t.equal(await saidByRoute(), undefined);
  t.same(await problems(), []);
});

await t.test('a policy known by name, whose CRD comes under a running agent', async (t) => {
  const [group, kind] = ['gateway.envoyproxy.io', 'SecurityPolicy'];
  await apply(crd(kind, 'securitypolicies', group));
  await lab.kubectl('c0', ['wait', '--for=condition=Established', `crd/securitypolicies.${group}`]);
  await until('the policy is taken', () => apply(policy(`${group}/v1alpha1`, kind)).catch(() => undefined));
  const said = `${kind} of ${group}, apps/login, is not served here`;
  await untilRouteSays(said);
  t.match(await lab.fleetgate(['routes'], client), said);
  t.match(await lab.fleetgate(['explain', 'http://app.example.com/'], client), said);
  t.match(await lab.fleetgate(['history', `c0/${kind}.${group}/apps/login`], client), /kubectl/);
  t.equal((await lab.curl(fleet.address, 'app.example.com')).status, 200, 'served, without the policy');
  await lab.kubectl('c0', ['delete', `${kind}.${group}`, 'login', '-n', 'apps']);
  await untilRouteSays(undefined);
});

await t.test("a policy of the Gateway API's own experimental CRDs, on a Service", async (t) => {
  const [group, kind] = ['gateway.networking.x-k8s.io', 'XBackendTrafficPolicy'];
  await apply(`
apiVersion: ${group}/v1alpha1
kind: ${kind}
metadata: { name: login, namespace: apps }
spec: { targetRefs: [{ group: '', kind: Service, name: echo }], retryConstraint: {} }
`);
  await untilRouteSays(`${kind} of ${group}, apps/login, on Service apps/echo, is not served here yet`);
  await lab.kubectl('c0', ['delete', `${kind}.${group}`, 'login', '-n', 'apps']);
  await untilRouteSays(undefined);
  t.same(await problems(), []);
});

await t.test('a kind that only its label tells of: not known until a role allows it, then named', async (t) => {
  const [group, kind] = ['gateway.example.com', 'Quota'];
  await apply(crd(kind, 'quotas', group, 'gateway.networking.k8s.io/policy: Direct'));
  await lab.kubectl('c0', ['wait', '--for=condition=Established', `crd/quotas.${group}`]);
  await until('the policy is taken', () => apply(policy(`${group}/v1alpha1`, kind)).catch(() => undefined));
  const unknown =
    /^quotas\.gateway\.example\.com cannot be listed: .*whether policies of this kind are attached is not known$/u;
  await until('it is not known', async () => ((await problems()).some((one) => unknown.test(one)) ? true : undefined));
  t.match(
    await lab.fleetgate(['explain', 'http://app.example.com/'], client),
    /quotas\.gateway\.example\.com cannot be/,
  );
  t.equal(await saidByRoute(), undefined);
  await apply(`
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: { name: fleetgate-agent-more-policies }
rules: [{ apiGroups: [${group}], resources: [quotas], verbs: [list, watch] }]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: { name: fleetgate-agent-more-policies }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: fleetgate-agent-more-policies }
subjects: [{ kind: ServiceAccount, name: fleetgate-agent, namespace: fleetgate-system }]
`);
  await untilRouteSays(`${kind} of ${group}, apps/login, is not served here`);
  await until('nothing is wrong', async () => ((await problems()).length === 0 ? true : undefined));
  await lab.kubectl('c0', ['delete', 'crd', `quotas.${group}`]);
  await untilRouteSays(undefined);
});
