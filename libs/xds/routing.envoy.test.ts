// Which rule answers: real requests through a real Envoy that serves what the compiler made.
import t from 'tap';
import { backendEntry, entriesOf, listenerEntry, ruleEntry, type RuleOptions } from '#libs/testing/given/entries.ts';
import { type Ask, askHttp2 } from '#libs/testing/peers/http-peers.ts';
import type { HttpMatch } from '#libs/gateway/objects/http-match.ts';
import { answerer, startServedGateway } from '#libs/testing/peers/served-gateway.ts';

const gateway = await startServedGateway(t);

void t.test('hosts', async (t) => {
  await gateway.serve(
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
    const answer = await gateway.ask({ host, path });
    t.equal(answerer(answer), expected, `${host.slice(0, 40)} ${path}`);
    if (answer.echo !== undefined && host !== '')
      t.equal(answer.echo.headers.host, host, 'the backend sees the Host that came');
    t.notOk(answer.echo?.headers['x-fleetgate-scope'], 'and not the scope');
  }
  const noHost = await gateway.ask({ path: '/any' });
  t.equal(noHost.status, 400, 'a request needs a Host');
  const twoHosts = await gateway.ask({ host: 'a.example.com', path: '/any', headers: [['Host', 'b.example.com']] });
  t.equal(twoHosts.status, 400, 'and only one');
  const forged = await gateway.ask({
    host: 'b.example.com',
    path: '/exact',
    headers: [
      ['X-Fleetgate-Scope', `${gateway.port}|a.example.com`],
      ['x-fleetgate-scope', `${gateway.port}|a.example.com`],
      ['Connection', 'x-fleetgate-scope'],
    ],
  });
  t.equal(forged.status, 404, 'a client cannot choose the scope');
  t.equal(await gateway.asked({ path: '/any', method: 'OPTIONS' }), 'mirror');
  for (const host of ['a.example.com', 'A.example.com:80', 'x.deep.example.com']) {
    const answer = await askHttp2(gateway.port, { headers: { ':authority': host, ':path': '/any' } });
    t.equal(answerer(answer), 'mirror', `HTTP/2 ${host}`);
  }
});

void t.test('listeners are isolated', async (t) => {
  await gateway.serve(
    t,
    listenerEntry({ name: 'wide', port: gateway.port, hostname: '*.example.com' }),
    listenerEntry({ name: 'exact', port: gateway.port, hostname: 'only.example.com' }),
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
  t.equal(await gateway.asked({ host: 'elsewhere.test', path: '/x' }), 'web');
  t.equal(await gateway.asked({ host: 'b.example.com', path: '/wide' }), 'api');
  t.equal(await gateway.asked({ host: 'b.example.com', path: '/narrow' }), 'api');
  t.equal(await gateway.asked({ host: 'b.example.com', path: '/x' }), '404', 'no rule of a wider listener');
  t.equal(await gateway.asked({ host: 'b.example.com', path: '/stray' }), '404', 'nor one that names the host');
  t.equal(await gateway.asked({ host: 'only.example.com', path: '/only' }), 'mirror');
  t.equal(await gateway.asked({ host: 'ONLY.example.com:1', path: '/only' }), 'mirror');
  t.equal(await gateway.asked({ host: 'only.example.com', path: '/wide' }), '404');
  t.equal(await gateway.asked({ host: 'only.example.com', path: '/narrow' }), '404');
});

void t.test('matches', async (t) => {
  await gateway.serve(
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
  for (const [request, expected] of cases) t.equal(await gateway.asked(request), expected, JSON.stringify(request));
});

void t.test('precedence, also between gateways that share a port', async (t) => {
  await gateway.serve(
    t,
    ruleEntry({ name: 'late', createdAt: '2024-01-01T00:00:00Z', matches: ['/same', '/a/b'], to: 'api' }),
    ruleEntry({ name: 'early', createdAt: '2023-01-01T00:00:00Z', matches: ['/same', '/a'] }),
    ruleEntry({ name: 'late', index: 1, createdAt: '2024-01-01T00:00:00Z', matches: ['/'], to: 'api' }),
  );
  const other = 'us/infra/gateway';
  const entries = entriesOf(
    listenerEntry({ port: gateway.port }),
    backendEntry('mirror'),
    ruleEntry({ name: 'oldest', createdAt: '2022-01-01T00:00:00Z', matches: ['/same'], to: 'mirror' }),
    ruleEntry({ name: 'longer', createdAt: '2025-01-01T00:00:00Z', matches: ['/a/b/c'], to: 'mirror' }),
  );
  t.equal(await gateway.asked({ path: '/same' }), 'web', 'the older route');
  t.equal(await gateway.asked({ path: '/a/b' }), 'api', 'the longer prefix');
  t.equal(await gateway.asked({ path: '/a/bc' }), 'web');
  gateway.compiler.setSnapshot(other, entries, []);
  await gateway.push(t);
  t.equal(await gateway.asked({ path: '/same' }), 'mirror', 'the oldest route of both gateways');
  t.equal(await gateway.asked({ path: '/a/b/c' }), 'mirror');
  t.equal(await gateway.asked({ path: '/' }), 'api');
  gateway.compiler.setSnapshot(other, [], entries.keys());
  await gateway.push(t);
  t.equal(await gateway.asked({ path: '/same' }), 'web', 'gone with its gateway');
});

t.end();

function path(type: HttpMatch['path']['type'], value: string): NonNullable<RuleOptions['matches']> {
  return [{ path: { type, value } }];
}
