import t from 'tap';
import { toLocalKey } from '#libs/gateway/object-key.ts';
import type { WatchedKind } from '#libs/gateway/kinds.ts';
import type { KubeObject } from '#libs/gateway/object.ts';
import { type Sealer, appliedEvent, readLiveObject, readLiveSecret, succeed } from './live-object.ts';
import { readProvenance } from './provenance.ts';
import { findReferences } from './references.ts';
import { sliceProblem } from './slice-problem.ts';
import { keyPair } from '../testing/key-pair.ts';

const metadata = {
  name: 'a',
  namespace: 'shop',
  uid: 'u1',
  resourceVersion: '7',
  creationTimestamp: '2026-01-01T00:00:00Z',
};
const cluster = { name: 'eu', uid: 'c1' };

function object(kind: string, more: Readonly<Record<string, unknown>>): KubeObject {
  return { apiVersion: 'v1', kind, metadata, ...more };
}

function applied(kind: WatchedKind, value: KubeObject) {
  return { type: 'applied', kind, object: value, via: 'watch' } as const;
}

void t.test('status, managedFields and copies of the spec are no part of the history', async (t) => {
  const annotations = { 'kubectl.kubernetes.io/last-applied-configuration': '{}', mine: '1' };
  const plain = object('HTTPRoute', { spec: { a: 1 } });
  const noisy = {
    ...plain,
    metadata: { ...metadata, resourceVersion: '8', annotations, managedFields: [{ manager: 'kubectl' }] },
    status: { parents: [] },
  };
  const live = readLiveObject(applied('HTTPRoute', noisy));
  t.same(live.object, { ...plain, metadata: { ...metadata, resourceVersion: '8', annotations: { mine: '1' } } });
  t.same(live.status, { parents: [] });
  const quiet = readLiveObject(
    applied('HTTPRoute', { ...plain, metadata: { ...metadata, annotations: { mine: '1' } } }),
  );
  t.equal(live.hash, quiet.hash, 'a write of the status alone changes nothing');
  t.not(live.hash, readLiveObject(applied('HTTPRoute', plain)).hash);
  t.equal(readLiveObject(applied('Service', object('Service', { status: {} }))).status, undefined);
  const event = appliedEvent(live, cluster, { at: '2026-02-02T00:00:00Z', via: 'watch' });
  t.match(event, { type: 'applied', cluster: 'eu', clusterUid: 'c1', resourceVersion: '8', hash: live.hash });
});

function entry(manager: string, time: string, subresource?: string): object {
  return { manager, operation: 'Apply', time, ...(subresource === undefined ? {} : { subresource }) };
}

function names(spec: unknown): readonly string[] {
  return findReferences(object('Gateway', { spec })).map(toLocalKey).toSorted();
}

void t.test('who and when: the newest entry of managedFields that is no write of a subresource', async (t) => {
  const managedFields = [
    entry('old', '2026-01-02T00:00:00Z'),
    entry('kubectl', '2026-01-03T00:00:00Z'),
    entry('fleetgate', '2026-01-04T00:00:00Z', 'status'),
    { manager: 'timeless' },
    null,
  ];
  const changed = { ...object('HTTPRoute', {}), metadata: { ...metadata, managedFields } };
  t.same(readProvenance(changed), { actor: { manager: 'kubectl', operation: 'Apply' }, at: '2026-01-03T00:00:00Z' });
  t.same(readProvenance(object('HTTPRoute', {})), { actor: null, at: metadata.creationTimestamp });
});

function managed(annotations: Readonly<Record<string, string>>, managedFields: readonly object[], uid = 'u1') {
  const served = { ...metadata, uid, annotations, managedFields };
  return readLiveObject(applied('HTTPRoute', { ...object('HTTPRoute', {}), metadata: served }));
}

function at(second: number): string {
  return `2026-01-03T00:00:${String(second).padStart(2, '0')}Z`;
}

void t.test('who: nobody where managedFields still name the writer before', async (t) => {
  const kubectl = entry('kubectl', '2026-01-03T00:00:00Z');
  const argo = entry('argocd', '2026-01-03T00:00:05Z');
  const first = succeed(undefined, managed({ a: '1', b: '1' }, [kubectl]), at(1));
  t.match(first.provenance, { actor: { manager: 'kubectl' } });
  const removed = succeed(first, managed({ a: '1' }, [kubectl]), at(9));
  t.same(removed.provenance, { actor: null, at: at(9) }, 'a removal leaves no trace of who did it');
  const status = succeed(removed, managed({ a: '1' }, [kubectl, entry('x', at(10), 'status')]), at(10));
  t.same(status.provenance, removed.provenance, 'the content is as it was');
  const next = succeed(status, managed({ a: '2' }, [kubectl, argo]), at(12));
  t.match(next.provenance, { actor: { manager: 'argocd' }, at: at(5) });
  const quick = succeed(first, managed({ a: '2', b: '1' }, [kubectl]), '2026-01-03T00:00:01.900Z');
  t.match(quick.provenance, { actor: { manager: 'kubectl' } }, 'a second write within the second');
  const again = succeed(removed, managed({ a: '1' }, [kubectl], 'u2'), at(20));
  t.match(again.provenance, { actor: { manager: 'kubectl' } }, 'another object of the name');
});

function kept(data: object): KubeObject {
  return readLiveObject(applied('ConfigMap', object('ConfigMap', { data }))).object;
}

void t.test(
  'of a ConfigMap only the bundle and parameters are kept, as far as the history can hold them',
  async (t) => {
    t.same(kept({ 'ca.crt': 'pem', password: 'x' })['data'], { 'ca.crt': 'pem' });
    t.same(kept({ replicas: '2', image: 7 })['data'], { replicas: '2' });
    const long = kept({ 'ca.crt': 'x'.repeat(512 * 1024 + 1), replicas: '2' });
    t.same([long['data'], long['problem']], [{ replicas: '2' }, 'ca.crt is longer than 524288 bytes']);
  },
);

function keptOfBundle(spec: unknown): KubeObject {
  return readLiveObject(applied('ClusterTrustBundle', object('ClusterTrustBundle', { spec, status: {} }))).object;
}

void t.test('of a ClusterTrustBundle whom it trusts is kept, as far as the history can hold it', async (t) => {
  const spec = { signerName: 'example.com/internal', trustBundle: 'pem' };
  t.same(keptOfBundle(spec)['spec'], spec);
  t.equal(keptOfBundle(7)['spec'], 7);
  const long = keptOfBundle({ trustBundle: 'x'.repeat(512 * 1024 + 1) });
  t.same([long['spec'], long['problem']], [undefined, 'spec.trustBundle is longer than 524288 bytes']);
});

const pair = keyPair('shop.example.com');
const other = keyPair('other.example.com');
let seals = 0;
const sealer: Sealer = {
  keyIds: (namespaces) => ['k1', ...namespaces],
  seal: (material) =>
    Promise.resolve({ keyId: 'k1', enc: '', ciphertext: `sealed ${(seals += 1)} ${material.key.length}` }),
};

function secret(data: Readonly<Record<string, string>>, type = 'kubernetes.io/tls'): KubeObject {
  const base64 = Object.entries(data).map(([key, text]) => [key, Buffer.from(text).toString('base64')]);
  return object('Secret', { type, data: Object.fromEntries(base64) });
}

void t.test('Secrets: a summary, and sealed material', async (t) => {
  const good = applied(
    'Secret',
    secret({ 'tls.crt': pair.certificate, 'tls.key': pair.key, 'ca.crt': other.certificate }),
  );
  const live = await readLiveSecret(good, sealer, undefined);
  t.match(live.object['summary'], {
    type: 'kubernetes.io/tls',
    caCertificates: other.certificate,
    certificate: {
      fingerprint: /^[0-9a-f]{64}$/,
      dnsNames: ['shop.example.com'],
      notAfter: /^\d{4}-.*Z$/,
      keyId: 'k1',
    },
  });
  t.equal(live.object['data'], undefined);
  const again = await readLiveSecret(good, sealer, live);
  t.equal(again.sealed, live.sealed, 'the same is not sealed again');
  const unsealed = await readLiveSecret(good, null, undefined);
  t.equal(unsealed.sealed, undefined);
  t.not(unsealed.hash, live.hash, 'another key of the fleet is a change');

  const bundle = await readLiveSecret(
    applied('Secret', secret({ 'ca.crt': `x${other.certificate}` }, 'Opaque')),
    sealer,
    undefined,
  );
  t.same(bundle.object['summary'], { type: 'Opaque', caCertificates: other.certificate });

  const copied = { ...good.object, metadata: { ...metadata, annotations: { 'kapp.k14s.io/original': pair.key } } };
  t.notMatch(JSON.stringify(await readLiveSecret(applied('Secret', copied), sealer, undefined)), /PRIVATE KEY/);
  const said = { ...copied.metadata.annotations, 'fleetgate.dev/reason': 'renewed' };
  const told = { ...good.object, metadata: { ...metadata, annotations: said } };
  const { annotations } = (await readLiveSecret(applied('Secret', told), sealer, undefined)).object.metadata;
  t.same(annotations, { 'fleetgate.dev/reason': 'renewed' }, 'why it was changed is kept, and nothing else');
});

void t.test('Secrets: what cannot be used is said, and no key goes further', async (t) => {
  const short = keyPair('a.example.com', ['rsa:1024']);
  const curve = keyPair('a.example.com', ['ec', '-pkeyopt', 'ec_paramgen_curve:secp256k1']);
  const ed25519 = keyPair('ed.example.com', ['ed25519']);
  const cases: Readonly<Record<string, readonly [KubeObject, RegExp]>> = {
    'no key': [secret({ 'tls.crt': pair.certificate }), /tls\.key is missing/],
    'no certificate': [secret({ 'tls.key': pair.key }), /tls\.crt is missing/],
    'garbage certificate': [secret({ 'tls.crt': 'Hello', 'tls.key': pair.key }), /does not hold PEM certificates/],
    'broken certificate': [
      secret({ 'tls.crt': pair.certificate.replace(/\n.{9}/, '\nAAAAAAAAA'), 'tls.key': pair.key }),
      /does not hold PEM certificates/,
    ],
    'unfinished certificate': [
      secret({ 'tls.crt': '-----BEGIN CERTIFICATE-----\n'.repeat(1000), 'tls.key': pair.key }),
      /does not hold PEM certificates/,
    ],
    'garbage key': [secret({ 'tls.crt': pair.certificate, 'tls.key': 'Hello' }), /not an unencrypted private key/],
    'another key': [secret({ 'tls.crt': pair.certificate, 'tls.key': other.key }), /does not belong to/],
    'a key that Envoy does not serve': [
      secret({ 'tls.crt': ed25519.certificate, 'tls.key': ed25519.key }),
      /neither an RSA nor an ECDSA key/,
    ],
    'a short RSA key': [secret({ 'tls.crt': short.certificate, 'tls.key': short.key }), /less than 2048 bits/],
    'an unusual curve': [secret({ 'tls.crt': curve.certificate, 'tls.key': curve.key }), /on a curve other than/],
    nothing: [secret({}, 'Opaque'), /neither tls\.crt and tls\.key nor ca\.crt/],
    'data of another shape': [object('Secret', { data: 7 }), /neither/],
  };
  for (const [name, [value, problem]] of Object.entries(cases)) {
    const bad = await readLiveSecret(applied('Secret', value), sealer, undefined);
    t.match(bad.object['summary'], { problem }, name);
    t.equal(bad.sealed, undefined);
    const text = JSON.stringify(bad);
    t.notOk(
      [pair.key, other.key, ed25519.key].some((key) => text.includes(key.split('\n')[1] ?? key)),
      name,
    );
  }
});

function ofClass(spec: object): readonly string[] {
  const known = { ...object('GatewayClass', { spec }), metadata: { ...metadata, namespace: '' } };
  return findReferences(known).map(toLocalKey);
}

void t.test('references to Secrets and ConfigMaps are found where the Gateway API has them', async (t) => {
  const configMap = { group: '', kind: 'ConfigMap', name: 'ca' };
  t.same(
    names({
      listeners: [
        { tls: { certificateRefs: [{ name: 's' }, { kind: 'Secret', group: '', name: 's', namespace: 'other' }] } },
        { tls: { certificateRefs: [{ name: 's' }], frontendValidation: { caCertificateRefs: [configMap] } } },
      ],
      tls: {
        backend: { clientCertificateRef: { name: 'client' } },
        frontend: { default: { validation: { caCertificateRefs: [{ ...configMap, name: 'ca2' }] } } },
      },
    }),
    ['ConfigMap/shop/ca', 'ConfigMap/shop/ca2', 'Secret/other/s', 'Secret/shop/client', 'Secret/shop/s'],
  );
  const malformed = [
    { name: '../../x' },
    { name: 7 },
    { name: 's', namespace: 'a/b' },
    { group: 'x', name: 's' },
    null,
    'x',
  ];
  t.same(names({ listeners: [{ tls: { certificateRefs: malformed } }, 3, null], tls: 'x' }), []);
  t.same(names({ validation: { caCertificateRefs: [{ name: 'no-kind' }, configMap] } }), ['ConfigMap/shop/ca']);
  t.same(names(undefined), []);
  const bundle = { group: 'certificates.k8s.io', kind: 'ClusterTrustBundle', name: 'example.com:Internal_1:v1' };
  t.same(names({ validation: { caCertificateRefs: [bundle] } }), [`ClusterTrustBundle//${bundle.name}`]);
  const badBundles = [
    { ...bundle, namespace: 'shop' },
    { ...bundle, kind: 'PodCertificateRequest' },
    ...['a/b', '../x', 'a,metadata.name=b', 'a=b', ':a', 'a:', 'a b', '', 7].map((name) => ({ ...bundle, name })),
  ];
  t.same(names({ validation: { caCertificateRefs: badBundles } }), []);
  const parametersRef = { group: '', kind: 'ConfigMap', name: 'parameters' };
  t.same(names({ infrastructure: { parametersRef } }), ['ConfigMap/shop/parameters']);
  const inShop = { ...parametersRef, namespace: 'shop' };
  const controllerName = 'fleetgate.dev/gateway-controller';
  t.same(ofClass({ controllerName, parametersRef: inShop }), ['ConfigMap/shop/parameters']);
  t.same(ofClass({ controllerName, parametersRef }), []);
  t.same(ofClass({ controllerName: 'example.com/other', parametersRef: inShop }), []);
});

void t.test('what is wrong with an EndpointSlice, which has no status, is a sentence', async (t) => {
  const labelled = { metadata: { ...metadata, labels: { 'kubernetes.io/service-name': 'cart' } } };
  const slice = (more: Readonly<Record<string, unknown>>) =>
    sliceProblem(applied('EndpointSlice', { ...object('EndpointSlice', {}), ...labelled, ...more }));
  const about = 'EndpointSlice/shop/a';
  t.same(slice({ ports: { port: 80 }, endpoints: [{ addresses: [7] }] }), {
    about,
    sentence:
      'EndpointSlice shop/a: ports: must be a list, is an object; ' +
      'endpoints[0].addresses[0]: must be a string, is an integer',
  });
  t.same(slice({ ports: [{ port: 80 }], endpoints: [{ addresses: ['127.0.0.1'] }] }), { about, sentence: null });
  t.equal(sliceProblem(applied('Service', object('Service', { spec: 7 }))), undefined);
});
