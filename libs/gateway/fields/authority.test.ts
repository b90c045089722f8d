// Which ConfigMaps and Secrets hold CA certificates.
import { readFileSync } from 'node:fs';
import t from 'tap';
import { type Authority, parseAuthority } from './authority.ts';
import { parseParameters } from '#libs/gateway/data-plane/data-plane-parameters.ts';
import type { KubeObject } from '#libs/gateway/object.ts';

const metadata = { name: 'x', namespace: 'a', uid: 'u', resourceVersion: '1', creationTimestamp: '' };
const configMap = (data: unknown, more: object = {}): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata,
  data,
  ...more,
});

/** A self-signed certificate of P-256, good until 2126. */
const certificate = `-----BEGIN CERTIFICATE-----
MIIBfzCCASWgAwIBAgIUR8Ge/YZT4/KclnP4YMyvgvgXQbUwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJYXV0aG9yaXR5MCAXDTI2MTEyMTEwNTAyNVoYDzIxMjYxMDI4
MTA1MDI1WjAUMRIwEAYDVQQDDAlhdXRob3JpdHkwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAATZxZfJVQOM2StU0zqf1kKVXb4YDYjsMVluxLm+K3Cglu+XqCeOTy4G
gMemgmFNUqttnQusxNYKKtirMl9ACCPbo1MwUTAdBgNVHQ4EFgQUYKGEeMfFBD39
q79CycObqzOX4m4wHwYDVR0jBBgwFoAUYKGEeMfFBD39q79CycObqzOX4m4wDwYD
VR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNIADBFAiEApCAWJhVEibpZYhDb2QBm
U3wKyt0YFFQunh+WLNsGtD0CIEhWzMpy0ZwQfAs6ixbigORoZqn4Pl9MCL8UpuHt
WNL+
-----END CERTIFICATE-----
`;

function ofBundle(spec: unknown): Authority {
  return parseAuthority({ apiVersion: 'certificates.k8s.io/v1', kind: 'ClusterTrustBundle', metadata, spec });
}

function problem(authority: Authority): string {
  return 'problem' in authority ? authority.problem : '';
}

void t.test('certificates are written anew, with nothing between them', async (t) => {
  const both = `# first\n${certificate}Subject: second\r\n${certificate.replaceAll('\n', '\r\n')}trailing`;
  t.same(parseAuthority(configMap({ 'ca.crt': both })), { pem: certificate + certificate });
  const secret = { ...configMap(undefined), kind: 'Secret', summary: { caCertificates: certificate } };
  t.same(parseAuthority(secret), { pem: certificate });
});

void t.test('what is no certificate is a sentence', async (t) => {
  const of = (data: unknown): string => problem(parseAuthority(configMap(data)));
  for (const data of [undefined, null, 7, {}, { 'ca.crt': 7 }, { 'ca.crt': '' }, { ca: certificate }])
    t.equal(of(data), 'has no ca.crt with certificates');
  t.equal(of({ 'ca.crt': 'hello' }), 'ca.crt holds no certificate in PEM');
  t.match(of({ 'ca.crt': certificate.replace('M', '!') }), /cannot be read/);
  t.match(of({ 'ca.crt': certificate.replace('END', 'ND') }), /cannot be read/);
  t.match(of({ 'ca.crt': certificate.repeat(1001) }), /more than 1000/);
  t.equal(problem(parseAuthority(configMap({}, { problem: 'too long' }))), 'too long');
});

void t.test('of a ClusterTrustBundle every certificate must be one of an authority', async (t) => {
  t.same(ofBundle({ signerName: 'example.com/x', trustBundle: `# one\n${certificate}` }), { pem: certificate });
  for (const spec of [undefined, null, 7, {}, { trustBundle: 7 }, { trustBundle: '' }, { 'ca.crt': certificate }])
    t.equal(problem(ofBundle(spec)), 'has no spec.trustBundle with certificates');
  t.equal(problem(ofBundle({ trustBundle: 'hello' })), 'spec.trustBundle holds no certificate in PEM');
  const leaf = readFileSync(new URL('../../xds/testdata/tls/client.crt', import.meta.url), 'utf8');
  t.match(problem(ofBundle({ trustBundle: certificate + leaf })), /none of an authority/);
  t.match(problem(ofBundle({ trustBundle: certificate.replace('M', '!') })), /cannot be read/);
});

void t.test('parameters of data planes', async (t) => {
  const parameters = {
    replicas: '3',
    serviceType: 'NodePort',
    image: 'a/b:1',
    cpu: '500m',
    memory: '1Gi',
    merge: 'class',
  };
  t.same(parseParameters(configMap(parameters)), { value: { ...parameters, replicas: 3 }, problems: [] });
  t.same(parseParameters(configMap({ replicas: 'auto' })).value, { replicas: 'auto' });
  t.same(parseParameters(configMap(undefined)), { value: {}, problems: [] });
  const wrong = { replicas: '-1', serviceType: 'Odd', image: 'a b', cpu: 'much', memory: '1.', merge: 'all' };
  t.same(parseParameters(configMap(wrong)).value, {});
  t.equal(parseParameters(configMap(wrong)).problems.length, 6);
  t.equal(parseParameters(configMap('x')).problems.length, 1);
});
