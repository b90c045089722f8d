// Rules and backends that ask for consent (GEP-1494): real requests through a real Envoy, real services over HTTP and
// gRPC.
import t from 'tap';
import { backendEntry, type RuleOptions } from '#libs/testing/given/entries.ts';
import { asTold, external, says, startAskedGateway } from '#libs/testing/peers/asked-gateway.ts';
import type { Decision } from '#libs/testing/peers/auth-service.ts';
import { type Answer, ask as askPort } from '#libs/testing/peers/http-peers.ts';
import type { ExternalAuth, WeightedBackend } from '#libs/snapshot/entry.ts';

const asked = await startAskedGateway(t);
const { gateway, services } = asked;
const protocols = ['http', 'grpc'] as const;

function protectedBy(auth: ExternalAuth, more: RuleOptions = {}): RuleOptions {
  return { name: 'private', filters: [auth], ...more };
}

function post(path: string, body: string): Promise<Answer> {
  return askPort(gateway.port, {
    host: 'a.example.com',
    method: 'POST',
    path,
    headers: [
      ['Content-Length', `${body.length}`],
      ['Content-Type', 'text/plain'],
    ],
    body,
  });
}

function to(service: string, ...filters: readonly ExternalAuth[]): WeightedBackend {
  return { key: backendEntry(service)[0], weight: 1, filters };
}

for (const protocol of protocols) {
  const { asked: requests } = services[protocol];

  void t.test(`${protocol}: consent and refusal`, async (t) => {
    await asked.serve(t, protectedBy(external(protocol)), { name: 'open', matches: ['/open'] });
    const passed = await gateway.ask({ host: 'a.example.com', path: '/x?y=1', headers: says(200) });
    t.equal(passed.status, 200);
    t.equal(passed.echo?.headers['x-user'], 'ada', 'what the consent says reaches the backend');
    t.match(requests.at(-1), { method: 'GET', path: '/x?y=1', headers: { host: 'a.example.com' }, body: '' });
    for (const status of [401, 403, 302, 500, 503]) {
      const before = gateway.backends.get('web')?.seen.length;
      const refused = await gateway.ask({ host: 'a.example.com', headers: says(status) });
      t.equal(refused.status, status >= 500 && protocol === 'http' ? 403 : status, `told to say ${status}`);
      if (status < 500) t.match(refused, { headers: { 'x-why': 'no' }, body: 'no' }, 'with the headers and body');
      t.equal(gateway.backends.get('web')?.seen.length, before, 'the backend hears nothing');
    }
    const count = requests.length;
    t.equal(await gateway.asked({ path: '/open' }), 'web', 'a rule beside it asks nobody');
    t.equal(requests.length, count);
  });

  void t.test(`${protocol}: nobody to ask`, async (t) => {
    const closed = (service: string): ExternalAuth =>
      external(protocol, { backend: { key: backendEntry(service)[0] } });
    await asked.serve(
      t,
      protectedBy(closed('auth-gone'), { name: 'gone', matches: ['/gone'] }),
      protectedBy(closed('auth-none'), { name: 'none', matches: ['/none'] }),
      protectedBy(closed('auth-absent'), { name: 'absent', matches: ['/absent'] }),
      protectedBy(external(protocol, { backend: { invalid: 'RefNotPermitted' } }), { name: 'bad', matches: ['/bad'] }),
    );
    for (const [path, status] of [
      ['/gone', '403'],
      ['/none', '403'],
      ['/absent', '500'],
      ['/bad', '500'],
    ] as const)
      t.equal(await gateway.asked({ path }), status, path);
    t.match(
      gateway.compiler.problems().map(({ reason }) => reason),
      [/no service: backend/, /RefNotPermitted/],
    );
  });

  void t.test(`${protocol}: a service that does not answer in time`, async (t) => {
    const { promise: held, resolve } = Promise.withResolvers<Decision>();
    await asked.serve(t, protectedBy(external(protocol), { timeouts: { requestMs: 200 } }));
    asked.decide = () => held;
    t.equal(await gateway.asked({}), '403', 'within what the rule allows for the request');
    resolve({ status: 200 });
    asked.decide = asTold;
    t.equal(await gateway.asked({}), 'web');
  });

  void t.test(`${protocol}: the body`, async (t) => {
    await asked.serve(
      t,
      protectedBy(external(protocol, { bodyMax: 10 })),
      protectedBy(external(protocol), { name: 'without', matches: ['/without'] }),
    );
    t.equal((await post('/', 'hello')).status, 200);
    t.match(requests.at(-1), { body: 'hello' });
    const count = requests.length;
    t.equal((await post('/', 'hello hello hello')).status, 413);
    t.equal(requests.length, count, 'nobody is asked');
    const without = await post('/without', 'hello hello hello');
    t.match([without.status, without.echo?.headers['content-type']], [200, 'text/plain']);
    t.match(requests.at(-1), { body: '' });
    if (protocol === 'http') t.equal(requests.at(-1)?.headers['content-length'], '0');
  });

  void t.test(`${protocol}: which headers the service sees`, async (t) => {
    await asked.serve(
      t,
      protectedBy(external(protocol, { allowedHeaders: [] })),
      protectedBy(external(protocol, { allowedHeaders: ['x-some'] }), { name: 'some', matches: ['/some'] }),
      protectedBy(external(protocol, { allowedHeaders: ['host'] }), { name: 'host', matches: ['/host'] }),
    );
    const headers = [
      ['Authorization', 'Bearer t'],
      ['X-Some', '1'],
      ['Cookie', 'a=b'],
    ] as const;
    const ownOf = async (path: string): Promise<readonly string[]> => {
      await gateway.ask({ host: 'a.example.com', path, headers });
      return Object.keys(requests.at(-1)?.headers ?? {});
    };
    const all = await ownOf('/');
    t.equal(all.includes('cookie'), protocol === 'grpc', 'without a list');
    t.notOk(all.includes('x-fleetgate-scope'), 'what is ours is not told');
    const some = await ownOf('/some');
    t.ok(some.includes('x-some'));
    t.notOk(some.includes('cookie'));
    if (protocol === 'http') t.ok(some.includes('authorization'));
    t.notOk((await ownOf('/host')).some((name) => ['cookie', 'x-some'].includes(name)));
    t.comment(`asked with: ${all.join(', ')}`);
  });
}

void t.test('http: only 200 consents, and which of its headers the backend sees', async (t) => {
  asked.decide = ({ headers }) => ({
    status: Number(headers['x-say'] ?? 200),
    headers: {
      'x-user': 'ada',
      'x-group': 'dev',
      'content-type': 'text/html',
      'x-fleetgate-scope': `80|b`,
      host: 'evil',
    },
    body: headers['x-say'] === '204' ? '' : 'a body of its own',
  });
  await asked.serve(
    t,
    protectedBy(external('http')),
    protectedBy(external('http'), { name: 'h2', matches: ['/h2'], to: 'grpc' }),
    protectedBy(external('http', { allowedResponseHeaders: ['x-group'] }), { name: 'one', matches: ['/one'] }),
    protectedBy(external('http', { allowedResponseHeaders: ['host', 'content-length'] }), {
      name: 'no',
      matches: ['/no'],
    }),
  );
  t.equal((await gateway.ask({ host: 'a.example.com', headers: says(204) })).status, 204);
  t.equal((await gateway.ask({ host: 'a.example.com', headers: says(201) })).status, 201);
  const send = (path: string) =>
    gateway.ask({
      host: 'a.example.com',
      method: 'POST',
      path,
      headers: [
        ['Content-Length', '0'],
        ['Content-Type', 'text/plain'],
        ['X-User', 'forged'],
      ],
    });
  const all = (await send('/')).echo?.headers;
  t.match(all, { 'x-user': 'ada', 'x-group': 'dev', host: 'a.example.com', 'content-type': 'text/plain' });
  t.notOk(all && 'x-fleetgate-scope' in all);
  t.equal((await send('/h2')).echo?.backend, 'grpc', 'over HTTP/2 too');
  t.match((await send('/one')).echo?.headers, { 'x-group': 'dev', 'x-user': 'forged', host: 'a.example.com' });
  t.match((await send('/no')).echo?.headers, { host: 'a.example.com', 'content-length': '0' });
  asked.decide = asTold;
});

void t.test('http: the path that the service is asked with', async (t) => {
  await asked.serve(
    t,
    protectedBy(external('http', { pathPrefix: '/check/' })),
    protectedBy(external('http', { pathPrefix: 'bare' }), { name: 'bare', matches: ['/bare'] }),
    protectedBy(external('http', { pathPrefix: '/' }), { name: 'root', matches: ['/root'] }),
  );
  for (const [path, expected] of [
    ['/x?q=1', '/check/x?q=1'],
    ['/bare', '/bare/bare'],
    ['/root', '/root'],
  ] as const) {
    t.equal(await gateway.asked({ path }), 'web');
    t.equal(services.http.asked.at(-1)?.path, expected);
  }
});

void t.test('grpc: what a consent cannot change', async (t) => {
  asked.decide = () => ({
    status: 200,
    headers: { host: 'evil', ':authority': 'evil', ':path': '/evil', ':method': 'PUT', 'x-ok': '1' },
    removed: ['x-drop', 'host'],
  });
  await asked.serve(t, protectedBy(external('grpc')));
  const { echo } = await gateway.ask({ host: 'a.example.com', path: '/x', headers: [['X-Drop', '1']] });
  t.match(echo, { method: 'GET', url: '/x', headers: { host: 'a.example.com', 'x-ok': '1' } });
  t.notOk(echo && 'x-drop' in echo.headers);
  asked.decide = asTold;
});

void t.test('several services are asked in order, of the rule and of a backend', async (t) => {
  await asked.serve(t, {
    name: 'both',
    filters: [external('http'), external('grpc')],
    to: { type: 'forward', backends: [to('web', external('http', { pathPrefix: '/own' })), to('api')] },
  });
  const from = services.http.asked.length;
  const answers = await Promise.all(Array.from({ length: 40 }, () => gateway.asked({ headers: says(200) })));
  const paths = services.http.asked.slice(from).map(({ path }) => path);
  t.ok(answers.includes('web') && answers.includes('api'));
  t.equal(paths.filter((path) => path === '/').length, 40, 'the rule asks about each');
  t.equal(paths.filter((path) => path === '/own/').length, answers.filter((one) => one === 'web').length);
  const before = services.grpc.asked.length;
  t.equal(await gateway.asked({ headers: says(401) }), '401');
  t.equal(services.grpc.asked.length, before, 'who comes after a refusal is not asked');
  await asked.serve(t, {
    name: 'one',
    filters: [external('grpc')],
    to: { type: 'forward', backends: [to('web', external('http', { pathPrefix: '/own' }))] },
  });
  const counts = [services.grpc.asked.length, services.http.asked.length];
  t.equal(await gateway.asked({}), 'web');
  t.strictSame(
    [services.grpc.asked.length, services.http.asked.length],
    counts.map((one) => one + 1),
    'an only backend',
  );
  await asked.serve(t, {
    name: 'share',
    to: { type: 'forward', backends: [to('web', external('http', { backend: { invalid: 'x' } })), to('api')] },
  });
  const shares = await Promise.all(Array.from({ length: 40 }, () => gateway.asked({})));
  t.strictSame([...new Set(shares)].toSorted(), ['500', 'api'], 'only the share of the backend that has nobody to ask');
});

void t.test('redirects, errors and header changes come after consent, answers to preflights before', async (t) => {
  const filters = [external('http')];
  await asked.serve(
    t,
    {
      name: 'r',
      matches: ['/r'],
      filters,
      to: { type: 'redirect', redirect: { statusCode: 302, hostname: 'b.test' } },
    },
    {
      name: 'n',
      matches: ['/n'],
      filters,
      to: { type: 'forward', backends: [{ invalid: 'x', weight: 1, filters: [] }] },
    },
    {
      name: 'h',
      matches: ['/h'],
      filters: [
        { type: 'request-headers', set: [{ name: 'x-user', value: 'rule' }], add: [], remove: ['x-say'] },
        { type: 'rewrite', path: { type: 'full', value: '/new' } },
        ...filters,
      ],
    },
    {
      name: 'c',
      matches: ['/c'],
      filters: [
        ...filters,
        {
          type: 'cors',
          allowOrigins: ['https://a.test'],
          allowMethods: ['PUT'],
          allowHeaders: [],
          exposeHeaders: [],
          allowCredentials: false,
          maxAgeSeconds: 5,
        },
      ],
    },
  );
  for (const [path, status] of [
    ['/r', '302'],
    ['/n', '500'],
    ['/c', 'web'],
  ] as const) {
    t.equal(await gateway.asked({ path, headers: says(200) }), status);
    t.equal(await gateway.asked({ path, headers: says(401) }), '401');
  }
  const changed = await gateway.ask({ host: 'a.example.com', path: '/h', headers: says(200) });
  t.match(changed.echo, { url: '/new', headers: { 'x-user': 'rule' } }, 'the rule has the last word');
  t.match(services.http.asked.at(-1), { path: '/h', headers: { 'x-say': '200' } }, 'the service sees what was sent');
  const count = services.http.asked.length;
  const preflight = await gateway.ask({
    host: 'a.example.com',
    path: '/c',
    method: 'OPTIONS',
    headers: [['Origin', 'https://a.test'], ['Access-Control-Request-Method', 'PUT'], ...says(401)],
  });
  t.equal(preflight.status, 204);
  t.equal(services.http.asked.length, count);
  const refused = await gateway.ask({
    host: 'a.example.com',
    path: '/c',
    headers: [['Origin', 'https://a.test'], ...says(401)],
  });
  t.comment(`a refusal to a page of another origin: ${JSON.stringify(refused.headers)}`);
});

t.end();
