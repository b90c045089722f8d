// ClusterTrustBundles (GEP-5075) from the objects to a real Envoy: whom backends and clients must be signed by, through
// rotation, deletion and re-creation, and that no anchor is used that is not there any more.
import t from 'tap';
import { eventually } from '#libs/testing/eventually.ts';
import { applied, deleted, type Manifest } from '#libs/testing/given/change-events.ts';
import { ask, freePort } from '#libs/testing/peers/http-peers.ts';
import { ProjectedGateways } from '#libs/testing/peers/projected-gateways.ts';
import { tlsFile } from '#libs/testing/peers/stream-gateway.ts';
import { openStream, type StreamTls } from '#libs/testing/peers/stream-peers.ts';
import { throwawayEnvoy } from '#libs/testing/peers/throwaway-envoy.ts';
import { startTlsBackend } from '#libs/testing/peers/tls-backend.ts';

const [httpPort, httpsPort] = [await freePort(), await freePort()];
const envoy = await throwawayEnvoy(t);
const backend = await startTlsBackend(t, 'secure');
const gateways = new ProjectedGateways(['eu/infra/web'], 0);
const trusting = (name: string) => [{ group: 'certificates.k8s.io', kind: 'ClusterTrustBundle', name }];
const [ofBackends, ofClients] = ['example.com:backends:v1', 'example.com:clients:v1'];
const good = { cert: tlsFile('client.crt'), key: tlsFile('client.key') };
const other = { cert: tlsFile('other-client.crt'), key: tlsFile('other-client.key') };
let revision = 0;

function bundle(name: string, ...files: readonly string[]): Manifest {
  const trustBundle = files.map(tlsFile).join('');
  return { kind: 'ClusterTrustBundle', metadata: { name }, spec: { trustBundle } };
}

const manifests: readonly Manifest[] = [
  {
    kind: 'GatewayClass',
    metadata: { name: 'f' },
    spec: { controllerName: 'fleetgate.dev/gateway-controller' },
    servedApi: { kinds: ['ClusterTrustBundle', 'Gateway'] },
  },
  {
    kind: 'Gateway',
    metadata: { name: 'web', namespace: 'infra' },
    spec: {
      gatewayClassName: 'f',
      tls: { frontend: { default: { validation: { caCertificateRefs: trusting(ofClients) } } } },
      listeners: [
        { name: 'http', port: httpPort, protocol: 'HTTP' },
        { name: 'https', port: httpsPort, protocol: 'HTTPS', tls: { certificateRefs: [{ name: 'pair' }] } },
      ],
    },
  },
  {
    kind: 'Secret',
    metadata: { name: 'pair', namespace: 'infra' },
    summary: { type: 'kubernetes.io/tls', certificate: { fingerprint: 'a', dnsNames: [], notAfter: '2100-01-01' } },
  },
  { kind: 'Service', metadata: { name: 'svc', namespace: 'infra' }, spec: { ports: [{ port: 443 }] } },
  {
    kind: 'BackendTLSPolicy',
    metadata: { name: 'svc', namespace: 'infra' },
    spec: {
      targetRefs: [{ group: '', kind: 'Service', name: 'svc' }],
      validation: { hostname: 'abc.example.com', caCertificateRefs: trusting(ofBackends) },
    },
  },
  {
    kind: 'HTTPRoute',
    metadata: { name: 'all', namespace: 'infra' },
    spec: { parentRefs: [{ name: 'web' }], rules: [{ backendRefs: [{ name: 'svc', port: 443 }] }] },
  },
];

gateways.apply(manifests.map((one) => applied(one)));
gateways.compiler.setDiscovery(
  [
    {
      key: 'endpoints/eu/infra/svc/443',
      item: { kind: 'endpoints', endpoints: [{ address: '127.0.0.1', port: backend.port }] },
    },
    {
      key: 'tls/eu/infra/pair',
      item: { kind: 'tls', certificate: tlsFile('default.crt'), key: tlsFile('default.key') },
    },
  ],
  [],
);

/** Brings objects and deletions to Envoy, which must take it all. */
async function change(objects: readonly Manifest[], gone: readonly Manifest[] = []): Promise<void> {
  revision += 1;
  gateways.apply([
    ...objects.map((one) => applied(one, 'eu', `${revision + 1}`)),
    ...gone.map((one) => deleted(one, 'eu', `${revision + 1}`)),
  ]);
  t.strictSame(await envoy.push(gateways.compiler.flush()), [], 'Envoy takes all of it');
}

/** Status of a request by the plain listener, through TLS to the backend. */
async function toBackend(): Promise<number> {
  return (await ask(httpPort, { host: 'a.example.com' })).status;
}

/** Status of a request by HTTPS with the certificate of a client; `refused` = there is no connection. */
async function fromClient(client: StreamTls = {}): Promise<string> {
  const stream = await openStream(httpsPort, { ...client, servername: 'a.example.com' });
  const answer = await stream?.say('GET / HTTP/1.1\r\nHost: a.example.com\r\nConnection: close\r\n\r\n');
  stream?.close();
  return answer?.slice(9, 12).trim() ?? 'refused';
}

void t.test('backends: missing, right, rotated, both, unparsable, deleted, made again', async (t) => {
  await change([bundle(ofClients, 'client-ca.crt')]);
  t.equal(await toBackend(), 500, 'it is not there');
  await change([bundle(ofBackends, 'backend-ca.crt')]);
  t.equal(await toBackend(), 200, 'it signs the backend');
  await change([bundle(ofBackends, 'other-ca.crt')]);
  t.equal(await toBackend(), 200, 'it is rotated away from the backend: the connection that there is goes on');
  backend.closeConnections();
  await eventually(async () => (await toBackend()) === 503);
  await change([bundle(ofBackends, 'other-ca.crt', 'backend-ca.crt')]);
  t.equal(await toBackend(), 200, 'the old and the new one together');
  await change([{ ...bundle(ofBackends), spec: { trustBundle: 'hello' } }]);
  t.equal(await toBackend(), 500, 'it cannot be parsed');
  await change([bundle(ofBackends, 'backend-ca.crt')]);
  t.equal(await toBackend(), 200);
  await change([], [bundle(ofBackends)]);
  t.equal(await toBackend(), 500, 'it is deleted: its anchors are not used');
  backend.closeConnections();
  await change([bundle(ofBackends, 'other-ca.crt')]);
  t.equal(await toBackend(), 503, 'another is made under its name: the anchors before are not used');
  await change([bundle(ofBackends, 'backend-ca.crt')]);
  t.equal(await toBackend(), 200);
});

void t.test('clients: right, wrong, none; rotated, deleted, made again', async (t) => {
  await change([bundle(ofBackends, 'backend-ca.crt'), bundle(ofClients, 'client-ca.crt')]);
  t.equal(await fromClient(good), '200');
  t.not(await fromClient(other), '200', 'signed by another');
  t.not(await fromClient(), '200', 'without a certificate');
  await change([bundle(ofClients, 'other-ca.crt')]);
  t.not(await fromClient(good), '200', 'rotated');
  t.equal(await fromClient(other), '200');
  await change([], [bundle(ofClients)]);
  for (const client of [good, other, {}]) t.equal(await fromClient(client), 'refused', 'deleted: nobody gets in');
  t.equal(await toBackend(), 200, 'the listener beside it is served');
  await change([bundle(ofClients, 'client-ca.crt')]);
  t.equal(await fromClient(good), '200', 'made again');
  t.not(await fromClient(other), '200', 'and the anchors before are forgotten');
  await change([{ ...bundle(ofClients), spec: { trustBundle: '' } }]);
  t.equal(await fromClient(good), 'refused', 'empty');
});

void t.test('the API goes: nothing of it is trusted', async (t) => {
  await change([bundle(ofBackends, 'backend-ca.crt'), bundle(ofClients, 'client-ca.crt')]);
  t.equal(await toBackend(), 200);
  const [gatewayClass] = manifests;
  const without = { ...gatewayClass, kind: 'GatewayClass', servedApi: { kinds: ['Gateway'] } };
  await change([without], [bundle(ofBackends), bundle(ofClients)]);
  t.equal(await toBackend(), 500);
  t.equal(await fromClient(good), 'refused');
});
