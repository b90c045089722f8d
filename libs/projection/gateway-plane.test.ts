// Tests which data planes, addresses and conditions follow from Gateways, ListenerSets and what nodes report.
import t from 'tap';
import type { DesiredDataPlane } from '#libs/events/agent-exchange.ts';
import type { NodeReport } from '#libs/projection/model/delivery/node-report.ts';
import type { Manifest } from '#libs/testing/given/change-events.ts';
import { base, gateway, gatewayClass, Given, id, release, rollback, route } from '#libs/testing/given/given-history.ts';

const node = (applied: number, more: Partial<NodeReport> = {}): NodeReport => ({
  node: 'n1',
  connected: true,
  serves: ['eu/*/*'],
  addresses: ['10.0.0.1'],
  applied: [{ gateway: id, version: applied }],
  rejected: [],
  ...more,
});

function planeOf(given: Given, name = 'web'): DesiredDataPlane | undefined {
  return given.projection
    .statuses('eu', undefined, 1000)
    .items.find((one) => one.kind === 'Gateway' && one.name === name)?.dataPlane;
}

function portsOf(given: Given): readonly string[] {
  return (planeOf(given)?.ports ?? []).map(({ port, protocol }) => `${port}/${protocol}`);
}

const spec = (more: object): Manifest => ({
  ...gateway(),
  spec: { gatewayClassName: 'f', listeners: [{ name: 'http', port: 80, protocol: 'HTTP' }], ...more },
});

const configMap = (name: string, data: object): Manifest => ({
  kind: 'ConfigMap',
  metadata: { name, namespace: 'infra' },
  data,
});

const parametersRef = (name: string): object => ({ group: '', kind: 'ConfigMap', name });

const front = (ingress: readonly object[], more: object = {}): Manifest => ({
  kind: 'Service',
  metadata: {
    name: 'web-f',
    namespace: 'infra',
    labels: {
      'gateway.networking.k8s.io/gateway-name': 'web',
      'app.kubernetes.io/managed-by': 'fleetgate',
      'fleetgate.dev/data-plane': 'web-f',
    },
  },
  spec: { type: 'LoadBalancer', clusterIP: '10.96.0.9', ports: [{ port: 80 }], ...more },
  status: { loadBalancer: { ingress } },
});

const sharedFront = (namespace: string, clusterIP: string): Manifest => ({
  kind: 'Service',
  metadata: { name: 'class-f', namespace, labels: { 'app.kubernetes.io/managed-by': 'fleetgate' } },
  spec: { type: 'ClusterIP', clusterIP, ports: [{ port: 80 }] },
});

void t.test('a data plane has the ports that are asked for and those that are served', async (t) => {
  const given = new Given();
  given.apply([...base, gateway(1, 80), route('a')]);
  t.strictSame(portsOf(given), ['80/TCP']);
  given.apply([gateway(2, 81)]);
  t.strictSame(portsOf(given), ['81/TCP']);
  given.apply([], [], [rollback(1)]);
  t.strictSame(portsOf(given), ['80/TCP', '81/TCP']);
  given.apply([gateway(3, 82)]);
  t.strictSame(portsOf(given), ['80/TCP', '82/TCP'], 'a candidate has its ports, what is served keeps its own');
  given.apply([], [], [release]);
  t.strictSame(portsOf(given), ['82/TCP']);
  const listeners = [
    { name: 'udp', port: 53, protocol: 'UDP' },
    { name: 'tcp', port: 53, protocol: 'TCP' },
    { name: 'odd', port: 54, protocol: 'ODD' },
    { name: 'waits', port: 443, protocol: 'HTTPS', tls: { certificateRefs: [{ name: 'later' }] } },
  ];
  given.apply([spec({ listeners })]);
  t.strictSame(portsOf(given), ['53/TCP', '53/UDP', '443/TCP'], 'a certificate may come later');
});

void t.test('parameters are those of the Gateway, then of its class; unknown ones leave what there is', async (t) => {
  const given = new Given();
  const ofClass = { ...gatewayClass.spec, parametersRef: { ...parametersRef('class'), namespace: 'infra' } };
  const infrastructure = { labels: { a: 'b' }, annotations: { c: 'd' }, parametersRef: parametersRef('own') };
  const addresses = [{ value: '10.0.0.7' }, { type: 'Hostname', value: 'x.example.com' }, { type: 'IPAddress' }];
  const own = configMap('own', { replicas: '3' });
  const shared = configMap('class', { replicas: '2', serviceType: 'NodePort' });
  given.apply([{ ...gatewayClass, spec: ofClass }, spec({ infrastructure, addresses }), own, shared]);
  t.strictSame(planeOf(given), {
    labels: { a: 'b' },
    annotations: { c: 'd' },
    addresses: ['10.0.0.7'],
    ports: [{ port: 80, protocol: 'TCP' }],
    parameters: { replicas: 3, serviceType: 'NodePort', merge: 'none' },
  });
  given.apply([], [own]);
  t.strictSame(planeOf(given)?.ports, []);
  t.match(given.conditions('Gateway', 'web')[0], /^Accepted=False InvalidParameters: ConfigMap infra\/own does not/);
  given.apply([own], [shared]);
  t.strictSame(planeOf(given)?.ports, [], 'nor is a class that lost its parameters a reason to change anything');
  t.equal(given.conditions('Gateway', 'web')[0], 'Accepted=True Accepted');
  given.apply([configMap('class', { merge: 'class' })]);
  t.match(given.conditions('Gateway', 'web')[0], /^Accepted=False InvalidParameters: the Gateways of class f share/);
  given.apply([spec({ infrastructure: { labels: { a: 'b' } }, addresses })]);
  t.strictSame(planeOf(given), {
    labels: {},
    annotations: {},
    addresses: [],
    ports: [{ port: 80, protocol: 'TCP' }],
    parameters: { replicas: 1, serviceType: 'LoadBalancer', merge: 'class' },
  });
  given.apply([gatewayClass, spec({ infrastructure }), configMap('own', { merge: 'class' })]);
  t.match(given.conditions('Gateway', 'web')[0], /^Accepted=False InvalidParameters: merge is for/);
});

void t.test('addresses come from the Service of the data plane where there is one', async (t) => {
  const given = new Given();
  const addresses = (): unknown =>
    given.projection.statuses('eu', undefined, 1000).items.find((one) => one.kind === 'Gateway')?.status['addresses'];
  const programmed = (): string => given.conditions('Gateway', 'web')[1] ?? '';
  given.apply([...base, front([])]);
  t.equal(programmed(), 'Programmed=False AddressNotAssigned: Service infra/web-f waits for an address');
  given.apply([front([{ ip: '10.65.254.2' }, { hostname: 'lb.example.com' }])]);
  t.equal(programmed(), 'Programmed=False Pending: waiting for a node of its data plane to connect');
  given.projection.setNodes([node(1)]);
  t.equal(programmed(), 'Programmed=True Programmed: applied by 1 of 1 nodes');
  t.strictSame(addresses(), [
    { type: 'IPAddress', value: '10.65.254.2' },
    { type: 'Hostname', value: 'lb.example.com' },
  ]);
  given.apply([spec({ addresses: [{ value: '192.0.2.1' }, { value: '10.65.254.2' }] })]);
  t.equal(programmed(), 'Programmed=False AddressNotUsable: Service infra/web-f was not given the address 192.0.2.1');
  given.apply([spec({ addresses: [{ type: 'IPAddress' }] })]);
  t.strictSame(addresses(), [{ type: 'IPAddress', value: '10.65.254.2' }]);
  given.apply([front([], { type: 'ClusterIP' })]);
  t.strictSame(addresses(), [{ type: 'IPAddress', value: '10.96.0.9' }]);
  given.apply([], [front([])]);
  t.strictSame(addresses(), [{ type: 'IPAddress', value: '10.0.0.1' }]);
});

void t.test('a shared data plane is found where the class says, and nowhere else', async (t) => {
  const given = new Given();
  const ref = { ...parametersRef('class'), namespace: 'fleetgate' };
  const parameters = {
    kind: 'ConfigMap',
    metadata: { name: 'class', namespace: 'fleetgate' },
    data: { merge: 'class' },
  };
  const ofClass = { ...gatewayClass, spec: { ...gatewayClass.spec, parametersRef: ref } };
  given.apply([
    ofClass,
    gateway(),
    parameters,
    sharedFront('fleetgate', '10.96.0.1'),
    sharedFront('evil', '10.96.0.66'),
  ]);
  t.match(given.projection.statuses('eu', undefined, 1000).items.find((one) => one.kind === 'Gateway')?.status, {
    addresses: [{ value: '10.96.0.1' }],
  });
});
