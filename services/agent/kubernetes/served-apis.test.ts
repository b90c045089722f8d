// Tests that an agent follows which APIs its cluster serves, those of ClusterTrustBundles among them, and tells it.
import t from 'tap';
import { eventually } from '#libs/testing/eventually.ts';
import type { MisbehavingApiServer } from '../testing/misbehaving-api-server.ts';
import { allKinds, crd, group, install, isAllListed, watchServer } from '../testing/watched-server.ts';

const gateways = `/apis/${group}/v1/gateways`;
const withoutTcp = allKinds.filter((plural) => plural !== 'tcproutes');
const certificates = '/apis/certificates.k8s.io';
const bundleName = 'example.com:internal:v1';
const withBundle = {
  tls: {
    frontend: {
      default: {
        validation: {
          caCertificateRefs: [{ group: 'certificates.k8s.io', kind: 'ClusterTrustBundle', name: bundleName }],
        },
      },
    },
  },
};

/** Switches the API of ClusterTrustBundles on in a version, or off. */
function serveBundles(server: MisbehavingApiServer, version: 'v1' | 'v1beta1' | 'no'): void {
  for (const one of ['v1', 'v1beta1']) {
    const path = `${certificates}/${one}/clustertrustbundles`;
    const resources = [{ name: 'certificatesigningrequests' }];
    if (one === version) server.failing.delete(path);
    else server.failing.set(path, 404);
    if (one === version) resources.push({ name: 'clustertrustbundles' });
    server.documents.set(`${certificates}/${one}`, { resources });
  }
  const versions = version === 'v1beta1' ? ['v1', 'v1beta1'] : ['v1'];
  server.documents.set(certificates, { versions: versions.map((one) => ({ version: one })) });
  server.closeWatches('cleanly');
}

void t.test('ClusterTrustBundles: the API comes, becomes v1, and goes while the agent runs', async (t) => {
  const run = await watchServer(t, (server) => {
    server.put('g', withBundle, 'silently', gateways);
    for (const version of ['v1', 'v1beta1']) {
      const path = `${certificates}/${version}/clustertrustbundles`;
      server.put(bundleName, { trustBundle: 'pem' }, 'silently', path);
      server.put('other', {}, 'silently', path);
    }
    serveBundles(server, 'no');
    // What is missing is looked for often.
    install(server, { v1: withoutTcp });
  });
  const { server, changes, problems } = run;
  await eventually(() => isAllListed(run));
  t.same(changes, [`Gateway g ${group}/v1`]);
  t.same([...problems.keys()], ['missing']);
  t.notMatch(problems.get('missing'), /clustertrustbundles/, 'its absence is no problem');
  serveBundles(server, 'v1beta1');
  await eventually(() => changes.at(-1) === `ClusterTrustBundle ${bundleName} certificates.k8s.io/v1beta1`);
  serveBundles(server, 'v1');
  await eventually(() => changes.at(-1) === `ClusterTrustBundle ${bundleName} certificates.k8s.io/v1`);
  t.notOk(
    changes.some((change) => change.endsWith(' gone')),
    'another version is no deletion',
  );
  serveBundles(server, 'no');
  await eventually(() => changes.at(-1) === `ClusterTrustBundle ${bundleName} gone`);
  serveBundles(server, 'v1');
  await eventually(() => changes.at(-1) === `ClusterTrustBundle ${bundleName} certificates.k8s.io/v1`);
  server.remove(bundleName, 'watched', `${certificates}/v1/clustertrustbundles`);
  await eventually(() => changes.at(-1) === `ClusterTrustBundle ${bundleName} gone`);
  t.notOk(changes.some((change) => change.includes('other')));
  await eventually(() => problems.size === 1);
});

void t.test('a ClusterTrustBundle that may not be read any more is gone, and back when it may', async (t) => {
  const path = `${certificates}/v1/clustertrustbundles`;
  const run = await watchServer(t, (server) => {
    server.put('g', withBundle, 'silently', gateways);
    server.put(bundleName, { trustBundle: 'pem' }, 'silently', path);
    serveBundles(server, 'v1');
    server.failing.set(path, 403);
  });
  const { server, source, changes, problems } = run;
  await eventually(() => isAllListed(run));
  t.notOk(source.isUncertain(`ClusterTrustBundle//${bundleName}`), 'what the history holds of it is not trusted');
  server.failing.delete(path);
  await eventually(() => changes.at(-1) === `ClusterTrustBundle ${bundleName} certificates.k8s.io/v1`);
  server.failing.set(path, 403);
  server.closeWatches('cleanly');
  await eventually(() => changes.at(-1) === `ClusterTrustBundle ${bundleName} gone`);
  t.match(problems.get(`ClusterTrustBundle//${bundleName}`), /failing with 403/);
});

/** A CRD of a release, as far as the agent reads it. */
function annotations(version: string) {
  const annotated = {
    'gateway.networking.k8s.io/bundle-version': version,
    'gateway.networking.k8s.io/channel': 'standard',
  };
  return { metadata: { annotations: annotated } };
}

void t.test('each GatewayClass says what its cluster serves, and says it again when that is another', async (t) => {
  const run = await watchServer(t, (server) => {
    server.put('c', {}, 'silently', `/apis/${group}/v1/gatewayclasses`);
    install(server, { v1: withoutTcp.filter((plural) => plural !== 'udproutes') });
    server.failing.delete(crd);
    server.documents.set(crd, annotations('v1.6.3'));
  });
  const { server, said, problems } = run;
  await eventually(() => isAllListed(run));
  t.match(said.at(-1), { bundleVersion: 'v1.6.3', channel: 'standard', provides: 'data planes' });
  t.match(said.at(-1)?.kinds, ['BackendTLSPolicy', 'ConfigMap', 'EndpointSlice']);
  t.notOk(said.at(-1)?.kinds?.includes('UDPRoute'));
  install(server, { v1: withoutTcp });
  server.documents.set(crd, annotations('v1.7.0'));
  await eventually(() => said.at(-1)?.bundleVersion === 'v1.7.0' && said.at(-1)?.kinds?.includes('UDPRoute'));
  const count = said.length;
  server.failing.set(crd, 503);
  server.put('c', { changed: true }, 'watched', `/apis/${group}/v1/gatewayclasses`);
  await eventually(() => said.length > count);
  t.equal(said.at(-1)?.bundleVersion, 'v1.7.0', 'a server that is ill changes nothing');
  server.failing.set(crd, 403);
  await eventually(() => said.at(-1)?.bundleVersion === undefined);
  t.match(problems.get('release'), /may not read the CRD gateways\.gateway\.networking\.k8s\.io/);
});
