import t from 'tap';
import { kinds, serviceApisGroup } from '#libs/gateway/kinds.ts';
import { eventually } from '#libs/testing/eventually.ts';
import { answerObject, answerStatus } from '../testing/misbehaving-api-server.ts';
import {
  allKinds,
  group,
  install,
  isAllListed,
  kubeSystem,
  publishSchemas,
  watchServer,
} from '../testing/watched-server.ts';

const gateways = `/apis/${group}/v1/gateways`;
const secrets = '/api/v1/namespaces/ns/secrets';

const watchedKinds = kinds.filter((info) => info.watch === 'all' && info.group !== serviceApisGroup);
const withSecret = (name: string) => ({ listeners: [{ tls: { certificateRefs: [{ name }] } }] });

void t.test(
  'kinds in their best version; missing ones are picked up when they appear, and go with their CRD',
  async (t) => {
    const run = await watchServer(t, (server) => {
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
    const run = await watchServer(t, (server) => {
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
  const run = await watchServer(t, (server) => {
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
  const run = await watchServer(t, (server) => install(server, {}));
  await eventually(() => isAllListed(run));
  t.same(run.changes, []);
  t.ok(run.problems.has('missing'));
});

void t.test('a server that fails is no server without CRDs', async (t) => {
  const run = await watchServer(t, (server) => {
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
  const run = await watchServer(t, (server) => {
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
  const run = await watchServer(t, (server) => {
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

void t.test('status writes: a merge patch on the version that is known; each answer is told apart', async (t) => {
  const run = await watchServer(t, () => undefined);
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
  const opening = watchServer(t, (server) => {
    server.documents.delete(kubeSystem);
    server.listAnswers.push(answerStatus(500, 'starting'), answerStatus(401, 'Unauthorized'));
  });
  await t.rejects(opening, { code: 'kube-refused', message: /Unauthorized/ });
});
