// Real requests through a real Envoy that serves what the compiler made.
import t from 'tap';
import { backendEntry, entriesOf, listenerEntry, ruleEntry, type RuleOptions } from '#libs/testing/entries.ts';
import {
  type Answer,
  ask,
  type Ask,
  askHttp2,
  type Backend,
  freePort,
  startBackend,
} from '#libs/testing/http-peers.ts';
import { type ThrowawayEnvoy, throwawayEnvoy } from '#libs/testing/throwaway-envoy.ts';
import type { Entry, HttpFilter } from '#libs/snapshot/entry.ts';
import { XdsCompiler } from './compiler.ts';

type Keyed = readonly [string, Entry];

interface Assertions {
  strictSame(actual: unknown, expected: unknown, message: string): unknown;
}

const gateway = 'eu/infra/gateway';
const compiler = new XdsCompiler({ bindAddress: '127.0.0.1', portOffset: 0 });
let envoy: ThrowawayEnvoy;
let port: number;
const backends = new Map<string, Backend>();

/** Serves these entries, and nothing else, on the port of listener `http`. */
async function serve(t: Assertions, ...entries: readonly Keyed[]): Promise<void> {
  const services = [...backends.keys()].map((name) => backendEntry(name, name === 'grpc' ? { protocol: 'h2c' } : {}));
  const all = new Map<string, Entry>([listenerEntry({ port }), ...services, ...entries]);
  compiler.setSnapshot(
    gateway,
    all,
    [...served.keys()].filter((key) => !all.has(key)),
  );
  served = all;
  const endpoints = [...backends].map(([name, backend]) => ({
    key: `endpoints/eu/shop/${name}/80`,
    item: { kind: 'endpoints', endpoints: [{ address: '127.0.0.1', port: backend.port }] } as const,
  }));
  compiler.setDiscovery(endpoints, []);
  t.strictSame(await envoy.push(compiler.flush()), [], 'Envoy takes all of it');
}
let served: ReadonlyMap<string, Entry> = new Map();

/** Who answered: backend, or the status. */
function from({ status, echo }: Answer): string {
  return echo?.backend ?? `${status}`;
}

async function asked(options: Ask): Promise<string> {
  return from(await ask(port, { host: 'a.example.com', ...options }));
}

t.before(async () => {
  envoy = await throwawayEnvoy(t);
  port = await freePort();
  for (const name of ['web', 'api', 'mirror']) backends.set(name, await startBackend(t, name));
  backends.set('slow', await startBackend(t, 'slow', { delayMs: 400 }));
  backends.set('grpc', await startBackend(t, 'grpc', { protocol: 'http2' }));
});

void t.test('hosts', async (t) => {
  await serve(
    t,
    ruleEntry({ name: 'exact', hosts: ['a.example.com'], matches: ['/exact'], to: 'api' }),
    ruleEntry({ name: 'wildcard', hosts: ['*.example.com'], matches: ['/wild'] }),
    ruleEntry({ name: 'deep', hosts: ['*.deep.example.com'], matches: ['/deep'], to: 'api' }),
    ruleEntry({ name: 'any', matches: ['/any'], to: 'mirror' }),
  );
  const cases: readonly (readonly [host: string, path: string, from: string])[] = [
    ['a.example.com', '/exact', 'api'],
    ['A.Example.COM', '/exact', 'api'],
    ['a.example.com:8080', '/exact', 'api'],
    ['a.example.com.', '/exact', 'api'],
    ['A.example.com.:80', '/exact', 'api'],
    ['b.example.com', '/exact', '404'],
    ['a.example.com', '/wild', 'web'],
    ['A.example.com:80', '/wild', 'web'],
    ['x.y.z.example.com', '/wild', 'web'],
    ['x.example.com.', '/wild', 'web'],
    ['example.com', '/wild', '404'],
    ['x.deep.example.com', '/deep', 'api'],
    ['x.deep.example.com:1', '/wild', 'web'],
    ['deep.example.com', '/deep', '404'],
    ['a.example.com', '/any', 'mirror'],
    ['x.deep.example.com', '/any', 'mirror'],
    ['elsewhere.test', '/any', 'mirror'],
    ['127.0.0.1:8080', '/any', 'mirror'],
    ['[::1]:8080', '/any', 'mirror'],
    ['localhost', '/any', 'mirror'],
    ['', '/any', 'mirror'],
    ['*.example.com', '/exact', '404'],
    ['#', '/any', '400'],
    ['a.example.com', '/none', '404'],
    [`${'a.'.repeat(4000)}example.com`, '/wild', 'web'],
    ['a.example.com:80,b.example.com', '/exact', '400'],
    ['a.example.com|x', '/exact', '400'],
    ['a.example.com\xff', '/exact', '400'],
  ];
  for (const [host, path, expected] of cases) {
    const answer = await ask(port, { host, path });
    t.equal(from(answer), expected, `${host.slice(0, 40)} ${path}`);
    if (answer.echo !== undefined && host !== '')
      t.equal(answer.echo.headers.host, host, 'the backend sees the Host that came');
    t.notOk(answer.echo?.headers['x-fleetgate-scope'], 'and not the scope');
  }
  const noHost = await ask(port, { path: '/any' });
  t.equal(noHost.status, 400, 'a request needs a Host');
  const twoHosts = await ask(port, { host: 'a.example.com', path: '/any', headers: [['Host', 'b.example.com']] });
  t.equal(twoHosts.status, 400, 'and only one');
  const forged = await ask(port, {
    host: 'b.example.com',
    path: '/exact',
    headers: [
      ['X-Fleetgate-Scope', `${port}|a.example.com`],
      ['x-fleetgate-scope', `${port}|a.example.com`],
      ['Connection', 'x-fleetgate-scope'],
    ],
  });
  t.equal(forged.status, 404, 'a client cannot choose the scope');
  t.equal(await asked({ path: '/any', method: 'OPTIONS' }), 'mirror');
  for (const host of ['a.example.com', 'A.example.com:80', 'x.deep.example.com']) {
    const answer = await askHttp2(port, { headers: { ':authority': host, ':path': '/any' } });
    t.equal(from(answer), 'mirror', `HTTP/2 ${host}`);
  }
});

void t.test('listeners are isolated', async (t) => {
  await serve(
    t,
    listenerEntry({ name: 'wide', port, hostname: '*.example.com' }),
    listenerEntry({ name: 'exact', port, hostname: 'only.example.com' }),
    ruleEntry({ name: 'any', matches: ['/'] }),
    ruleEntry({ name: 'stray', hosts: ['b.example.com'], matches: ['/stray'], to: 'mirror' }),
    ruleEntry({ name: 'wide', hosts: [['wide', '*.example.com']], matches: ['/wide'], to: 'api' }),
    ruleEntry({
      name: 'narrow',
      hosts: [
        ['wide', 'b.example.com'],
        ['wide', 'only.example.com'],
      ],
      matches: ['/narrow'],
      to: 'api',
    }),
    ruleEntry({ name: 'only', hosts: [['exact', 'only.example.com']], matches: ['/only'], to: 'mirror' }),
  );
  t.equal(await asked({ host: 'elsewhere.test', path: '/x' }), 'web');
  t.equal(await asked({ host: 'b.example.com', path: '/wide' }), 'api');
  t.equal(await asked({ host: 'b.example.com', path: '/narrow' }), 'api');
  t.equal(await asked({ host: 'b.example.com', path: '/x' }), '404', 'no rule of a wider listener');
  t.equal(await asked({ host: 'b.example.com', path: '/stray' }), '404', 'nor one that names the host');
  t.equal(await asked({ host: 'only.example.com', path: '/only' }), 'mirror');
  t.equal(await asked({ host: 'ONLY.example.com:1', path: '/only' }), 'mirror');
  t.equal(await asked({ host: 'only.example.com', path: '/wide' }), '404');
  t.equal(await asked({ host: 'only.example.com', path: '/narrow' }), '404');
});

void t.test('matches', async (t) => {
  const path = (
    type: 'Exact' | 'PathPrefix' | 'RegularExpression',
    value: string,
  ): NonNullable<RuleOptions['matches']> => [{ path: { type, value } }];
  await serve(
    t,
    ruleEntry({ name: 'exact', matches: path('Exact', '/e'), to: 'api' }),
    ruleEntry({ name: 'prefix', matches: path('PathPrefix', '/p/q/'), to: 'api' }),
    ruleEntry({ name: 'regex', matches: path('RegularExpression', '/r/[0-9]+'), to: 'api' }),
    ruleEntry({
      name: 'header',
      matches: [{ headers: [{ type: 'Exact', name: 'x-canary', value: 'yes' }] }],
      to: 'api',
    }),
    ruleEntry({
      name: 'header-regex',
      matches: [{ headers: [{ type: 'RegularExpression', name: 'x-user', value: 'u[0-9]+' }] }],
      to: 'api',
    }),
    ruleEntry({
      name: 'query',
      matches: [
        {
          query: [
            { type: 'Exact', name: 'v', value: '2' },
            { type: 'RegularExpression', name: 'w', value: 'x+' },
          ],
        },
      ],
      to: 'api',
    }),
    ruleEntry({ name: 'method', matches: [{ method: 'DELETE' }], to: 'api' }),
    ruleEntry({
      name: 'host-header',
      matches: [
        { path: { type: 'PathPrefix', value: '/h' }, headers: [{ type: 'Exact', name: 'host', value: 'h.test' }] },
      ],
      to: 'api',
    }),
    ruleEntry({ name: 'rest' }),
  );
  const cases: readonly (readonly [Ask, string])[] = [
    [{ path: '/e' }, 'api'],
    [{ path: '/e?x=1' }, 'api'],
    [{ path: '/e/' }, 'web'],
    [{ path: '/E' }, 'web'],
    [{ path: '/p/q' }, 'api'],
    [{ path: '/p/q/' }, 'api'],
    [{ path: '/p/q/r?s' }, 'api'],
    [{ path: '/p/qr' }, 'web'],
    [{ path: '/x/../p/q' }, 'api'],
    [{ path: '/p%2Fq' }, 'web'],
    [{ path: '//p/q' }, 'web'],
    [{ path: '/r/12' }, 'api'],
    [{ path: '/r/12?x' }, 'api'],
    [{ path: '/r/12a' }, 'web'],
    [{ path: '/x/r/1' }, 'web'],
    [{ headers: [['X-Canary', 'yes']] }, 'api'],
    [{ headers: [['X-Canary', 'yes!']] }, 'web'],
    [{ headers: [['x-user', 'u12']] }, 'api'],
    [{ headers: [['x-user', 'xu12']] }, 'web'],
    [{ path: '/?v=2&w=xx' }, 'api'],
    [{ path: '/?v=2' }, 'web'],
    [{ path: '/?v=22&w=x' }, 'web'],
    [{ method: 'DELETE' }, 'api'],
    [{ method: 'POST' }, 'web'],
    [{ path: '/h', host: 'h.test' }, 'api'],
    [{ path: '/h', host: 'g.test' }, 'web'],
  ];
  for (const [request, expected] of cases) t.equal(await asked(request), expected, JSON.stringify(request));
});

void t.test('precedence, also between gateways that share a port', async (t) => {
  await serve(
    t,
    ruleEntry({ name: 'late', createdAt: '2024-01-01T00:00:00Z', matches: ['/same', '/a/b'], to: 'api' }),
    ruleEntry({ name: 'early', createdAt: '2023-01-01T00:00:00Z', matches: ['/same', '/a'] }),
    ruleEntry({ name: 'late', index: 1, createdAt: '2024-01-01T00:00:00Z', matches: ['/'], to: 'api' }),
  );
  const other = 'us/infra/gateway';
  const entries = entriesOf(
    listenerEntry({ port }),
    backendEntry('mirror'),
    ruleEntry({ name: 'oldest', createdAt: '2022-01-01T00:00:00Z', matches: ['/same'], to: 'mirror' }),
    ruleEntry({ name: 'longer', createdAt: '2025-01-01T00:00:00Z', matches: ['/a/b/c'], to: 'mirror' }),
  );
  t.equal(await asked({ path: '/same' }), 'web', 'the older route');
  t.equal(await asked({ path: '/a/b' }), 'api', 'the longer prefix');
  t.equal(await asked({ path: '/a/bc' }), 'web');
  compiler.setSnapshot(other, entries, []);
  t.strictSame(await envoy.push(compiler.flush()), []);
  t.equal(await asked({ path: '/same' }), 'mirror', 'the oldest route of both gateways');
  t.equal(await asked({ path: '/a/b/c' }), 'mirror');
  t.equal(await asked({ path: '/' }), 'api');
  compiler.setSnapshot(other, [], entries.keys());
  t.strictSame(await envoy.push(compiler.flush()), []);
  t.equal(await asked({ path: '/same' }), 'web', 'gone with its gateway');
});

void t.test('headers', async (t) => {
  const request: HttpFilter = {
    type: 'request-headers',
    set: [{ name: 'x-set', value: 'new 100% %REQ(:PATH)%' }],
    add: [{ name: 'x-add', value: 'two' }],
    remove: ['x-gone'],
  };
  const response: HttpFilter = {
    type: 'response-headers',
    set: [{ name: 'x-backend', value: 'hidden' }],
    add: [{ name: 'x-more', value: 'yes' }],
    remove: ['content-type'],
  };
  const late: HttpFilter = { type: 'request-headers', set: [{ name: 'x-set', value: 'late' }], add: [], remove: [] };
  const to = (service: string, filters: readonly HttpFilter[], weight = 1) => ({
    key: backendEntry(service)[0],
    weight,
    filters,
  });
  await serve(
    t,
    ruleEntry({ name: 'rule', filters: [request, response], hosts: ['a.example.com', '*'] }),
    ruleEntry({
      name: 'backend',
      matches: ['/backend'],
      filters: [request],
      to: { type: 'forward', backends: [to('web', [late]), to('api', [late])] },
    }),
  );
  for (const host of ['a.example.com', 'b.test']) {
    const answer = await ask(port, {
      host,
      headers: [
        ['X-Set', 'old'],
        ['X-Add', 'one'],
        ['X-Gone', 'here'],
      ],
    });
    t.equal(answer.echo?.headers['x-set'], 'new 100% %REQ(:PATH)%');
    t.equal(answer.echo?.headers['x-add'], 'one, two');
    t.equal(answer.echo?.headers['x-gone'], undefined);
    t.equal(answer.headers['x-backend'], 'hidden');
    t.equal(answer.headers['x-more'], 'yes');
    t.equal(answer.headers['server'], 'echo', 'the backend names itself');
  }
  const answer = await ask(port, { host: 'b.test', path: '/backend', headers: [['x-gone', '1']] });
  t.equal(answer.echo?.headers['x-set'], 'late', 'the backend’s filter comes after the rule’s');
  t.equal(answer.echo?.headers['x-add'], 'two');
  t.equal(answer.echo?.headers['x-gone'], undefined);
});

void t.test('redirects', async (t) => {
  const redirect = (name: string, prefix: string, redirect: object, hosts = ['a.example.com', '*']): Keyed =>
    ruleEntry({ name, hosts, matches: [prefix], to: { type: 'redirect', redirect: { statusCode: 302, ...redirect } } });
  await serve(
    t,
    redirect('https', '/https', { scheme: 'https', statusCode: 301 }),
    redirect('port', '/port', { port: 8443, scheme: 'https' }),
    redirect('host', '/host', { hostname: 'other.test' }),
    redirect('secure', '/secure', { hostname: 'other.test', scheme: 'https', statusCode: 308 }),
    redirect('path', '/path', { path: { type: 'full', value: '/new' }, statusCode: 303 }),
    redirect('prefix', '/old', { path: { type: 'prefix', value: '/new' }, statusCode: 307 }),
    redirect('root', '/strip', { path: { type: 'prefix', value: '/' } }),
  );
  const cases: readonly (readonly [host: string, path: string, status: number, location: string])[] = [
    ['a.example.com', '/https/x?y=1', 301, 'https://a.example.com/https/x?y=1'],
    ['a.example.com:8080', '/https', 301, 'https://a.example.com/https'],
    ['b.test', '/https/x', 301, 'https://b.test/https/x'],
    ['b.test:8080', '/https', 301, 'https://b.test:443/https'],
    ['a.example.com', '/port', 302, 'https://a.example.com:8443/port'],
    ['b.test:80', '/port', 302, 'https://b.test:8443/port'],
    ['a.example.com', '/host', 302, `http://other.test:${port}/host`],
    ['b.test', '/secure', 308, 'https://other.test/secure'],
    ['a.example.com', '/path/x?q', 303, `http://a.example.com:${port}/new?q`],
    ['a.example.com', '/old/x?q', 307, `http://a.example.com:${port}/new/x?q`],
    ['a.example.com', '/old', 307, `http://a.example.com:${port}/new`],
    ['b.test', '/old/', 307, `http://b.test:${port}/new/`],
    ['a.example.com', '/strip/x', 302, `http://a.example.com:${port}/x`],
    ['a.example.com', '/strip', 302, `http://a.example.com:${port}/`],
  ];
  for (const [host, path, status, location] of cases) {
    const answer = await ask(port, { host, path });
    t.strictSame([answer.status, answer.headers['location']], [status, location], `${host} ${path}`);
  }
});

void t.test('rewrites', async (t) => {
  const rewrite = (name: string, prefix: string, change: Partial<Extract<HttpFilter, { type: 'rewrite' }>>): Keyed =>
    ruleEntry({ name, matches: [prefix], filters: [{ type: 'rewrite', ...change }] });
  const prefix = (value: string) => ({ path: { type: 'prefix', value } }) as const;
  await serve(
    t,
    rewrite('foo', '/foo', prefix('/xyz')),
    rewrite('slash', '/slash', prefix('/')),
    rewrite('dots', '/a.b+c', prefix('/')),
    rewrite('all', '/', prefix('/all')),
    rewrite('full', '/full', { path: { type: 'full', value: '/new\\1' } }),
    rewrite('host', '/host', { hostname: 'inside.test' }),
  );
  const cases: readonly (readonly [path: string, seen: string])[] = [
    ['/foo/bar?q=1', '/xyz/bar?q=1'],
    ['/foo', '/xyz'],
    ['/foo/', '/xyz/'],
    ['/foo//bar', '/xyz//bar'],
    ['/slash/bar?q', '/bar?q'],
    ['/slash', '/'],
    ['/slash/', '/'],
    ['/a.b+c/d', '/d'],
    ['/aXbbc/d', '/all/aXbbc/d'],
    ['/', '/all/'],
    ['/full/more?q', '/new\\1?q'],
  ];
  for (const [path, seen] of cases) t.equal((await ask(port, { host: 'b.test', path })).echo?.url, seen, path);
  const answer = await ask(port, { host: 'b.test', path: '/host/x' });
  t.strictSame([answer.echo?.headers.host, answer.echo?.url], ['inside.test', '/host/x']);
});

void t.test('weights', async (t) => {
  const to = (service: string, weight: number, filters: readonly HttpFilter[] = []) => ({
    key: backendEntry(service)[0],
    weight,
    filters,
  });
  const rewrite: HttpFilter = { type: 'rewrite', path: { type: 'full', value: '/split' } };
  await serve(
    t,
    ruleEntry({ name: 'canary', to: { type: 'forward', backends: [to('web', 90), to('api', 10)] } }),
    ruleEntry({ name: 'off', matches: ['/off'], to: { type: 'forward', backends: [to('web', 1), to('api', 0)] } }),
    ruleEntry({ name: 'none', matches: ['/none'], to: { type: 'forward', backends: [to('web', 0)] } }),
    ruleEntry({ name: 'empty', matches: ['/empty'], to: { type: 'forward', backends: [] } }),
    ruleEntry({
      name: 'half',
      matches: ['/half'],
      to: { type: 'forward', backends: [to('web', 1), { invalid: 'no such Service', weight: 1, filters: [] }] },
    }),
    ruleEntry({ name: 'lost', matches: ['/lost'], to: { type: 'forward', backends: [to('absent', 1)] } }),
    ruleEntry({
      name: 'split',
      matches: ['/each'],
      to: {
        type: 'forward',
        backends: [to('web', 1, [rewrite]), to('api', 2), { invalid: 'x', weight: 1, filters: [] }],
      },
    }),
    ruleEntry({ name: 'broken', matches: ['/broken'], to: { type: 'invalid', reason: 'unknown filter' } }),
  );
  const count = async (path: string, total: number): Promise<Readonly<Record<string, number>>> => {
    const counts: Record<string, number> = {};
    for (let i = 0; i < total; i += 20) {
      const answers = await Promise.all(Array.from({ length: 20 }, () => asked({ path })));
      for (const one of answers) counts[one] = (counts[one] ?? 0) + 1;
    }
    return counts;
  };
  const within = (value = 0, low: number, high: number): boolean => value >= low && value <= high;
  const canary = await count('/', 600);
  t.ok(within(canary['api'], 25, 110), `10 % of 600 to the canary: ${JSON.stringify(canary)}`);
  t.equal((canary['api'] ?? 0) + (canary['web'] ?? 0), 600);
  t.strictSame(await count('/off', 40), { web: 40 });
  t.equal(await asked({ path: '/none' }), '500');
  t.equal(await asked({ path: '/empty' }), '500');
  t.equal(await asked({ path: '/lost' }), '500');
  t.equal(await asked({ path: '/broken' }), '500');
  const half = await count('/half', 200);
  t.ok(within(half['500'], 60, 140), `half of 200 is answered 500: ${JSON.stringify(half)}`);
  const each = await count('/each', 400);
  t.ok(
    within(each['web'], 60, 140) && within(each['api'], 150, 250) && within(each['500'], 60, 140),
    JSON.stringify(each),
  );
  const split = backends.get('web')?.seen.filter(({ url }) => url === '/split').length;
  t.equal(split, each['web'], 'a backend’s own rewrite');
});

void t.test('mirrors', async (t) => {
  const filter = (numerator: number, denominator: number, service = 'mirror'): HttpFilter => ({
    type: 'mirror',
    backend: { key: backendEntry(service)[0] },
    numerator,
    denominator,
  });
  await serve(
    t,
    ruleEntry({ name: 'all', matches: ['/all'], filters: [filter(100, 100)] }),
    ruleEntry({ name: 'half', matches: ['/half'], filters: [filter(1, 2)] }),
    ruleEntry({
      name: 'none',
      matches: ['/none'],
      filters: [
        filter(0, 100),
        { ...filter(1, 1), type: 'mirror', backend: { invalid: 'x' }, numerator: 1, denominator: 1 },
      ],
    }),
    ruleEntry({
      name: 'backend',
      matches: ['/backend'],
      to: {
        type: 'forward',
        backends: [
          { key: backendEntry('web')[0], weight: 1, filters: [filter(1, 1)] },
          { key: backendEntry('web')[0], weight: 1, filters: [filter(1, 1)] },
        ],
      },
    }),
  );
  const seen = (path: string) => backends.get('mirror')?.seen.filter(({ url }) => url === path) ?? [];
  for (let i = 0; i < 40; i++) t.equal(await asked({ path: '/half' }), 'web');
  for (const path of ['/all', '/none', '/backend']) t.equal(await asked({ path, host: 'a.example.com:81' }), 'web');
  await until(() => seen('/all').length === 1 && seen('/backend').length === 1);
  t.equal(seen('/all')[0]?.headers.host, 'a.example.com:81', 'the mirror sees the same Host');
  t.notOk(seen('/all')[0]?.headers['x-fleetgate-scope']);
  t.equal(seen('/none').length, 0);
  t.ok(seen('/half').length > 5 && seen('/half').length < 35, `half of 40: ${seen('/half').length}`);
});

void t.test('timeouts, retries, upgrades, protocols', async (t) => {
  await serve(
    t,
    ruleEntry({ name: 'plain', matches: ['/slow'], to: 'slow' }),
    ruleEntry({ name: 'request', matches: ['/request'], to: 'slow', timeouts: { requestMs: 100 } }),
    ruleEntry({ name: 'backend', matches: ['/backend'], to: 'slow', timeouts: { backendRequestMs: 100 } }),
    ruleEntry({ name: 'zero', matches: ['/zero'], to: 'slow', timeouts: { requestMs: 0, backendRequestMs: 0 } }),
    ruleEntry({ name: 'ws', matches: ['/ws'] }),
    ruleEntry({
      name: 'grpc',
      kind: 'GRPCRoute',
      matches: [{ path: { type: 'Exact', value: '/svc/Method' } }],
      to: 'grpc',
    }),
    ruleEntry({ name: 'churn', matches: ['/churn'] }),
  );
  t.equal(await asked({ path: '/slow' }), 'slow');
  t.equal(await asked({ path: '/zero' }), 'slow');
  t.equal(await asked({ path: '/request' }), '504');
  t.equal(await asked({ path: '/backend' }), '504');
  const upgraded = await ask(port, {
    host: 'a.example.com',
    path: '/ws',
    headers: [
      ['Upgrade', 'websocket'],
      ['Connection', 'upgrade'],
    ],
  });
  t.equal(upgraded.status, 101);
  const grpc = await askHttp2(port, {
    headers: {
      ':method': 'POST',
      ':path': '/svc/Method',
      ':authority': 'A.example.com',
      'content-type': 'application/grpc',
      te: 'trailers',
    },
    body: 'x',
  });
  t.equal(from(grpc), 'grpc');
  const missing = await askHttp2(port, {
    headers: {
      ':method': 'POST',
      ':path': '/svc/Other',
      ':authority': 'a.example.com',
      'content-type': 'application/grpc',
      te: 'trailers',
    },
  });
  t.strictSame([missing.status, missing.headers['grpc-status']], [200, '12'], 'gRPC clients get UNIMPLEMENTED');

  const web = backends.get('web')?.port ?? 0;
  const set = async (endpoints: readonly { address: string; port: number }[]): Promise<void> => {
    compiler.setDiscovery([{ key: 'endpoints/eu/shop/web/80', item: { kind: 'endpoints', endpoints } }], []);
    t.strictSame(await envoy.push(compiler.flush()), []);
  };
  await set([
    { address: '127.0.0.1', port: await freePort() },
    { address: '127.0.0.1', port: web },
  ]);
  const answers = await Promise.all(Array.from({ length: 30 }, () => asked({ path: '/churn', method: 'POST' })));
  t.ok(
    answers.every((one) => one === 'web'),
    'a pod that is gone is not noticed',
  );
  await set([]);
  t.equal(await asked({ path: '/churn' }), '503', 'no endpoints');
  await set([
    { address: 'not-an-address', port: web },
    { address: '127.0.0.1', port: 0 },
    { address: '127.0.0.1', port: web },
  ]);
  t.equal(await asked({ path: '/churn' }), 'web');
});

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}
