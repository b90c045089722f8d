// What a rule does: real requests through a real Envoy that serves what the compiler made.
import t from 'tap';
import { eventually } from '#libs/testing/eventually.ts';
import { backendEntry, ruleEntry } from '#libs/testing/given/entries.ts';
import { askHttp2, freePort } from '#libs/testing/peers/http-peers.ts';
import { answerer, startServedGateway } from '#libs/testing/peers/served-gateway.ts';
import type { Entry, HttpFilter } from '#libs/snapshot/entry.ts';
import type { Redirect } from '#libs/gateway/filters/http-filter.ts';

type Keyed = readonly [string, Entry];

const gateway = await startServedGateway(t);

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
  await gateway.serve(
    t,
    ruleEntry({ name: 'rule', filters: [request, response], hosts: ['a.example.com', '*'] }),
    ruleEntry({
      name: 'backend',
      matches: ['/backend'],
      filters: [request],
      to: { type: 'forward', backends: [to('web', 1, [late]), to('api', 1, [late])] },
    }),
  );
  for (const host of ['a.example.com', 'b.test']) {
    const answer = await gateway.ask({
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
  const answer = await gateway.ask({ host: 'b.test', path: '/backend', headers: [['x-gone', '1']] });
  t.equal(answer.echo?.headers['x-set'], 'late', 'the backend’s filter comes after the rule’s');
  t.equal(answer.echo?.headers['x-add'], 'two');
  t.equal(answer.echo?.headers['x-gone'], undefined);
});

void t.test('a header that is removed and added is replaced', async (t) => {
  const replaced = { set: [], add: [{ name: 'x-backend', value: 'edge' }], remove: ['x-backend'] };
  const filters: HttpFilter[] = [
    { type: 'request-headers', ...replaced },
    { type: 'response-headers', ...replaced },
  ];
  const own = { type: 'forward', backends: [to('web', 1, filters), to('web', 1, filters)] } as const;
  await gateway.serve(
    t,
    ruleEntry({ name: 'rule', filters }),
    ruleEntry({ name: 'backend', matches: ['/backend'], to: own }),
  );
  for (const path of ['/', '/backend']) {
    const answer = await gateway.ask({ host: 'a.example.com', path, headers: [['X-Backend', 'client']] });
    t.equal(answer.echo?.headers['x-backend'], 'edge', path);
    t.equal(answer.headers['x-backend'], 'edge', path);
  }
});

void t.test('redirects', async (t) => {
  await gateway.serve(
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
    ['a.example.com', '/host', 302, `http://other.test:${gateway.port}/host`],
    ['b.test', '/secure', 308, 'https://other.test/secure'],
    ['a.example.com', '/path/x?q', 303, `http://a.example.com:${gateway.port}/new?q`],
    ['a.example.com', '/old/x?q', 307, `http://a.example.com:${gateway.port}/new/x?q`],
    ['a.example.com', '/old', 307, `http://a.example.com:${gateway.port}/new`],
    ['b.test', '/old/', 307, `http://b.test:${gateway.port}/new/`],
    ['a.example.com', '/strip/x', 302, `http://a.example.com:${gateway.port}/x`],
    ['a.example.com', '/strip', 302, `http://a.example.com:${gateway.port}/`],
  ];
  for (const [host, path, status, location] of cases) {
    const answer = await gateway.ask({ host, path });
    t.strictSame([answer.status, answer.headers['location']], [status, location], `${host} ${path}`);
  }
});

void t.test('rewrites', async (t) => {
  await gateway.serve(
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
  for (const [path, seen] of cases) t.equal((await gateway.ask({ host: 'b.test', path })).echo?.url, seen, path);
  const answer = await gateway.ask({ host: 'b.test', path: '/host/x' });
  t.strictSame([answer.echo?.headers.host, answer.echo?.url], ['inside.test', '/host/x']);
});

void t.test('weights', async (t) => {
  const rewrite: HttpFilter = { type: 'rewrite', path: { type: 'full', value: '/split' } };
  await gateway.serve(
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
      const answers = await Promise.all(Array.from({ length: 20 }, () => gateway.asked({ path })));
      for (const one of answers) counts[one] = (counts[one] ?? 0) + 1;
    }
    return counts;
  };
  const canary = await count('/', 600);
  t.ok(within(canary['api'], 25, 110), `10 % of 600 to the canary: ${JSON.stringify(canary)}`);
  t.equal((canary['api'] ?? 0) + (canary['web'] ?? 0), 600);
  t.strictSame(await count('/off', 40), { web: 40 });
  t.equal(await gateway.asked({ path: '/none' }), '500');
  t.equal(await gateway.asked({ path: '/empty' }), '500');
  t.equal(await gateway.asked({ path: '/lost' }), '500');
  t.equal(await gateway.asked({ path: '/broken' }), '500');
  const half = await count('/half', 200);
  t.ok(within(half['500'], 60, 140), `half of 200 is answered 500: ${JSON.stringify(half)}`);
  const each = await count('/each', 400);
  t.ok(
    within(each['web'], 60, 140) && within(each['api'], 150, 250) && within(each['500'], 60, 140),
    JSON.stringify(each),
  );
  const split = gateway.backends.get('web')?.seen.filter(({ url }) => url === '/split').length;
  t.equal(split, each['web'], 'a backend’s own rewrite');
});

void t.test('mirrors', async (t) => {
  await gateway.serve(
    t,
    ruleEntry({ name: 'all', matches: ['/all'], filters: [mirror(100, 100)] }),
    ruleEntry({ name: 'half', matches: ['/half'], filters: [mirror(1, 2)] }),
    ruleEntry({
      name: 'none',
      matches: ['/none'],
      filters: [
        mirror(0, 100),
        { ...mirror(1, 1), type: 'mirror', backend: { invalid: 'x' }, numerator: 1, denominator: 1 },
      ],
    }),
    ruleEntry({
      name: 'backend',
      matches: ['/backend'],
      to: {
        type: 'forward',
        backends: [
          { key: backendEntry('web')[0], weight: 1, filters: [mirror(1, 1)] },
          { key: backendEntry('web')[0], weight: 1, filters: [mirror(1, 1)] },
        ],
      },
    }),
  );
  for (let i = 0; i < 40; i++) t.equal(await gateway.asked({ path: '/half' }), 'web');
  for (const path of ['/all', '/none', '/backend'])
    t.equal(await gateway.asked({ path, host: 'a.example.com:81' }), 'web');
  await eventually(() => mirrored('/all').length === 1 && mirrored('/backend').length === 1);
  t.equal(mirrored('/all')[0]?.headers.host, 'a.example.com:81', 'the mirror sees the same Host');
  t.notOk(mirrored('/all')[0]?.headers['x-fleetgate-scope']);
  t.equal(mirrored('/none').length, 0);
  t.ok(mirrored('/half').length > 5 && mirrored('/half').length < 35, `half of 40: ${mirrored('/half').length}`);
});

void t.test('timeouts', async (t) => {
  await gateway.serve(
    t,
    ruleEntry({ name: 'plain', matches: ['/slow'], to: 'slow' }),
    ruleEntry({ name: 'request', matches: ['/request'], to: 'slow', timeouts: { requestMs: 100 } }),
    ruleEntry({ name: 'backend', matches: ['/backend'], to: 'slow', timeouts: { backendRequestMs: 100 } }),
    ruleEntry({ name: 'zero', matches: ['/zero'], to: 'slow', timeouts: { requestMs: 0, backendRequestMs: 0 } }),
  );
  t.equal(await gateway.asked({ path: '/slow' }), 'slow');
  t.equal(await gateway.asked({ path: '/zero' }), 'slow');
  t.equal(await gateway.asked({ path: '/request' }), '504');
  t.equal(await gateway.asked({ path: '/backend' }), '504');
});

void t.test('upgrades and protocols', async (t) => {
  await gateway.serve(
    t,
    ruleEntry({ name: 'ws', matches: ['/ws'] }),
    ruleEntry({
      name: 'grpc',
      kind: 'GRPCRoute',
      matches: [{ path: { type: 'Exact', value: '/svc/Method' } }],
      to: 'grpc',
    }),
  );
  const upgraded = await gateway.ask({
    host: 'a.example.com',
    path: '/ws',
    headers: [
      ['Upgrade', 'websocket'],
      ['Connection', 'upgrade'],
    ],
  });
  t.equal(upgraded.status, 101);
  const grpc = await askHttp2(gateway.port, {
    headers: {
      ':method': 'POST',
      ':path': '/svc/Method',
      ':authority': 'A.example.com',
      'content-type': 'application/grpc',
      te: 'trailers',
    },
    body: 'x',
  });
  t.equal(answerer(grpc), 'grpc');
  const missing = await askHttp2(gateway.port, {
    headers: {
      ':method': 'POST',
      ':path': '/svc/Other',
      ':authority': 'a.example.com',
      'content-type': 'application/grpc',
      te: 'trailers',
    },
  });
  t.strictSame([missing.status, missing.headers['grpc-status']], [200, '12'], 'gRPC clients get UNIMPLEMENTED');
});

void t.test('endpoints that go and come', async (t) => {
  await gateway.serve(t, ruleEntry({ name: 'churn', matches: ['/churn'] }));
  const web = gateway.backends.get('web')?.port ?? 0;
  const set = async (endpoints: readonly { address: string; port: number }[]): Promise<void> => {
    gateway.compiler.setDiscovery([{ key: 'endpoints/eu/shop/web/80', item: { kind: 'endpoints', endpoints } }], []);
    await gateway.push(t);
  };
  await set([
    { address: '127.0.0.1', port: await freePort() },
    { address: '127.0.0.1', port: web },
  ]);
  const answers = await Promise.all(
    Array.from({ length: 30 }, () => gateway.asked({ path: '/churn', method: 'POST' })),
  );
  t.ok(
    answers.every((one) => one === 'web'),
    'a pod that is gone is not noticed',
  );
  await set([]);
  t.equal(await gateway.asked({ path: '/churn' }), '503', 'no endpoints');
  await set([
    { address: 'not-an-address', port: web },
    { address: '127.0.0.1', port: 0 },
    { address: '127.0.0.1', port: web },
  ]);
  t.equal(await gateway.asked({ path: '/churn' }), 'web');
});

t.end();

/** A share for a service of backendEntry. */
function to(service: string, weight: number, filters: readonly HttpFilter[] = []) {
  return { key: backendEntry(service)[0], weight, filters };
}

function redirect(name: string, prefix: string, change: Partial<Redirect>): Keyed {
  const action = { type: 'redirect', redirect: { statusCode: 302, ...change } } as const;
  return ruleEntry({ name, hosts: ['a.example.com', '*'], matches: [prefix], to: action });
}

function rewrite(name: string, prefix: string, change: Omit<Extract<HttpFilter, { type: 'rewrite' }>, 'type'>): Keyed {
  return ruleEntry({ name, matches: [prefix], filters: [{ type: 'rewrite', ...change }] });
}

function prefix(value: string) {
  return { path: { type: 'prefix', value } } as const;
}

function within(value: number | undefined, low: number, high: number): boolean {
  return value !== undefined && value >= low && value <= high;
}

function mirror(numerator: number, denominator: number): HttpFilter {
  return { type: 'mirror', backend: { key: backendEntry('mirror')[0] }, numerator, denominator };
}

function mirrored(path: string) {
  return gateway.backends.get('mirror')?.seen.filter(({ url }) => url === path) ?? [];
}
