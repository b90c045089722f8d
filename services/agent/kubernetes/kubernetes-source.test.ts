import t, { type Test } from 'tap';
import { type WatchedKind, kinds, serviceApisGroup } from '#libs/gateway/kinds.ts';
import { type ServedApi, parseServedApi } from '#libs/gateway/objects/served-api.ts';
import { eventually } from '#libs/testing/eventually.ts';
import { testLogger } from '#libs/testing/peers/throwaway.ts';
import { findReferences } from '../objects/references.ts';
import type { Source } from '../source.ts';
import { MisbehavingApiServer, answerObject, answerStatus } from '../testing/misbehaving-api-server.ts';
import { openKubernetesSource } from './kubernetes-source.ts';

const group = 'gateway.networking.k8s.io';
const gateways = `/apis/${group}/v1/gateways`;
const secrets = '/api/v1/namespaces/ns/secrets';
const crd = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/gateways.gateway.networking.k8s.io';
const kubeSystem = '/api/v1/namespaces/kube-system';

interface Run {
  readonly server: MisbehavingApiServer;
  readonly source: Source;
  readonly changes: string[];
  readonly listed: WatchedKind[];
  /** What GatewayClasses said of the cluster. */
  readonly said: ServedApi[];
  readonly problems: Map<string, string>;
}

/** What the server says that it serves: kinds of the Gateway API by version. */
function install(server: MisbehavingApiServer, versions: Readonly<Record<string, readonly string[]>>): void {
  for (const path of server.documents.keys()) if (path.includes(group)) server.documents.delete(path);
  const names = Object.keys(versions);
  server.failing.delete(`/apis/${group}`);
  if (names.length === 0) server.failing.set(`/apis/${group}`, 404);
  else server.documents.set(`/apis/${group}`, { versions: names.map((version) => ({ version })) });
  for (const [version, plurals] of Object.entries(versions)) {
    server.documents.set(`/apis/${group}/${version}`, { resources: plurals.map((name) => ({ name })) });
  }
}

/** What the server says of its schemas: a hash of each group and version. */
function publishSchemas(server: MisbehavingApiServer, hash: string): void {
  const url = '/openapi/v3/x?hash=';
  const paths = {
    'api/v1': { serverRelativeURL: `${url}0` },
    [`apis/${group}/v1`]: { serverRelativeURL: `${url}${hash}` },
  };
  server.documents.set('/openapi/v3', { paths });
}

const watchedKinds = kinds.filter((info) => info.watch === 'all' && info.group !== serviceApisGroup);
const allKinds = kinds.filter((info) => info.group === group).map(({ plural }) => plural);

async function begin(t: Test, prepare: (server: MisbehavingApiServer) => void): Promise<Run> {
  const server = new MisbehavingApiServer();
  const client = await server.start();
  server.documents.set(kubeSystem, { metadata: { uid: 'cluster-uid' } });
  server.documents.set('/apis/discovery.k8s.io', { versions: [{ version: 'v1' }] });
  server.documents.set('/apis/discovery.k8s.io/v1', { resources: [{ name: 'endpointslices' }] });
  server.documents.set('/apis/networking.k8s.io', { versions: [{ version: 'v1' }] });
  server.documents.set('/apis/networking.k8s.io/v1', {
    resources: [{ name: 'ingresses' }, { name: 'ingressclasses' }],
  });
  for (const path of ['/apis/networking.x-k8s.io', crd]) server.failing.set(path, 404);
  for (const path of policyPaths) server.documents.set(path, { metadata: { resourceVersion: '1' }, items: [] });
  publishSchemas(server, '1');
  server.documents.set('/apis/certificates.k8s.io', { versions: [{ version: 'v1' }] });
  server.documents.set('/apis/certificates.k8s.io/v1', { resources: [{ name: 'certificatesigningrequests' }] });
  install(server, { v1: allKinds });
  prepare(server);
  const timing = { backoffMs: () => 5, settleMs: 5 };
  const signal = new AbortController().signal;
  let opened: Source | undefined;
  t.teardown(async () => {
    await opened?.stop();
    await client.close();
    await server.stop();
  });
  const source = (opened = await openKubernetesSource({
    client,
    log: testLogger(),
    signal,
    timing,
    missingPollMs: 20,
    schemaPollMs: 20,
  }));
  const changes: string[] = [];
  const listed: WatchedKind[] = [];
  const said: ServedApi[] = [];
  const problems = new Map<string, string>();
  await source.start(
    {
      change(change) {
        const name = change.type === 'applied' ? change.object.metadata.name : change.name;
        const how = change.type === 'applied' ? change.object.apiVersion : 'gone';
        changes.push(`${change.kind} ${name} ${how}`);
        if (change.kind === 'GatewayClass' && change.type === 'applied') said.push(parseServedApi(change.object));
        if (change.kind === 'Gateway') source.reference(change.type === 'applied' ? findReferences(change.object) : []);
      },
      listed: (kind) => listed.push(kind),
      problem(about, sentence) {
        problems.delete(about);
        if (sentence !== null) problems.set(about, sentence);
      },
      restarted: () => undefined,
    },
    [],
  );
  return { server, source, changes, listed, said, problems };
}

const policyPaths = ['/apis', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions'];
const isAllListed = (run: Run): boolean => kinds.every(({ kind }) => run.listed.includes(kind));
const withSecret = (name: string) => ({ listeners: [{ tls: { certificateRefs: [{ name }] } }] });

void t.test(
  'kinds in their best version; missing ones are picked up when they appear, and go with their CRD',
  async (t) => {
    const run = await begin(t, (server) => {
      install(server, {
        v1alpha3: ['tlsroutes'],
        v1beta1: ['gateways', 'httproutes'],
        v1: ['gateways', 'gatewayclasses'],
      });
      server.put('g', {}, 'silently', gateways);
      server.put('beta', {}, 'silently', `/apis/${group}/v1beta1/httproutes`);
    });
    const { server, source, changes, problems } = run;
    t.equal(source.clusterUid, 'cluster-uid');
    await eventually(() => isAllListed(run));
    t.same(changes.toSorted(), [`Gateway g ${group}/v1`, `HTTPRoute beta ${group}/v1beta1`]);
    t.match(problems.get('missing'), /no CRDs of these kinds: listenersets, grpcroutes, tcproutes/);
    install(server, { v1: allKinds });
    server.put('t', {}, 'silently', `/apis/${group}/v1/tcproutes`);
    await eventually(() => changes.includes(`TCPRoute t ${group}/v1`));
    await eventually(() => problems.size === 0);
    server.failing.set(gateways, 404);
    install(server, { v1: allKinds.filter((plural) => plural !== 'gateways') });
    server.closeWatches('cleanly');
    await eventually(() => changes.includes('Gateway g gone'));
    await eventually(() => problems.get('missing')?.includes('gateways'));
  },
);

void t.test(
  'when schemas change, what is stored is read again, for it may read differently without an event',
  async (t) => {
    const service = '/api/v1/services';
    const run = await begin(t, (server) => {
      server.put('g', {}, 'silently', gateways);
      server.put('s', {}, 'silently', service);
    });
    const { server, changes, problems } = run;
    await eventually(() => isAllListed(run));
    t.same(changes.toSorted(), [`Gateway g ${group}/v1`, 'Service s v1']);
    publishSchemas(server, '2');
    await eventually(() => changes.length === 3);
    t.equal(changes[2], `Gateway g ${group}/v1`, 'and only where the schema is another');
    server.failing.set('/openapi/v3', 403);
    await eventually(() => problems.get('schemas')?.includes('may not read /openapi/v3'));
    server.failing.delete('/openapi/v3');
    await eventually(() => problems.size === 0);
  },
);

void t.test('another version of the API reads again what was known of the one before', async (t) => {
  const older = `/apis/${group}/v1beta1/httproutes`;
  const run = await begin(t, (server) => {
    install(server, { v1: allKinds.filter((plural) => plural !== 'httproutes'), v1beta1: ['httproutes'] });
    server.put('r', {}, 'silently', older);
  });
  const { server, changes } = run;
  await eventually(() => isAllListed(run));
  const stored = server.objects.get(`${older}/r`);
  if (stored === undefined) throw new Error('no route');
  server.objects.set(`/apis/${group}/v1/httproutes/r`, stored);
  install(server, { v1: allKinds });
  publishSchemas(server, '2');
  await eventually(() => changes.includes(`HTTPRoute r ${group}/v1`));
});

void t.test('no Gateway API at all: a second look decides that nothing is there', async (t) => {
  const run = await begin(t, (server) => install(server, {}));
  await eventually(() => isAllListed(run));
  t.same(run.changes, []);
  t.ok(run.problems.has('missing'));
});

void t.test('a server that fails is no server without CRDs', async (t) => {
  const run = await begin(t, (server) => {
    server.documents.delete(`/apis/${group}`);
    for (let i = 0; i < 3; i++) server.listAnswers.push(answerStatus(503, 'starting'));
  });
  await eventually(() => run.problems.get('discovery')?.includes('what it serves'));
  t.notOk(run.listed.includes('Gateway'));
  install(run.server, { v1: allKinds });
  await eventually(() => isAllListed(run));
  await eventually(() => run.problems.size === 0);
});

void t.test('only the Secrets that are referred to are read, each by its name', async (t) => {
  const run = await begin(t, (server) => {
    server.put('g', withSecret('one'), 'silently', gateways);
    for (const name of ['one', 'two', 'private']) server.put(name, {}, 'silently', secrets);
  });
  const { server, changes } = run;
  await eventually(() => isAllListed(run));
  t.same(changes, [`Gateway g ${group}/v1`, 'Secret one v1']);
  t.ok(run.listed.indexOf('Secret') > run.listed.indexOf('Gateway'));
  server.put('two', {}, 'watched', secrets);
  server.put('one', { changed: true }, 'watched', secrets);
  await eventually(() => changes.length === 3);
  server.put('g', withSecret('two'), 'watched', gateways);
  await eventually(() => changes.length === 6);
  t.same(changes.slice(2).toSorted(), [`Gateway g ${group}/v1`, 'Secret one gone', 'Secret one v1', 'Secret two v1']);
  for (const name of ['three', 'two', 'three', 'two']) server.put('g', withSecret(name), 'watched', gateways);
  server.put('two', { changed: true }, 'watched', secrets);
  await eventually(() => changes.at(-1) === 'Secret two v1' && server.watching === watchedKinds.length + 1);
  t.notOk(changes.some((change) => change.includes('private')));
});

void t.test('a Secret that may not be read holds nothing up, and is not taken for gone', async (t) => {
  const run = await begin(t, (server) => {
    server.put('g', withSecret('one'), 'silently', gateways);
    server.put('one', {}, 'silently', secrets);
    server.failing.set(secrets, 403);
  });
  const { source, problems, server, changes } = run;
  await eventually(() => isAllListed(run));
  t.ok(source.isUncertain('Secret/ns/one'));
  t.match(problems.get('Secret/ns/one'), /cannot be listed: failing with 403/);
  server.failing.delete(secrets);
  await eventually(() => changes.includes('Secret one v1') && problems.size === 0);
  t.notOk(source.isUncertain('Secret/ns/one'));
});

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
  const run = await begin(t, (server) => {
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
  const run = await begin(t, (server) => {
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
  const run = await begin(t, (server) => {
    server.put('c', {}, 'silently', `/apis/${group}/v1/gatewayclasses`);
    install(server, { v1: withoutTcp.filter((plural) => plural !== 'udproutes') });
    server.failing.delete(crd);
    server.documents.set(crd, annotations('v1.6.3'));
  });
  const { server, said, problems } = run;
  await eventually(() => isAllListed(run));
  t.match(said.at(-1), { bundleVersion: 'v1.6.3', channel: 'standard' });
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

void t.test('status writes: a merge patch on the version that is known; each answer is told apart', async (t) => {
  const run = await begin(t, () => undefined);
  const { server, source } = run;
  await eventually(() => isAllListed(run));
  const object = server.put('g', {}, 'silently', gateways);
  const target = {
    kind: 'Gateway',
    namespace: 'ns',
    name: 'g',
    apiVersion: `${group}/v1`,
    resourceVersion: '7',
  } as const;
  const path = `/apis/${group}/v1/namespaces/ns/gateways/g`;
  const status = { conditions: [] };
  const write = async (answer?: ReturnType<typeof answerStatus>): Promise<unknown> => {
    if (answer !== undefined) server.patchAnswers.push(answer);
    return source.writeStatus?.(target, status);
  };
  t.match(await write(answerObject(200, object)), { outcome: 'written', current: { metadata: { name: 'g' } } });
  t.same(server.patches, [
    {
      path: `${path}/status`,
      contentType: 'application/merge-patch+json',
      body: { metadata: { resourceVersion: '7' }, status },
    },
  ]);
  server.documents.set(path, object);
  const { resourceVersion } = object.metadata;
  t.match(await write(answerStatus(409, 'modified')), {
    outcome: 'conflict',
    current: { metadata: { resourceVersion } },
  });
  server.documents.delete(path);
  server.failing.set(path, 404);
  t.same(await write(answerStatus(409, 'modified')), { outcome: 'conflict', current: null });
  t.same(await write(), { outcome: 'gone' });
  t.same(await write(answerStatus(422, 'invalid')), { outcome: 'refused', reason: 'invalid' });
  t.same(await write(answerStatus(500, 'etcd')), { outcome: 'failed', reason: 'etcd' });
  t.match(await write((request) => request.socket.resetAndDestroy()), { outcome: 'failed' });
});

void t.test('credentials that are refused are fatal, a server that is away is waited for', async (t) => {
  const opening = begin(t, (server) => {
    server.documents.delete(kubeSystem);
    server.listAnswers.push(answerStatus(500, 'starting'), answerStatus(401, 'Unauthorized'));
  });
  await t.rejects(opening, { code: 'kube-refused', message: /Unauthorized/ });
});
