// Routability of Gateways' addresses (GEP-5093) in real clusters whose agents provide data planes: addresses in the
// cluster are ClusterIPs that answer, and with older CRDs statuses are as they were.
import t from 'tap';
import { z } from 'zod';
import { echoWorkload } from './echo-workload.ts';
import { LabClient, until } from './lab-client.ts';
import { labPaths } from './paths.ts';
import { installFleetgate } from './suite/conform.ts';

const lab = new LabClient(labPaths());
t.setTimeout(1_800_000);
t.teardown(() => lab.down());
await lab.up(2, [
  { version: 'v1.7.0', channel: 'experimental' },
  { version: 'v1.6.3', channel: 'experimental' },
]);
const fleet = await lab.startFleet('without a node');
const clusters = ['c0', 'c1'] as const;
const inApps: readonly string[] = ['-n', 'apps'];
const sentinel = 'testing.x-k8s.io/sentinel';
/** Of the range of c0's Services, and of none. */
const [fixed, outside] = ['10.96.77.77', '192.0.2.77'];

const address = z.object({ type: z.string(), value: z.string(), routability: z.string().optional() });
const gatewayObject = z.object({
  status: z.object({
    addresses: z.array(address).default([]),
    conditions: z.array(
      z.object({ type: z.string(), status: z.string(), reason: z.string(), message: z.string().default('') }),
    ),
  }),
});
const classObject = z.object({ status: z.object({ supportedFeatures: z.array(z.object({ name: z.string() })) }) });
const serviceList = z.object({
  items: z.array(z.object({ metadata: z.object({ name: z.string() }), spec: z.object({ clusterIP: z.string() }) })),
});
type GatewayStatus = z.infer<typeof gatewayObject>['status'];

const workload = `${echoWorkload(1)}
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: app, namespace: apps }
spec:
  parentRefs: [{ name: web }]
  hostnames: [app.example.com]
  rules: [{ backendRefs: [{ name: echo, port: 8080 }] }]
`;

await t.test('install, with a workload and a route for every Gateway', async () => {
  for (const cluster of clusters) {
    await installFleetgate(lab, fleet, cluster);
    await lab.kubectl(cluster, ['apply', '-f', '-'], workload);
  }
});

await t.test('features are claimed where the field and the data planes are', async (t) => {
  const both = ['GatewayAddressRoutability', 'GatewayAddressRoutabilityCluster'];
  const newer = await until('c0 claims', async () => {
    const names = await claimedIn('c0');
    return names.length > 0 ? names : undefined;
  });
  t.same(
    both.filter((name) => newer.includes(name)),
    both,
  );
  const older = await until('c1 claims', async () => {
    const names = await claimedIn('c1');
    return names.length > 0 ? names : undefined;
  });
  t.notOk(older.some((name) => both.includes(name)));
});

await t.test('the usual address and one in the cluster: each answers', async (t) => {
  await ask('c0', [{ type: 'IPAddress' }, { type: 'IPAddress', routability: 'Cluster' }]);
  const { addresses } = await says('c0', 'True', 'AddressesAssigned');
  t.same(
    addresses.map(({ routability }) => routability),
    ['', 'Cluster'],
  );
  t.match(addresses[1]?.value, /^10\.96\./u, 'it is out of the range of Services');
  for (const { value } of addresses) await answers(value);
});

await t.test('one that is named, and a second one of any value, have Services of their own', async (t) => {
  const cluster = { type: 'IPAddress', routability: 'Cluster' };
  await ask('c0', [cluster, { ...cluster, value: fixed }, cluster]);
  const { addresses } = await says('c0', 'True', 'AddressesAssigned');
  t.equal(new Set(addresses.map(({ value }) => value)).size, 3);
  t.ok(addresses.every(({ value, routability }) => value.startsWith('10.96.') && routability === 'Cluster'));
  t.ok(addresses.some(({ value }) => value === fixed));
  for (const { value } of addresses) await answers(value);
  t.equal((await services()).length, 3);
});

await t.test('one that cannot be had leaves the rest, and takes all where it is alone', async (t) => {
  const unreachable = { type: 'IPAddress', routability: 'Cluster', value: outside };
  await ask('c0', [{ type: 'IPAddress' }, unreachable]);
  const partly = await says('c0', 'False', 'PartiallyAssigned');
  t.match(conditionOf(partly, 'AddressesAssigned')?.message, /spec\.addresses\[1\]/u);
  t.equal(conditionOf(partly, 'Programmed')?.status, 'True');
  t.equal(partly.addresses.length, 1);
  await ask('c0', [unreachable]);
  const none = await says('c0', 'False', 'NotAssigned');
  t.match(conditionOf(none, 'Programmed'), { status: 'False', reason: 'AddressNotAssigned' });
  await ask('c0', [{ type: 'IPAddress', routability: 'example.com/CorpWan' }]);
  t.match(conditionOf(await says('c0', 'False', 'NotAssigned'), 'AddressesAssigned')?.message, /not supported/u);
});

await t.test('the sentinel, and what is left when nothing is asked for', async (t) => {
  await ask('c0', [{ type: 'IPAddress', routability: sentinel }]);
  t.match((await says('c0', 'True', 'AddressesAssigned')).addresses, [{ routability: sentinel }]);
  await ask('c0', []);
  t.match((await says('c0', 'True', 'AddressesAssigned')).addresses, [{ routability: '' }]);
  await until('the Services beside it are gone', async () => ((await services()).length === 1 ? true : undefined));
});

await t.test('with older CRDs the status is as it was', async (t) => {
  await ask('c1', [{ type: 'IPAddress' }]);
  const status = await until('c1: programmed', async () => {
    const now = await statusIn('c1');
    return conditionOf(now, 'Programmed')?.status === 'True' ? now : undefined;
  });
  t.same(Object.keys(status?.addresses[0] ?? {}).toSorted(), ['type', 'value']);
  t.equal(conditionOf(status, 'AddressesAssigned'), undefined);
});

/** Names what the class of a cluster claims. */
async function claimedIn(cluster: string): Promise<readonly string[]> {
  const json = await lab.kubectl(cluster, ['get', 'gatewayclass', 'fleetgate', '-o', 'json']);
  return classObject.safeParse(JSON.parse(json)).data?.status.supportedFeatures.map(({ name }) => name) ?? [];
}

/** Has the Gateway ask for addresses. */
async function ask(cluster: string, addresses: readonly object[]): Promise<void> {
  const spec = {
    gatewayClassName: 'fleetgate',
    ...(addresses.length === 0 ? {} : { addresses }),
    listeners: [{ name: 'http', port: 80, protocol: 'HTTP' }],
  };
  const object = {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'Gateway',
    metadata: { name: 'web', namespace: 'apps' },
    spec,
  };
  await lab.kubectl(cluster, ['apply', '-f', '-'], JSON.stringify(object));
}

/** Waits until AddressesAssigned of the newest generation has this status and reason; gives the whole. */
async function says(cluster: string, status: string, reason: string): Promise<GatewayStatus> {
  return until(`${cluster}: AddressesAssigned is ${status} with ${reason}`, async () => {
    const now = await statusIn(cluster);
    const assigned = conditionOf(now, 'AddressesAssigned');
    const isUp = status === 'False' || conditionOf(now, 'Programmed')?.status === 'True';
    return now !== undefined && isUp && assigned?.status === status && assigned.reason === reason ? now : undefined;
  });
}

/** Gives the status once it is about the newest generation. */
async function statusIn(cluster: string): Promise<GatewayStatus | undefined> {
  const json: unknown = JSON.parse(await lab.kubectl(cluster, [...inApps, 'get', 'gateway', 'web', '-o', 'json']));
  const generations = z
    .object({
      metadata: z.object({ generation: z.number() }),
      status: z.object({ conditions: z.array(z.object({ observedGeneration: z.number().optional() })) }),
    })
    .safeParse(json).data;
  const isNewest = generations?.status.conditions.every(
    ({ observedGeneration }) => observedGeneration === generations.metadata.generation,
  );
  return isNewest === true ? gatewayObject.safeParse(json).data?.status : undefined;
}

function conditionOf(status: GatewayStatus | undefined, type: string): GatewayStatus['conditions'][number] | undefined {
  return status?.conditions.find((one) => one.type === type);
}

async function answers(value: string): Promise<void> {
  await until(`${value} answers`, async () =>
    (await lab.curl(value, 'app.example.com')).status === 200 ? true : undefined,
  );
}

/** The Services of the data plane. */
async function services(): Promise<z.infer<typeof serviceList>['items']> {
  const json = await lab.kubectl('c0', [...inApps, 'get', 'services', '-l', 'fleetgate.dev/data-plane', '-o', 'json']);
  return serviceList.parse(JSON.parse(json)).items;
}
