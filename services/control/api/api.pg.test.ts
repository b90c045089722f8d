// Every endpoint of the API on a real Postgres: what it answers, and that answers are what the document says.
import t, { type Test } from 'tap';
import packageFile from '../../../package.json' with { type: 'json' };
import { goldenJson } from '#libs/testing/golden.ts';
import { startFixture } from '../testing/control-fixture.ts';
import { type Answer, base, call, called, json } from '../testing/api-client.ts';
import { fillFleet, gateway } from '../testing/fleet-sample.ts';
import { endpointsAt, firstEntries } from '../testing/some-entries.ts';
import { endpointTable } from './endpoint-table.ts';
import { type Role, roles } from '#libs/api/role.ts';

const at = '/gateways/eu/infra/web';

/** Asks control for what the sample of a fleet has. */
async function filledFleet(t: Test) {
  const fixture = await startFixture(t);
  await fillFleet(fixture);
  return (path: string, role: Role = 'viewer') => call(fixture, 'GET', `${base}${path}`, role);
}

void t.test('reading the fleet', async (t) => {
  const get = await filledFleet(t);

  t.match((await get('/whoami', 'operator')).body, { name: 'test operator', role: 'operator' });

  t.match((await get('/projectors')).body['items'], [
    { projector: 'a/1', status: 'leading', leads: true, pid: 7, problems: [] },
    { projector: 'b/1', status: 'silent', leads: false, leaseUntil: null },
  ]);
  const clusters = await get('/clusters');
  t.match(clusters.body['items'], [
    { name: 'eu', status: 'connected', objects: { HTTPRoute: 5, Gateway: 1 }, agent: { synced: true } },
    { name: 'old', status: 'unknown', agent: null, objects: {} },
    { name: 'us', status: 'silent', agent: { problems: ['a.yaml:3: not a mapping'] } },
  ]);

  const gateways = await get('/gateways');
  const nodes = { connected: 2, applied: 1, rejected: 1, unknown: 1 };
  t.match(gateways.body['items'], [{ gateway, serving: 3, head: 3, pinned: true, cause: 'rollback', nodes }]);
  t.equal((await get('/gateways?deleted=true')).body['items'].length, 2);
  t.same((await get('/gateways?q=nothing%25')).body['items'], [], 'signs of patterns are text');

  t.match((await get(at)).body, {
    gateway,
    listeners: [
      { name: 'https', port: 443, attachedRoutes: 1 },
      { name: 'bad', port: null },
    ],
    conditions: [{ type: 'Programmed', message: 'applied by 1 of 2 nodes' }],
    addresses: ['192.0.2.1'],
    nodeList: [
      { node: 'n1', status: 'connected', version: 3, current: true, rejected: null },
      { node: 'n2', version: 1, current: false, rejected: { version: 3, reasons: ['no such cluster'] } },
      { node: 'n3', status: 'unknown', version: 0, current: false },
    ],
  });
  t.equal((await get('/gateways/eu/infra/none')).status, 404);

  t.match((await get('/nodes')).body['items'], [
    { node: 'n1', status: 'connected', gateways: [{ gateway, version: 3, serving: 3, current: true, rejected: null }] },
    { node: 'n2', gateways: [{ current: false, rejected: { version: 3 } }] },
    { node: 'n3', status: 'unknown', gateways: [] },
  ]);
  t.equal((await get('/nodes?status=unknown')).body['items'].length, 1);
  t.match((await get('/operations/c1')).body, { state: 'recorded', type: 'rollback', gateway, version: 3 });
  t.same((await get('/approvals')).body, { items: [], next: null });
  t.match((await get('/operations/none')).body, { state: 'unknown' });
  t.match((await get('/operations/e1')).body, { state: 'unknown' }, 'a change is no command');
});

void t.test('reading snapshots', async (t) => {
  const get = await filledFleet(t);

  const snapshots = (await get(`${at}/snapshots`)).body['items'];
  t.match(snapshots, [
    { version: 3, cause: 'rollback', ofVersion: 1, changes: 3, serving: true, head: true },
    { version: 2, changes: 3, entries: 3, serving: false },
    { version: 1, cause: 'change', actor: 'kubectl', entries: 3 },
  ]);
  t.equal((await get('/gateways/eu/infra/none/snapshots')).status, 404);

  const second = (await get(`${at}/snapshots/2`)).body;
  t.same(
    second['items'].map((item: { key: string }) => item.key),
    ['backend/eu/shop/new/80', 'backend/eu/shop/web/80', 'rule/HTTPRoute/shop/web/0'],
  );
  t.match(second['items'][2].entry, { kind: 'http-rule', matches: [{ path: { value: '/2' } }] });
  t.equal((await get(`${at}/snapshots/9`)).status, 404);

  const diff = (await get(`${at}/diff?from=1&to=2`)).body;
  t.match(diff, { from: 1, to: 2, added: 1, removed: 1, changed: 1 });
  t.match(diff['items'], [
    { key: 'backend/eu/shop/new/80', change: 'added', before: null, after: { service: 'new' } },
    { key: 'listener/https', change: 'removed', after: null },
    {
      key: 'rule/HTTPRoute/shop/web/0',
      change: 'changed',
      fields: [{ path: 'matches[0].path.value', before: '/', after: '/2' }],
    },
  ]);
  t.match(
    (await get(`${at}/diff?from=1&to=3`)).body,
    { added: 0, removed: 0, changed: 0, items: [] },
    'a rollback has the old content',
  );
  t.match(
    (await get(`${at}/diff`)).body,
    { from: 2, to: 3, added: 1, removed: 1, changed: 1 },
    'what the serving version did',
  );
  t.match((await get(`${at}/diff?from=0&to=1`)).body, { added: 3 });
  t.equal((await get(`${at}/diff?from=1&to=99`)).status, 404);
  t.match((await get(`${at}/rollback`)).body, {
    ...{ gateway, serving: 3, pinned: true, to: null, digest: null },
    refused: /^eu\/infra\/web is pinned already, to version 3 with the content of version 1 since .*; to go further/,
  });
  t.match((await get(`${at}/rollback?to=2`)).body, { to: 2, digest: /\w/, refused: null });
  t.equal((await get(`${at}/rollback?to=99`)).status, 404);
});

void t.test('routes', async (t) => {
  const get = await filledFleet(t);
  const names = async (query: string): Promise<string[]> =>
    (await get(`/routes?${query}`)).body['items'].map((item: { name: string }) => item.name);

  const { items } = (await get('/routes')).body;
  t.match(items, [
    { name: 'broken', hostnames: [], accepted: null },
    { name: 'orphan', hostnames: [], parents: [], accepted: null, problems: ['it names no parent (spec.parentRefs)'] },
    { name: 'refused', accepted: false, problems: ['NoMatchingListenerHostname: no listener'] },
    {
      name: 'stranger',
      accepted: null,
      problems: [/of Fleetgate: Gateway shop\/elsewhere \(missing, or of another class\)/],
    },
    {
      name: 'web',
      hostnames: ['shop.example.com'],
      rules: 1,
      parents: [
        { gateway, sectionName: 'http', accepted: true },
        { kind: 'Service', gateway: null, accepted: null },
      ],
      accepted: true,
      problems: ['BackendNotFound: no Service shop/b'],
      changedBy: { manager: 'kubectl', operation: 'Apply' },
      generation: 2,
    },
  ]);
  t.same(await names('accepted=true'), ['web']);
  t.same(await names('accepted=false'), ['broken', 'orphan', 'refused', 'stranger']);
  t.same(await names(`gateway=${gateway}`), ['refused', 'web']);
  t.same(await names('q=SHOP.example'), ['refused', 'web']);
  t.same(await names('q=eu/shop/orph'), ['orphan']);
  t.same(await names('cluster=us'), []);
  t.same(await names('kind=GRPCRoute'), []);
  t.same(await names("manager=x'; drop table nodes; --"), []);

  const paged: string[] = [];
  for (let after: string | null = ''; after !== null;) {
    const page: Answer['body'] = (await get(`/routes?limit=1${after === '' ? '' : `&after=${after}`}`)).body;
    paged.push(...page['items'].map((item: { name: string }) => item.name));
    after = page['next'];
  }
  t.same(paged, ['broken', 'orphan', 'refused', 'stranger', 'web'], 'pages');
});

interface BlamedField {
  readonly path: string;
  readonly event: { readonly seq: string } | null;
}

void t.test('history', async (t) => {
  const get = await filledFleet(t);
  t.match((await get('/report?order=asc&limit=1')).body['items'], [{ event: { seq: '1' }, outcome: 'not applied' }]);
  t.match((await get('/at/routes?at=%231')).body['moment'], { asked: '#1' });
  t.match((await get('/at/gateways?at=%231')).body['items'], [{ gateway, serving: 1 }]);
  t.match((await get('/objects/eu/HTTPRoute/shop/web/history')).body['items'], [
    {
      seq: '3',
      type: 'applied',
      changedBy: { manager: 'kubectl', operation: 'Update' },
      generation: 2,
      changes: [
        { path: 'spec.rules[0].backendRefs[name=a].weight', before: 90, after: 50 },
        { path: 'spec.rules[0].backendRefs[name=b].weight', before: 10, after: 50 },
      ],
    },
    { seq: '1', generation: 1 },
  ]);
  t.match((await get('/objects/eu/Gateway/infra/web/history')).body['items'], [
    { type: 'rollback', to: 1, reason: 'too many errors', changedBy: { manager: 'ann' }, changes: [] },
  ]);
  t.equal((await get('/objects/eu/Namespace/-/none/history')).status, 404);
  const blame = (await get('/objects/eu/HTTPRoute/shop/web/blame')).body;
  const seqs = new Map(blame['fields'].map((one: BlamedField) => [one.path, one.event?.seq]));
  t.equal(blame['deleted'], false);
  t.equal(seqs.get('spec.rules[0].backendRefs[name=a].weight'), '3');
  t.equal(seqs.get('spec.rules[0].backendRefs[name=a].name'), '1');
  t.equal((await get('/objects/eu/HTTPRoute/shop/none/blame')).status, 404);
  t.match((await get(`/history?gateway=${gateway}`)).body['items'], [
    { snapshot: { version: 3 }, events: [{ type: 'rollback', id: 'c1' }] },
    { snapshot: { version: 2 }, events: [{ id: 'e2' }] },
    { snapshot: { version: 1 }, events: [{ id: 'e1' }] },
  ]);
  t.equal((await get('/history?gateway=eu/infra/none')).status, 404);

  const ids = async (query: string): Promise<string[]> =>
    (await get(`/events?${query}`)).body['items'].map((item: { id: string }) => item.id);
  t.same(await ids(''), ['c1', 'e2', 'noise', 'e1']);
  t.same(await ids('order=asc&after=1&limit=2'), ['noise', 'e2']);
  t.same(await ids('type=rollback'), ['c1']);
  t.same(await ids('kind=HTTPRoute&namespace=shop&name=web&manager=kubectl'), ['e2', 'e1']);
  t.same(await ids('since=2000-01-01T00:00:00Z&until=2000-01-02T00:00:00Z'), []);
});

void t.test('tokens', async (t) => {
  const fixture = await startFixture(t);
  const made = await call(fixture, 'POST', `${base}/tokens`, 'admin', { name: 'ci', role: 'viewer' });
  t.match(made.body, { name: 'ci', role: 'viewer', token: /^fg_/ });
  const use = () =>
    fetch(`${fixture.url}${base}/whoami`, { headers: { authorization: `Bearer ${made.body['token']}` } });
  t.equal((await use()).status, 200);
  const listed = (await call(fixture, 'GET', `${base}/tokens`, 'admin')).body['items'];
  t.equal(listed.length, roles.length + 1);
  t.notMatch(JSON.stringify(listed), /fg_/);
  t.match((await call(fixture, 'DELETE', `${base}/tokens/${made.body['id']}`, 'admin')).body, {
    name: 'ci',
    revokedAt: /^2/,
  });
  t.equal((await use()).status, 401, 'at once');
  t.equal((await call(fixture, 'DELETE', `${base}/tokens/none`, 'admin')).status, 404);
  t.match((await call(fixture, 'POST', `${base}/people/erase`, 'admin', { person: 'ci' })).body, {
    erased: false,
    revokedTokens: 1,
  });
  const admin = listed.find((token: { role: string }) => token.role === 'admin');
  t.match(await call(fixture, 'DELETE', `${base}/tokens/${admin.id}`, 'admin'), {
    status: 409,
    body: { error: { message: /last admin/ } },
  });
});

void t.test(
  'a version whose backends are gone says so while it is pinned, and its entries say what is ready',
  async (t) => {
    const fixture = await startFixture(t);
    const { writer } = fixture;
    const [eu, endpoints] = ['eu/infra/web', 'endpoints/eu/shop/web/80'];
    const get = async (path: string) => (await call(fixture, 'GET', `${base}${path}`)).body;
    await writer.commit({ gateways: [{ gateway: eu, entries: firstEntries }] });
    t.same((await get(`/gateways/${eu}`))['problems'], [], 'of a live gateway its routes say it');
    await writer.pool.query(
      `insert into nodes values ('n', '1', '{}', '["*/*/*"]', '[]', 'r', true, 'live', now(), now())`,
    );
    await writer.commit({ gateways: [{ gateway: eu, entries: {}, cause: 'rollback', pinned: true }] });
    await writer.pool.query(`insert into node_gateways select 'n', gateway, version, digest, now(), 1, null, null, null
    from snapshots where version = 2`);
    const gone = 'rule 0 of HTTPRoute shop/web: Service shop/web port 80 does not exist: answered 503';
    t.same((await get(`/gateways/${eu}`))['problems'], [gone]);
    t.same((await get('/gateways'))['items'][0]['problems'], [gone]);
    t.same((await get('/nodes'))['items'][0]['gateways'][0]['unready'], [gone]);
    const ready = async () =>
      (await get(`/gateways/${eu}/snapshots/2`))['items'].map(({ ready }: { ready: unknown }) => ready);
    t.same(await ready(), [0, null, null], 'backend, listener, rule');

    await writer.commit({ discovery: { [endpoints]: { kind: 'endpoints', endpoints: [] } } });
    const none = 'rule 0 of HTTPRoute shop/web: Service shop/web port 80 has 0 ready endpoints: answered 503';
    t.same((await get(`/gateways/${eu}`))['problems'], [none]);
    await writer.commit({ discovery: { [endpoints]: endpointsAt('10.0.0.1') } });
    t.same((await get(`/gateways/${eu}`))['problems'], []);
    t.same(await ready(), [1, null, null]);
  },
);

void t.test('a silent node is removed', async (t) => {
  const fixture = await startFixture(t);
  await fixture.writer.pool.query(
    `insert into nodes values ('n1', '1', '{}', '["*/*/*"]', '[]', 'r', false, 'live', now(), now())`,
  );
  const removed = await call(fixture, 'DELETE', `${base}/nodes/n1`, 'operator');
  t.match(removed, { status: 200, body: { node: 'n1', removed: true } });
  t.same((await call(fixture, 'GET', `${base}/nodes`)).body['items'], []);
  t.match(await call(fixture, 'DELETE', `${base}/nodes/n1`, 'operator'), { status: 404 });
  t.match(await call(fixture, 'DELETE', `${base}/nodes/N%201`, 'operator'), { status: 400 });
});

void t.test('the document lists every endpoint', async (t) => {
  const fixture = await startFixture(t);
  const text = await (await fetch(`${fixture.url}/openapi.json`)).text();
  const document = json.parse(JSON.parse(text));
  t.equal(document['openapi'], '3.1.0');
  const shown = text.replaceAll(packageFile.version, 'VERSION');
  goldenJson(t, new URL('testdata/openapi.json', import.meta.url), JSON.parse(shown));
  const paths = json.parse(document['paths']);
  for (const { method, path, role } of endpointTable) {
    const operation = paths[path.replaceAll(/:(\w+)/g, '{$1}')]?.[method.toLowerCase()];
    t.ok(operation, `${method} ${path}`);
    t.match(operation?.description, `Role: ${role}.`);
    t.ok(operation?.responses['200'].content, 'with its answer');
  }
  for (const path of ['/api/v1/changes', '/healthz', '/readyz', '/metrics', '/openapi.json'])
    t.ok(paths[path]?.get, path);
  const schemas = Object.keys(document['components'].schemas);
  for (const [, id = ''] of text.matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)) t.ok(schemas.includes(id), id);
  t.notMatch(text, /\$defs/);
  const operations = Object.values(paths)
    .flatMap((methods) => Object.values(methods))
    .map((operation) => json.parse(operation)['operationId']);
  t.equal(new Set(operations.filter(Boolean)).size, operations.filter(Boolean).length, 'operation ids differ');
  const commands = ['rollback', 'release', 'accept'].map(
    (name) => `POST ${base}/gateways/:cluster/:namespace/:name/${name}`,
  );
  commands.push(...['readmit', 'remove', 'rename'].map((name) => `POST ${base}/clusters/:cluster/${name}`));
  for (const decision of ['approve', 'reject']) commands.push(`POST ${base}/approvals/:id/${decision}`);
  const missed = endpointTable.map(({ method, path }) => `${method} ${path}`).filter((name) => !called.has(name));
  t.same(missed.toSorted(), commands.toSorted(), 'all but the commands were answered 200 in the tests above');
});
