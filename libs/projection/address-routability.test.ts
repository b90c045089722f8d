// Tests the routability of addresses (GEP-5093): which addresses Gateways get, from where each is reachable, what
// AddressesAssigned says, and which Services are asked for.
import t from 'tap';
import type { NodeReport } from '#libs/projection/model/delivery/node-report.ts';
import type { Manifest } from '#libs/testing/given/change-events.ts';
import { gatewayClass, Given, id } from '#libs/testing/given/given-history.ts';

const node: NodeReport = {
  node: 'n1',
  connected: true,
  serves: ['eu/*/*'],
  addresses: ['192.0.2.1'],
  applied: [{ gateway: id, version: 9 }],
  rejected: [],
};

const release = { bundleVersion: 'v1.7.0', channel: 'experimental' };
const withPlanes = { ...release, provides: 'data planes' };

/** An entry as the status has it: `value routability`. */
interface Said {
  readonly addresses: readonly string[];
  readonly programmed: string;
  /** '' = the condition is not there. */
  readonly assigned: string;
  /** What the data plane is asked for. */
  readonly asked: readonly string[] | undefined;
}

const labels = {
  'gateway.networking.k8s.io/gateway-name': 'web',
  'app.kubernetes.io/managed-by': 'fleetgate',
  'fleetgate.dev/data-plane': 'web-f',
};

const front = (clusterIP: string, ingress: readonly string[], type = 'LoadBalancer'): Manifest => ({
  kind: 'Service',
  metadata: { name: 'web-f', namespace: 'infra', labels },
  spec: { type, clusterIP, ports: [{ port: 80 }] },
  status: { loadBalancer: { ingress: ingress.map((ip) => ({ ip })) } },
});

const beside = (name: string, clusterIP: string): Manifest => ({
  kind: 'Service',
  metadata: { name, namespace: 'infra', labels: { ...labels, 'fleetgate.dev/cluster-address': 'true' } },
  spec: { type: 'ClusterIP', clusterIP, ports: [{ port: 80 }] },
});

/** What is said of a Gateway that asks for these addresses. */
function said(addresses: readonly object[], servedApi: object, objects: readonly Manifest[] = []): Said {
  const given = new Given();
  const gateway: Manifest = {
    kind: 'Gateway',
    metadata: { name: 'web', namespace: 'infra' },
    spec: { gatewayClassName: 'f', addresses, listeners: [{ name: 'http', port: 80, protocol: 'HTTP' }] },
  };
  given.apply([{ ...gatewayClass, servedApi }, gateway, ...objects]);
  given.projection.setNodes([node]);
  const status = given.projection.statuses('eu', undefined, 100).items.find(({ kind }) => kind === 'Gateway');
  const shown = status?.status['addresses'];
  const conditions = given.conditions('Gateway', 'web');
  const find = (type: string): string => conditions.find((one) => one.startsWith(`${type}=`)) ?? '';
  return {
    addresses: (Array.isArray(shown) ? shown : []).map((one: Readonly<Record<string, unknown>>) =>
      'routability' in one ? `${String(one['value'])} ${String(one['routability'])}` : String(one['value']),
    ),
    programmed: find('Programmed').replace(/:.*/u, ''),
    assigned: find('AddressesAssigned'),
    asked: status?.dataPlane?.clusterAddresses,
  };
}

const balanced = front('10.96.0.9', ['203.0.113.10']);
const programmed = 'Programmed=True Programmed';
const notAssigned = 'Programmed=False AddressNotAssigned';
const all = 'AddressesAssigned=True AddressesAssigned';
const any = { type: 'IPAddress' };
const cluster = { type: 'IPAddress', routability: 'Cluster' };
const sentinel = { type: 'IPAddress', routability: 'testing.x-k8s.io/sentinel' };

void t.test('without the field in the CRDs, the status is as it was', async (t) => {
  for (const api of [{}, { ...withPlanes, bundleVersion: 'v1.6.3' }, { ...withPlanes, channel: 'standard' }]) {
    t.match(said([], api, [balanced]), { addresses: ['203.0.113.10'], programmed, assigned: '' });
    const asking = said([any, cluster], api, [balanced]);
    t.match(asking, { addresses: ['203.0.113.10'], programmed, assigned: '' });
    t.equal(asking.asked, undefined);
  }
});

void t.test('every address says from where it is reachable, also where nothing is asked for', async (t) => {
  t.match(said([], release), { addresses: ['192.0.2.1 '], programmed, assigned: all });
  t.match(said([], withPlanes, [balanced]), { addresses: ['203.0.113.10 '], assigned: all });
  const inside = front('10.96.0.9', [], 'ClusterIP');
  t.match(said([], withPlanes, [inside]), { addresses: ['10.96.0.9 Cluster'], assigned: all });
  t.match(said([any], withPlanes, [inside]), { addresses: ['10.96.0.9 Cluster'], assigned: all });
  t.match(said([], release, [inside]), { addresses: ['10.96.0.9 '], assigned: all }, 'it is not claimed');
  const waiting = said([], withPlanes, [front('10.96.0.9', [])]);
  t.match(waiting, { addresses: [], programmed: notAssigned, assigned: '' }, 'nothing is assigned yet');
});

void t.test('an address in the cluster is that of a Service', async (t) => {
  t.match(said([cluster], withPlanes, [balanced]), { addresses: ['10.96.0.9 Cluster'], programmed, assigned: all });
  for (const asked of [
    [any, cluster],
    [cluster, { ...any, routability: '' }],
  ]) {
    const { addresses, assigned } = said(asked, withPlanes, [balanced]);
    t.same(addresses.toSorted(), ['10.96.0.9 Cluster', '203.0.113.10 ']);
    t.equal(assigned, all);
  }
  const pinned = said([{ ...cluster, value: '10.96.0.9' }], withPlanes, [balanced]);
  t.match(pinned, { addresses: ['10.96.0.9 Cluster'], assigned: all });
  t.equal(pinned.asked, undefined, 'the Service that there is has it');
});

void t.test('where it cannot be had, no other scope takes its place', async (t) => {
  for (const [api, objects] of [
    [release, []],
    [release, [balanced]],
    [withPlanes, []],
  ] as const) {
    const none = said([cluster], api, objects);
    t.match(none, { addresses: [], programmed: notAssigned });
    t.match(none.assigned, /^AddressesAssigned=False NotAssigned: .*spec\.addresses\[0\]: .*takes a data plane/u);
    const partly = said([any, cluster], api, objects);
    t.equal(partly.addresses.length, 1);
    t.equal(partly.programmed, programmed, 'it is programmed with the rest');
    t.match(partly.assigned, /^AddressesAssigned=False PartiallyAssigned: without an address: spec\.addresses\[1\]: /u);
  }
  const hostname = said([{ type: 'Hostname', routability: 'Cluster' }], withPlanes, [balanced]);
  t.match(hostname.assigned, /NotAssigned: .*type IPAddress only/u);
});

void t.test('further addresses in the cluster are Services of their own', async (t) => {
  t.same(said([any, cluster], withPlanes, [balanced]).asked, undefined);
  const two = said([cluster, cluster], withPlanes, [balanced]);
  t.same(two.asked, ['']);
  t.match(two.assigned, /PartiallyAssigned: .*spec\.addresses\[1\]: there is no further address/u);
  const done = said([cluster, cluster], withPlanes, [balanced, beside('web-f-cluster-0', '10.96.0.10')]);
  t.match(done, { addresses: ['10.96.0.9 Cluster', '10.96.0.10 Cluster'], assigned: all, asked: [''] });
  const fixed = { ...cluster, value: '10.96.0.77' };
  const waiting = said([fixed], withPlanes, [balanced]);
  t.match(waiting, { addresses: [], programmed: notAssigned, asked: ['10.96.0.77'] });
  t.match(waiting.assigned, /NotAssigned: .*Service infra\/web-f was not given 10\.96\.0\.77/u);
  const given = said([fixed], withPlanes, [balanced, beside('web-f-cluster-10-96-0-77', '10.96.0.77')]);
  t.match(given, { addresses: ['10.96.0.77 Cluster'], programmed, assigned: all });
  const rest = said([any], withPlanes, [balanced, beside('web-f-cluster-0', '10.96.0.10')]);
  t.match(rest, { addresses: ['203.0.113.10 '], asked: undefined }, 'what is left over is not shown');
});

void t.test('without a load balancer, everybody has an address in the cluster', async (t) => {
  const parameters: Manifest = {
    kind: 'ConfigMap',
    metadata: { name: 'inside', namespace: 'infra' },
    data: { serviceType: 'ClusterIP' },
  };
  const given = new Given();
  given.apply([
    { ...gatewayClass, servedApi: withPlanes },
    parameters,
    {
      kind: 'Gateway',
      metadata: { name: 'web', namespace: 'infra' },
      spec: {
        gatewayClassName: 'f',
        addresses: [any, cluster],
        infrastructure: { parametersRef: { group: '', kind: 'ConfigMap', name: 'inside' } },
        listeners: [{ name: 'http', port: 80, protocol: 'HTTP' }],
      },
    },
    front('10.96.0.9', [], 'ClusterIP'),
  ]);
  const gateway = () => given.projection.statuses('eu', undefined, 100).items.find(({ kind }) => kind === 'Gateway');
  t.same(gateway()?.dataPlane?.clusterAddresses, ['']);
  given.apply([beside('web-f-cluster-0', '10.96.0.10')]);
  t.match(gateway()?.status['addresses'], [
    { value: '10.96.0.10', routability: 'Cluster' },
    { value: '10.96.0.9', routability: 'Cluster' },
  ]);
});

void t.test('the sentinel is reported as it is asked for; other prefixed values are not supported', async (t) => {
  t.match(said([sentinel], release), { addresses: ['192.0.2.1 testing.x-k8s.io/sentinel'], programmed, assigned: all });
  const both = said([any, sentinel], withPlanes, [balanced]);
  t.same(both.addresses, ['203.0.113.10 ', '10.96.0.9 testing.x-k8s.io/sentinel']);
  for (const routability of ['testing.x-k8s.io/other', 'example.com/CorpWan', 'cluster', 'k8s.io/x', 7, {}, '\u0000']) {
    const odd = said([{ ...any, routability }], withPlanes, [balanced]);
    t.match(odd, { addresses: [], programmed: notAssigned }, JSON.stringify(routability));
    t.match(odd.assigned, /^AddressesAssigned=False NotAssigned: .*is not supported/u);
  }
});

void t.test('static addresses: one that cannot be had keeps the Gateway from being programmed', async (t) => {
  const [good, bad] = [
    { ...any, value: '203.0.113.10' },
    { ...any, value: '198.51.100.1' },
  ];
  const partly = said([bad, good], withPlanes, [balanced]);
  t.match(partly, { addresses: ['203.0.113.10 '], programmed: 'Programmed=False AddressNotUsable' });
  t.match(
    partly.assigned,
    /PartiallyAssigned: without an address: spec\.addresses\[0\]: .* not given 198\.51\.100\.1/u,
  );
  t.match(said([good], withPlanes, [balanced]), { addresses: ['203.0.113.10 '], programmed, assigned: all });
  const none = said([bad, { ...bad, value: '198.51.100.2' }], withPlanes, [balanced]);
  t.match(none, { addresses: [], programmed: 'Programmed=False AddressNotUsable' });
  t.match(none.assigned, /AddressesAssigned=False NotAssigned: /u);
  const outside = said([any, { ...cluster, value: '198.51.100.1' }], withPlanes, [balanced]);
  t.match(outside, { addresses: ['203.0.113.10 '], programmed, asked: ['198.51.100.1'] });
  t.match(outside.assigned, /PartiallyAssigned/u);
});

void t.test('an entry has an address of its own, and there is one for each entry', async (t) => {
  const two = front('10.96.0.9', ['203.0.113.10', '203.0.113.11']);
  t.same(said([any], withPlanes, [two]).addresses, ['203.0.113.10 ']);
  t.same(said([any, any], withPlanes, [two]).addresses, ['203.0.113.10 ', '203.0.113.11 ']);
  t.same(said([any, { ...any, value: '203.0.113.10' }], withPlanes, [two]).addresses, [
    '203.0.113.11 ',
    '203.0.113.10 ',
  ]);
  const third = said([any, any, any], withPlanes, [two]);
  t.match(third, { programmed, assigned: /PartiallyAssigned: .*spec\.addresses\[2\]: there is no further address/u });
});

void t.test('a Gateway that is not accepted has nothing assigned', async (t) => {
  t.equal(said([{ type: 'Odd', value: 'x' }], withPlanes, [balanced]).assigned, '');
});
