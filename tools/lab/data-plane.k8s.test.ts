// The life of a data plane that an agent provides: made, addressed, scaled, kept so, renewed under load, removed; and
// what is said where it may not be made.
import t from 'tap';
import { z } from 'zod';
import { installFleetgate } from './suite/conform.ts';
import { echoWorkload } from './echo-workload.ts';
import { LabClient, until } from './lab-client.ts';
import { labPaths } from './paths.ts';

const lab = new LabClient(labPaths());
t.setTimeout(1_800_000);
t.teardown(() => lab.down());
await lab.up(1);
const fleet = await lab.startFleet('without a node');
const client = { FLEETGATE_URL: fleet.url, FLEETGATE_TOKEN: fleet.token };
const inApps: readonly string[] = ['-n', 'apps'];
const owned = 'deployments,services,serviceaccounts,secrets,poddisruptionbudgets';

const manifests = `${echoWorkload(2)}
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: web, namespace: apps }
spec:
  gatewayClassName: fleetgate
  infrastructure: { labels: { team: a } }
  listeners: [{ name: http, port: 80, protocol: HTTP }]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: app, namespace: apps }
spec:
  parentRefs: [{ name: web }]
  hostnames: [app.example.com]
  rules: [{ backendRefs: [{ name: echo, port: 8080 }] }]
`;

const gatewayObject = z.object({
  status: z.object({
    conditions: z.array(z.object({ type: z.string(), status: z.string() })),
    addresses: z.array(z.object({ value: z.string() })).default([]),
  }),
});
const objectList = z.object({
  items: z.array(
    z.object({
      kind: z.string(),
      metadata: z.object({
        name: z.string(),
        labels: z.record(z.string(), z.string()).default({}),
        ownerReferences: z.array(z.object({ kind: z.string(), name: z.string() })).default([]),
      }),
    }),
  ),
});
const nodeList = z.array(z.object({ node: z.string(), status: z.string() }));
const deployment = z.object({
  spec: z.object({ replicas: z.number() }),
  status: z.object({
    updatedReplicas: z.number().default(0),
    availableReplicas: z.number().default(0),
    replicas: z.number().default(0),
  }),
});

await t.test('a Gateway gets a data plane and its address, and requests are answered', async (t) => {
  await installFleetgate(lab, fleet, 'c0');
  await lab.kubectl('c0', ['apply', '-f', '-'], manifests);
  const address = await addressOf('web');
  const answer = await until('200', async () => {
    const { status, body } = await lab.curl(address, 'app.example.com');
    return status === 200 ? body : undefined;
  });
  t.match(answer, /"pod": ?"echo-/u);
  const { items } = await list(owned);
  t.same(items.map(({ kind }) => kind).toSorted(), ['Deployment', 'Secret', 'Service', 'ServiceAccount']);
  for (const { kind, metadata } of items) {
    t.equal(metadata.name, 'web-fleetgate', kind);
    t.match(metadata.labels, { 'gateway.networking.k8s.io/gateway-name': 'web', team: 'a' }, kind);
    t.match(metadata.ownerReferences, [{ kind: 'Gateway', name: 'web' }], kind);
  }
});

await t.test('its nodes have tokens that are good for nothing else', async (t) => {
  const token = Buffer.from(
    await lab.kubectl('c0', [...inApps, 'get', 'secret', 'web-fleetgate', '-o', 'jsonpath={.data.token}']),
    'base64',
  );
  const refused = await lab.fleetgate(['status'], { ...client, FLEETGATE_TOKEN: token.toString() }).then(
    () => '',
    (error: unknown) => String(error),
  );
  t.match(refused, /role/u);
});

await t.test('scaled by its parameters', async (t) => {
  await parameters({ replicas: '2' });
  const patch = { spec: { infrastructure: { parametersRef: { group: '', kind: 'ConfigMap', name: 'parameters' } } } };
  await lab.kubectl('c0', [...inApps, 'patch', 'gateway', 'web', '--type=merge', '-p', JSON.stringify(patch)]);
  await until('two nodes', async () => ((await rollout()).status.availableReplicas === 2 ? true : undefined));
  await until('a budget', async () => ((await list('poddisruptionbudgets')).items.length === 1 ? true : undefined));
  t.equal((await lab.curl(await addressOf('web'), 'app.example.com')).status, 200);
});

await t.test('what somebody else changes is put right, and what the Gateway says is followed', async (t) => {
  await lab.kubectl('c0', [...inApps, 'scale', 'deployment', 'web-fleetgate', '--replicas=0']);
  await until('two nodes again', async () => ((await rollout()).spec.replicas === 2 ? true : undefined));
  await lab.kubectl('c0', [...inApps, 'delete', 'service', 'web-fleetgate']);
  await until('the Service again', async () => ((await list('services')).items.length === 1 ? true : undefined));
  const patch = { spec: { infrastructure: { labels: { team: 'b' } } } };
  await lab.kubectl('c0', [...inApps, 'patch', 'gateway', 'web', '--type=merge', '-p', JSON.stringify(patch)]);
  await until('labels', async () => {
    const { items } = await list(owned);
    return items.every(({ metadata }) => metadata.labels['team'] === 'b') ? true : undefined;
  });
  await settled();
  t.equal((await lab.curl(await addressOf('web'), 'app.example.com')).status, 200);
});

await t.test('nodes are renewed without a request being lost', async (t) => {
  const address = await addressOf('web');
  const form = String.raw`%{http_code} %{exitcode}\n`;
  const one = `curl -s -m 5 -o /dev/null -w '${form}' -H 'Host: app.example.com' http://${address}/`;
  const stop = '/tmp/fleetgate-lab-requests.stop';
  const asking = lab.run([
    'sh',
    '-c',
    `rm -f ${stop}; while [ ! -e ${stop} ]; do ${one}; sleep 0.02; done; rm ${stop}`,
  ]);
  await parameters({ replicas: '2', cpu: '200m' });
  await until('the new nodes are asked for', async () =>
    (await rollout()).status.updatedReplicas < 2 ? true : undefined,
  );
  await settled();
  await until('the old nodes are gone', async () => ((await list('pods')).items.length === 2 ? true : undefined));
  await lab.run(['touch', stop]);
  const answers = (await asking).trim().split('\n');
  // Unlike kube-proxy the lab remembers no connections: each of the four moves (two pods come, two go) may hand the one
  // that is open to a pod that knows nothing of it, which resets it.
  const others = answers.filter((answer) => answer !== '000 56');
  t.ok(answers.length - others.length <= 4, 'no more resets than moves');
  t.same([...new Set(others)], ['200 0'], `${answers.length} requests`);
});

await t.test('everything goes with the Gateway', async () => {
  await lab.kubectl('c0', [...inApps, 'delete', 'gateway', 'web']);
  await until('nothing is left', async () => ((await list(`${owned},pods`)).items.length === 0 ? true : undefined));
});

await t.test('an agent that may not provide data planes says so', async () => {
  await lab.kubectl('c0', ['delete', 'clusterrolebinding', 'fleetgate-agent-provisioner']);
  await lab.kubectl('c0', ['apply', '-f', '-'], manifests);
  await until('the problem is told', async () =>
    /may not provide data planes/u.test(await lab.fleetgate(['clusters', '--output', 'json'], client))
      ? true
      : undefined,
  );
});

await t.test('uninstall takes along what was provided', async () => {
  await removeLostNodes();
  await installFleetgate(lab, fleet, 'c0');
  await addressOf('web');
  await lab.fleetgate(['agent', 'uninstall', '--kubeconfig', lab.kubeconfig('c0'), '--context', 'c0'], {});
  // What is deleted ends with its pods, and these have their grace period.
  await until('nothing is left', async () => ((await list(owned)).items.length === 0 ? true : undefined));
});

/** Removes the nodes whose pods were killed before they said goodbye, as an operator would: they count until then. */
async function removeLostNodes(): Promise<void> {
  const nodes = nodeList.parse(JSON.parse(await lab.fleetgate(['nodes', '--output', 'json'], client)));
  for (const { node } of nodes.filter(({ status }) => status !== 'connected'))
    await lab.fleetgate(['node', 'remove', node, '--reason', 'its pod is gone'], client);
}

/** What is labelled as provided. */
async function list(kinds: string): Promise<z.infer<typeof objectList>> {
  const label = ['-l', 'fleetgate.dev/data-plane'];
  return objectList.parse(JSON.parse(await lab.kubectl('c0', ['-n', 'apps', 'get', kinds, ...label, '-o', 'json'])));
}

async function rollout(): Promise<z.infer<typeof deployment>> {
  return deployment.parse(
    JSON.parse(await lab.kubectl('c0', ['-n', 'apps', 'get', 'deployment', 'web-fleetgate', '-o', 'json'])),
  );
}

/** Waits until there are only new nodes, and both serve. */
async function settled(): Promise<void> {
  await until('the nodes are renewed', async () => {
    const { status } = await rollout();
    return status.updatedReplicas === 2 && status.availableReplicas === 2 && status.replicas === 2 ? true : undefined;
  });
}

async function parameters(data: Readonly<Record<string, string>>): Promise<void> {
  const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'parameters', namespace: 'apps' }, data };
  await lab.kubectl('c0', ['apply', '-f', '-'], JSON.stringify(object));
}

/** The address of a Gateway, once it is programmed. */
async function addressOf(name: string): Promise<string> {
  return until(`Gateway ${name} is programmed`, async () => {
    const read = gatewayObject.safeParse(
      JSON.parse(await lab.kubectl('c0', ['-n', 'apps', 'get', 'gateway', name, '-o', 'json'])),
    );
    const programmed = read.data?.status.conditions.some(
      ({ type, status }) => type === 'Programmed' && status === 'True',
    );
    return programmed === true ? read.data?.status.addresses[0]?.value : undefined;
  });
}
