// CORS: real requests through a real Envoy, among them those of the conformance suite (httproute-cors.go).
import t from 'tap';
import { backendEntry, ruleEntry } from '#libs/testing/given/entries.ts';
import { startServedGateway } from '#libs/testing/peers/served-gateway.ts';
import type { HttpFilter } from '#libs/snapshot/entry.ts';
import type { CorsPolicy } from '#libs/gateway/filters/cors.ts';

const gateway = await startServedGateway(t);
const later = '2021-01-01T00:00:00Z';

type Headers = Readonly<Record<string, string | undefined>>;

void t.test('lists of origins, methods and headers', async (t) => {
  await gateway.serve(
    t,
    ruleEntry({
      name: 'lists',
      matches: ['/cors-1'],
      filters: [
        cors({
          allowOrigins: ['https://www.foo.com', 'https://*.bar.com', 'http://a.test:8080', 'http://*:81'],
          allowMethods: ['GET', 'OPTIONS'],
          allowHeaders: ['x-header-1', 'x-header-2'],
          exposeHeaders: ['x-header-3', 'x-header-4'],
          allowCredentials: true,
          maxAgeSeconds: 3600,
        }),
      ],
    }),
  );
  const asked = { origin: 'https://www.foo.com', 'access-control-request-headers': 'x-header-1, x-header-2' };
  const full = {
    'access-control-allow-origin': 'https://www.foo.com',
    'access-control-allow-credentials': 'true',
    'access-control-allow-methods': 'GET, OPTIONS',
    'access-control-allow-headers': 'x-header-1, x-header-2',
    'access-control-expose-headers': 'x-header-3, x-header-4',
    'access-control-max-age': '3600',
    vary: 'Origin',
  };
  const ok = await preflight('/cors-1', 'GET', asked);
  t.strictSame([ok.status, ok.backend, ok.headers], [204, undefined, full]);
  const allowed = ['https://www.foo.com:443', 'HTTPS://WWW.foo.com', 'https://x.bar.com', 'https://x.www.bar.com'];
  for (const origin of [...allowed, 'http://a.test:8080', 'http://b.c.test:81', 'http://[::1]:81']) {
    const answer = await preflight('/cors-1', 'GET', { origin });
    t.equal(answer.headers['access-control-allow-origin'], origin, `${origin} is allowed`);
    const simple = await request('/cors-1', 'GET', { origin });
    t.strictSame(
      [simple.backend, simple.headers],
      [
        'web',
        {
          'access-control-allow-origin': origin,
          'access-control-allow-credentials': 'true',
          'access-control-expose-headers': 'x-header-3, x-header-4',
          vary: 'Origin',
        },
      ],
    );
  }
  const refused = ['https://foobar.com', 'https://bar.com', 'http://www.foo.com', 'https://www.foo.com:8443', 'null'];
  const tricks = [
    'https://www.foo.com.evil.test',
    'https://wwwxfoo.com',
    'https://evil.test/.bar.com',
    'http://a.test',
  ];
  for (const origin of [...refused, ...tricks]) {
    const answer = await preflight('/cors-1', 'GET', { origin });
    t.strictSame([answer.status, answer.backend, answer.headers], [204, undefined, { vary: 'Origin' }], origin);
    const simple = await request('/cors-1', 'GET', { origin });
    t.strictSame([simple.backend, simple.headers], ['web', { vary: 'Origin' }], origin);
  }
  const none = await request('/cors-1', 'GET', {});
  t.strictSame([none.backend, none.headers], ['web', { vary: 'Origin' }], 'no Origin at all');
  const options = await request('/cors-1', 'OPTIONS', { origin: 'https://www.foo.com' });
  t.equal(options.backend, 'web', 'OPTIONS that is no preflight');
});

void t.test('wildcards, with and without credentials', async (t) => {
  const all: Partial<CorsPolicy> = {
    allowOrigins: ['*'],
    allowMethods: ['*'],
    allowHeaders: ['*'],
    exposeHeaders: ['*'],
  };
  await gateway.serve(
    t,
    ruleEntry({
      name: 'method',
      matches: ['/method'],
      filters: [cors({ allowOrigins: ['*'], allowMethods: ['PUT'] })],
    }),
    ruleEntry({ name: 'all', matches: ['/all'], filters: [cors({ ...all, allowCredentials: true })] }),
    ruleEntry({ name: 'open', matches: ['/open'], filters: [cors(all)] }),
    ruleEntry({ name: 'defaults', matches: ['/defaults'], filters: [cors({})] }),
  );
  const origin = 'https://foobar.com:12345';
  t.strictSame((await preflight('/method', 'PUT', { origin })).headers, {
    'access-control-allow-origin': '*',
    'access-control-allow-methods': 'PUT',
    'access-control-max-age': '5',
  });
  t.strictSame((await request('/method', 'PUT', { origin })).headers, { 'access-control-allow-origin': '*' });
  const asked = { origin, 'access-control-request-headers': 'x-header-1, x-header-2' };
  t.strictSame((await preflight('/all', 'PUT', asked)).headers, {
    'access-control-allow-origin': origin,
    'access-control-allow-credentials': 'true',
    'access-control-allow-methods': 'PUT',
    'access-control-allow-headers': 'x-header-1, x-header-2',
    'access-control-max-age': '5',
    vary: 'Origin',
  });
  t.equal(
    (await preflight('/all', 'PUT', { origin })).headers['access-control-allow-headers'],
    undefined,
    'none asked',
  );
  t.strictSame((await request('/all', 'GET', { origin })).headers, {
    'access-control-allow-origin': origin,
    'access-control-allow-credentials': 'true',
    vary: 'Origin',
  });
  t.strictSame((await preflight('/open', 'PUT', asked)).headers, {
    'access-control-allow-origin': '*',
    'access-control-allow-methods': '*',
    'access-control-allow-headers': '*',
    'access-control-expose-headers': '*',
    'access-control-max-age': '5',
  });
  t.strictSame((await preflight('/defaults', 'GET', { origin })).headers, { vary: 'Origin' }, 'nobody is allowed');
});

void t.test('beside other actions, filters and hostnames', async (t) => {
  const any = cors({ allowOrigins: ['https://*.foo.com'], allowMethods: ['*'] });
  const toward = { key: backendEntry('web')[0], weight: 1 };
  const more: HttpFilter = {
    type: 'response-headers',
    set: [{ name: 'access-control-allow-origin', value: 'mine' }],
    add: [{ name: 'vary', value: 'Accept' }],
    remove: [],
  };
  await gateway.serve(
    t,
    ruleEntry({
      name: 'redirect',
      matches: ['/redirect'],
      filters: [any],
      to: { type: 'redirect', redirect: { hostname: 'x.test', statusCode: 302 } },
    }),
    ruleEntry({ name: 'none', matches: ['/none'], filters: [any], to: { type: 'forward', backends: [] } }),
    ruleEntry({ name: 'down', matches: ['/down'], filters: [any], to: 'api' }),
    ruleEntry({ name: 'headers', matches: ['/headers'], filters: [more, any] }),
    ruleEntry({
      name: 'own',
      matches: ['/own'],
      to: {
        type: 'forward',
        backends: [
          { ...toward, filters: [any] },
          { key: backendEntry('api')[0], weight: 0, filters: [] },
        ],
      },
    }),
    ruleEntry({ name: 'wild', hosts: ['*.wild.test'], filters: [any] }),
    ruleEntry({ name: 'without', matches: ['/without'] }),
  );
  gateway.setEndpoints('api', []);
  await gateway.push(t);
  const origin = 'https://a.foo.com';
  const readable = { 'access-control-allow-origin': origin, vary: 'Origin' };
  for (const path of ['/redirect', '/none', '/down', '/headers', '/own']) {
    const answer = await preflight(path, 'PUT', { origin });
    t.equal(answer.status, 204, path);
    t.equal(answer.headers['access-control-allow-methods'], '*', path);
  }
  const redirected = await request('/redirect', 'GET', { origin });
  t.strictSame([redirected.status, redirected.headers], [302, readable]);
  const failed = await request('/none', 'GET', { origin });
  t.strictSame([failed.status, failed.headers], [500, readable]);
  t.equal((await request('/down', 'GET', { origin })).status, 503);
  t.equal((await request('/headers', 'GET', { origin })).headers['access-control-allow-origin'], origin);
  t.equal((await request('/own', 'GET', { origin })).headers['access-control-allow-origin'], origin);
  const wild = await request('/', 'GET', { origin }, 'x.wild.test:80');
  t.strictSame([wild.backend, wild.headers], ['web', readable]);
  t.equal((await preflight('/', 'PUT', { origin }, 'X.wild.test')).status, 204);
  const without = await preflight('/without', 'PUT', { origin });
  t.strictSame([without.backend, without.headers], ['web', {}], 'other rules are as they were');
});

void t.test('preflights go where the requests go that they ask about', async (t) => {
  const policy = cors({ allowOrigins: ['https://app.example'], allowMethods: ['GET'] });
  const put = cors({ allowOrigins: ['https://put.example'], allowMethods: ['PUT'] });
  const header = { type: 'Exact', name: 'x-beta', value: '1' } as const;
  const key = { key: backendEntry('web')[0], weight: 1 };
  const own = { type: 'forward', backends: [{ ...key, filters: [policy] }] } as const;
  await gateway.serve(
    t,
    ruleEntry({ name: 'get', matches: [{ ...at('/get'), method: 'GET' }], filters: [policy] }),
    ruleEntry({ name: 'put', matches: [{ ...at('/get'), method: 'PUT' }], filters: [put] }),
    ruleEntry({ name: 'beta', matches: [{ ...at('/beta'), method: 'GET', headers: [header] }], filters: [policy] }),
    ruleEntry({ name: 'backend', matches: [{ ...at('/backend'), method: 'GET' }], to: own }),
    ruleEntry({ name: 'asked', matches: [{ ...at('/options'), method: 'GET' }], filters: [policy] }),
    ruleEntry({ name: 'options', matches: [{ ...at('/options'), method: 'OPTIONS' }], createdAt: later, to: 'api' }),
    ruleEntry({ name: 'same path', matches: [at('/get')], to: 'api' }),
    ruleEntry({ name: 'rest', to: 'api' }),
  );
  const origin = 'https://app.example';
  const allowed = {
    'access-control-allow-origin': origin,
    'access-control-allow-methods': 'GET',
    'access-control-max-age': '5',
    vary: 'Origin',
  };
  for (const target of ['/get', '/get/x', '/backend']) {
    const answer = await preflight(target, 'GET', { origin });
    t.strictSame([answer.status, answer.backend, answer.headers], [204, undefined, allowed], target);
  }
  const other = await preflight('/get', 'GET', { origin: 'https://evil.example' });
  t.strictSame([other.status, other.backend, other.headers], [204, undefined, { vary: 'Origin' }], 'another origin');
  const forPut = await preflight('/get', 'PUT', { origin: 'https://put.example' });
  t.equal(forPut.headers['access-control-allow-methods'], 'PUT', 'each method has its own policy');
  const elsewhere: readonly (readonly [string, string, string, Headers])[] = [
    ['a preflight for a method of no rule', '/get', 'OPTIONS', { origin, 'access-control-request-method': 'DELETE' }],
    ['OPTIONS that asks nothing', '/get', 'OPTIONS', { origin }],
    ['OPTIONS without an origin', '/get', 'OPTIONS', { 'access-control-request-method': 'GET' }],
    ['a rule for OPTIONS', '/options', 'OPTIONS', { origin, 'access-control-request-method': 'GET' }],
    ['without the header of the match', '/beta', 'OPTIONS', { origin, 'access-control-request-method': 'GET' }],
    ['another method', '/get', 'POST', { origin }],
  ];
  for (const [what, target, method, headers] of elsewhere)
    t.equal((await request(target, method, headers)).backend, 'api', what);
  const simple = await request('/get', 'GET', { origin });
  t.strictSame([simple.backend, simple.headers['access-control-allow-origin']], ['web', origin]);
});

t.end();

function cors(policy: Partial<CorsPolicy>): HttpFilter {
  const nothing = { allowOrigins: [], allowMethods: [], allowHeaders: [], exposeHeaders: [] };
  return { type: 'cors', ...nothing, allowCredentials: false, maxAgeSeconds: 5, ...policy };
}

function at(value: string) {
  return { path: { type: 'PathPrefix', value } } as const;
}

function preflight(path: string, method: string, headers: Headers, host?: string) {
  return request(path, 'OPTIONS', { ...headers, 'access-control-request-method': method }, host);
}

/** Of the headers of the answer, those that have to do with CORS. */
async function request(path: string, method: string, headers: Headers, host = 'a.example.com') {
  const list = Object.entries(headers).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value] as const],
  );
  const answer = await gateway.ask({ host, path, method, headers: list });
  const found = Object.entries(answer.headers).filter(([name]) => /^(access-control-|vary$)/.test(name));
  return { status: answer.status, backend: answer.echo?.backend, headers: Object.fromEntries(found) };
}
