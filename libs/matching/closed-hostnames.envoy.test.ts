// A hostname whose listener cannot be served is closed, whatever the reason: a listener with a wider hostname on the
// same port does not answer for it. Manifests go in, through the projection; a real Envoy and the matcher must say the
// same.
import t from 'tap';
import { parse } from 'yaml';
import { Projection } from '#libs/projection/projection.ts';
import type { Entry } from '#libs/snapshot/entry.ts';
import { applied, type Manifest } from '#libs/testing/given/change-events.ts';
import { ask, askTls, freePort, startBackend } from '#libs/testing/peers/http-peers.ts';
import { startStreamGateway } from '#libs/testing/peers/stream-gateway.ts';
import { compileMatcher } from './matcher.ts';

const gateway = await startStreamGateway(t);
const [https, http] = [await freePort(), await freePort()];
const wide = 'tls: { certificateRefs: [{ name: wildcard }] }, allowedRoutes: { namespaces: { from: All } }';

/** Name of a listener → what is wrong with it. */
const broken: Readonly<Record<string, string>> = {
  'no-secret': 'tls: { certificateRefs: [{ name: absent }] }',
  'no-grant': 'tls: { certificateRefs: [{ name: theirs, namespace: other }] }',
  'no-reference': 'tls: { mode: Terminate }',
  'no-tls': 'allowedRoutes: { namespaces: { from: All } }',
  'passes-through': 'tls: { mode: Passthrough }',
  'bad-selector': `tls: { certificateRefs: [{ name: wildcard }] }, allowedRoutes: { namespaces: { from: Selector } }`,
};

const manifests = [
  `{ apiVersion: gateway.networking.k8s.io/v1, kind: GatewayClass, metadata: { name: fleetgate },
    spec: { controllerName: fleetgate.dev/gateway-controller } }`,
  `{ apiVersion: v1, kind: Service, metadata: { name: b, namespace: shop }, spec: { ports: [{ port: 80 }] } }`,
  `{ kind: Secret, metadata: { name: wildcard, namespace: infra }, summary: { type: kubernetes.io/tls,
    certificate: { fingerprint: aa, dnsNames: ['*.corp.test'], notAfter: '2027-01-01T00:00:00Z' } } }`,
  `{ apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: { name: gateway, namespace: infra }, spec: {
    gatewayClassName: fleetgate, allowedListeners: { namespaces: { from: All } }, listeners: [
      { name: wild, port: ${https}, protocol: HTTPS, hostname: '*.corp.test', ${wide} },
      { name: plain, port: ${http}, protocol: HTTP, hostname: '*.corp.test',
        allowedRoutes: { namespaces: { from: All } } },
      { name: plain-twice-1, port: ${http}, protocol: HTTP, hostname: twice.corp.test },
      { name: plain-twice-2, port: ${http}, protocol: HTTP, hostname: twice.corp.test },
      { name: twice-1, port: ${https}, protocol: HTTPS, hostname: twice.corp.test, ${wide} },
      { name: twice-2, port: ${https}, protocol: HTTPS, hostname: twice.corp.test, ${wide} },
      { name: terminate, port: ${https}, protocol: TLS, hostname: terminate.corp.test,
        tls: { mode: Terminate, certificateRefs: [{ name: absent }] } },
      ${Object.entries(broken)
        .map(
          ([name, rest]) => `{ name: ${name}, port: ${https}, protocol: HTTPS, hostname: ${name}.corp.test, ${rest} }`,
        )
        .join(', ')} ] } }`,
  `{ apiVersion: gateway.networking.k8s.io/v1, kind: ListenerSet, metadata: { name: set, namespace: other }, spec: {
    parentRef: { name: gateway, namespace: infra }, listeners: [
      { name: of-set, port: ${https}, protocol: HTTPS, hostname: of-set.corp.test,
        tls: { certificateRefs: [{ name: absent }] } } ] } }`,
  `{ apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: { name: all, namespace: shop }, spec: {
    parentRefs: [{ name: gateway, namespace: infra }], rules: [{ backendRefs: [{ name: b, port: 80 }] }] } }`,
];

void t.test('nothing but the hostname that is served is answered', async (t) => {
  gateway.setEndpoints('b', (await startBackend(t, 'b')).port);
  gateway.setCertificate('wildcard');
  const entries = fold(manifests.map((text): Manifest => parse(text)));
  await gateway.serve(t, ...entries);
  const matcher = compileMatcher([{ gateway: 'eu/infra/gateway', entries }]);
  const closed = [...Object.keys(broken), 'twice', 'terminate', 'of-set'];
  t.equal(
    (await askTls(https, 'any.corp.test', { host: 'any.corp.test' }))?.echo?.backend,
    'b',
    'the wildcard is served',
  );
  for (const name of closed) {
    const host = `${name}.corp.test`;
    t.equal(await askTls(https, host, { host }), undefined, `${host} is closed`);
    const request = { port: https, method: 'GET', host, path: '/', headers: [], tls: { serverName: host } };
    t.equal(matcher.match(request).type, 'closed', `${host}: the matcher says so`);
  }
  t.equal((await ask(http, { host: 'any.corp.test' })).echo?.backend, 'b');
  t.equal((await ask(http, { host: 'twice.corp.test' })).status, 404, 'two want it, none gets it');
  const plain = { port: http, method: 'GET', host: 'twice.corp.test', path: '/', headers: [] };
  t.match(matcher.match(plain), { type: 'unrouted', status: 404 });
});

t.end();

function fold(objects: readonly Manifest[]): readonly (readonly [string, Entry])[] {
  const projection = new Projection();
  const events = objects.map((one, index) => ({ seq: BigInt(index), event: applied(one) }));
  const change = projection.apply({ events, slices: [], sealed: [] }, () => {
    throw new Error('no rollback here');
  });
  return [...(projection.content('eu/infra/gateway')?.entries ?? [])].map(([key, hash]) => [
    key,
    JSON.parse(change.entries.get(hash) ?? ''),
  ]);
}
