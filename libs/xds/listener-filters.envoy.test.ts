// Filters of listeners, before routing (GEP-5224): they run on every request, routes are matched once after them, and a
// request still falls through to wider hostnames. Real requests through a real Envoy.
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import t from 'tap';
import type { HttpMatch } from '#libs/gateway/objects/http-match.ts';
import { backendEntry, listenerEntry, ruleEntry } from '#libs/testing/given/entries.ts';
import { asTold, external, says, startAskedGateway } from '#libs/testing/peers/asked-gateway.ts';
import { type Answer, askHttp2, askTls, freePort, openConnection } from '#libs/testing/peers/http-peers.ts';
import { answerer } from '#libs/testing/peers/served-gateway.ts';

const asked = await startAskedGateway(t);
const { gateway, services } = asked;
const { http, grpc } = services;
const secure = await freePort();

function send(host: string, status: number, path = '/'): Promise<Answer> {
  return gateway.ask({ host, path, headers: says(status) });
}

function team(value: string): readonly Partial<HttpMatch>[] {
  return [{ headers: [{ name: 'x-team', type: 'Exact', value }] }];
}

function call(say: string): Promise<Answer> {
  return askHttp2(gateway.port, {
    headers: {
      ':method': 'POST',
      ':path': '/s/m',
      ':authority': 'grpc.test',
      'content-type': 'application/grpc',
      te: 'trailers',
      'x-say': say,
    },
  });
}

function https(name: string, hostname: string) {
  return listenerEntry({
    name,
    hostname,
    port: secure,
    protocol: 'HTTPS',
    certificates: [`tls/eu/infra/${name}`],
    ...(name === 'exact' ? {} : { filters: [external('http')] }),
  });
}

async function over(name: string, host: string, status: number): Promise<string> {
  const answer = await askTls(secure, name, { host, headers: says(status) });
  return answer === undefined ? 'refused' : answerer(answer);
}

async function upgrade(status: number): Promise<string> {
  const socket = connect(gateway.port, '127.0.0.1');
  const lines = [
    'GET /ws HTTP/1.1',
    'Host: a.example.com',
    'Connection: Upgrade',
    'Upgrade: websocket',
    `X-Say: ${status}`,
  ];
  socket.write(`${lines.join('\r\n')}\r\n\r\n`);
  const [data]: readonly unknown[] = await once(socket, 'data');
  socket.destroy();
  return String(data).slice(0, 12);
}

function post(body: string): Promise<Answer> {
  return gateway.ask({ host: 'a.example.com', method: 'POST', headers: [['Content-Length', `${body.length}`]], body });
}

void t.test('they run on every request of the listener', async (t) => {
  const rules = [
    { name: 'exact', hosts: ['a.example.com'], matches: ['/exact'], to: 'api' },
    { name: 'pattern', hosts: ['*.example.com'], matches: ['/pattern'] },
    { name: 'any', matches: ['/any'], to: 'mirror' },
  ];
  await asked.serve(t, ...rules);
  const hosts = ['a.example.com', 'A.example.com:80', 'b.example.com', 'other.test', 'other.test.'];
  const paths = ['/exact', '/pattern', '/any', '/nowhere'];
  const answers = async (): Promise<readonly string[]> => {
    const list: string[] = [];
    for (const host of hosts) for (const path of paths) list.push(answerer(await send(host, 200, path)));
    return list;
  };
  const without = await answers();
  t.ok(['api', 'web', 'mirror', '404'].every((one) => without.includes(one)));
  await asked.serveBehind(t, { filters: [external('http')] }, ...rules);
  const before = http.asked.length;
  t.strictSame(await answers(), without, 'with consent all is as it was, falling through to wider hostnames too');
  t.equal(http.asked.length - before, without.length, 'each was asked about once');
  for (const host of hosts)
    for (const path of paths) t.equal((await send(host, 401, path)).status, 401, `${host}${path} without consent`);
  await asked.serve(t, ...rules);
  t.strictSame(await answers(), without, 'and when they are gone');
});

void t.test('a listener without rules, or with a hostname of its own', async (t) => {
  for (const hostname of ['*', '*.example.com', 'a.example.com']) {
    await asked.serveBehind(t, { hostname, filters: [external('http')] });
    t.equal((await send('a.example.com', 401)).status, 401, hostname);
    t.equal((await send('a.example.com', 200)).status, 404, hostname);
  }
  const count = http.asked.length;
  t.equal((await send('b.test', 401)).status, 404, 'no listener is for it');
  t.equal(http.asked.length, count);
  const open = listenerEntry({ name: 'open', port: gateway.port, hostname: 'open.example.com' });
  const filtered = listenerEntry({ port: gateway.port, filters: [external('http')] });
  await asked.serveEntries(t, filtered, open, ruleEntry({ hosts: [['open', 'open.example.com']] }));
  t.equal(answerer(await send('open.example.com', 401)), 'web', 'another listener of the port asks nobody');
  t.equal((await send('shut.example.com', 401)).status, 401);
});

void t.test('routes are matched once, after the last of them', async (t) => {
  asked.decide = ({ headers, path }) => ({
    status: Number(headers['x-say'] ?? 200),
    headers: path.startsWith('/second')
      ? {
          'x-team': `${headers['x-team'] ?? 'none'}-b`,
          'x-fleetgate-scope': `${gateway.port}|evil.test`,
          host: 'evil.test',
        }
      : { 'x-team': 'a', host: 'evil.test' },
  });
  const named = { allowedHeaders: ['x-say', 'x-team'] };
  const filters = [external('http', named), external('http', { ...named, pathPrefix: '/second' })];
  await asked.serveBehind(
    t,
    { filters },
    { name: 'client', matches: team('client'), to: 'mirror' },
    { name: 'a', matches: team('a'), to: 'mirror' },
    { name: 'ab', matches: team('a-b'), to: 'api', filters: [external('grpc')] },
    { name: 'evil', hosts: ['evil.test'], to: 'mirror' },
    { name: 'rest' },
  );
  const count = grpc.asked.length;
  const answer = await gateway.ask({ host: 'a.example.com', headers: [['X-Team', 'client']] });
  t.equal(answerer(answer), 'api', 'by what both consents said, and never by another host');
  t.equal(answer.echo?.headers.host, 'a.example.com');
  t.equal(grpc.asked.length, count + 1, 'the rule that was chosen so asks whom it asks');
  asked.decide = asTold;
});

void t.test('grpc: what a consent may change', async (t) => {
  asked.decide = () => ({
    status: 200,
    headers: { ':path': '/new', host: 'evil.test', ':authority': 'evil.test', 'x-fleetgate-scope': 'evil' },
    removed: ['x-fleetgate-scope', 'host'],
  });
  await asked.serveBehind(
    t,
    { filters: [external('grpc')] },
    { name: 'new', matches: ['/new'], to: 'api' },
    { name: 'evil', hosts: ['evil.test'], to: 'mirror' },
    { name: 'rest' },
  );
  const answer = await gateway.ask({ host: 'a.example.com', path: '/old' });
  t.match([answerer(answer), answer.echo?.url, answer.echo?.headers.host], ['api', '/new', 'a.example.com']);
  asked.decide = asTold;
  t.equal((await gateway.ask({ host: 'a.example.com', headers: says(403) })).status, 403);
});

void t.test('a body is seen before routing, whole or not at all', async (t) => {
  await asked.serveBehind(t, { filters: [external('http', { bodyMax: 10 }), external('grpc', { bodyMax: 10 })] }, {});
  t.equal(answerer(await post('hello')), 'web');
  t.strictSame([http.asked.at(-1)?.body, grpc.asked.at(-1)?.body], ['hello', 'hello']);
  const count = http.asked.length;
  t.equal((await post('hello hello hello')).status, 413);
  t.equal(http.asked.length, count);
});

void t.test('a websocket is asked about like every request', async (t) => {
  await asked.serveBehind(
    t,
    { filters: [external('http', { bodyMax: 10 })] },
    { filters: [external('grpc', { bodyMax: 10 })] },
  );
  t.equal(await upgrade(200), 'HTTP/1.1 101');
  t.equal(await upgrade(401), 'HTTP/1.1 401');
});

void t.test('nobody to ask: all is refused', async (t) => {
  const cases = [
    [{ backend: { key: backendEntry('auth-gone')[0] } }, 403],
    [{ backend: { key: backendEntry('auth-none')[0] } }, 403],
    [{ backend: { key: backendEntry('auth-absent')[0] } }, 500],
    [{ backend: { invalid: 'RefNotPermitted' } }, 500],
    [{ allowedHeaders: ['bad name'] }, 500],
  ] as const;
  for (const [more, status] of cases) {
    await asked.serveBehind(t, { filters: [external('http'), external('http', more)] }, { hosts: ['a.example.com'] });
    for (const host of ['a.example.com', 'A.example.com', 'other.test'])
      t.equal((await send(host, 200)).status, status, `${JSON.stringify(more)}: ${host}`);
    t.equal(gateway.compiler.problems().length, status === 500 ? 1 : 0);
  }
  await asked.serveBehind(t, { filters: Array.from({ length: 5 }, () => external('http')) }, {});
  t.equal((await send('a.example.com', 200)).status, 500, 'more than there are places for');
});

void t.test('rules, preflights, redirects and errors are behind them, gRPC too', async (t) => {
  await asked.serveBehind(
    t,
    { filters: [external('http')] },
    { name: 'r', matches: ['/r'], to: { type: 'redirect', redirect: { statusCode: 302, hostname: 'b.test' } } },
    { name: 'i', matches: ['/i'], to: { type: 'invalid', reason: 'x' } },
    { name: 'g', kind: 'GRPCRoute', hosts: ['grpc.test'], to: 'grpc' },
  );
  t.equal((await send('a.example.com', 200, '/r')).status, 302);
  t.equal((await send('a.example.com', 200, '/i')).status, 500);
  for (const path of ['/r', '/i']) t.equal((await send('a.example.com', 401, path)).status, 401);
  t.equal((await call('200')).echo?.backend, 'grpc');
  t.equal((await call('403')).headers['grpc-status'], '7', 'PERMISSION_DENIED');
});

void t.test('HTTPS: every hostname, and connections for another', async (t) => {
  for (const name of ['exact', 'wildcard', 'default']) {
    const file = (end: string): string => readFileSync(new URL(`testdata/tls/${name}.${end}`, import.meta.url), 'utf8');
    const item = { kind: 'tls', certificate: file('crt'), key: file('key') } as const;
    gateway.compiler.setDiscovery([{ key: `tls/eu/infra/${name}`, item }], []);
  }
  await asked.serveEntries(
    t,
    https('exact', 'a.example.com'),
    https('wildcard', '*.example.com'),
    https('default', '*'),
    ruleEntry({ name: 'a', hosts: [['exact', 'a.example.com']], to: 'api' }),
    ruleEntry({ name: 'w', hosts: [['wildcard', 'w.example.com']] }),
  );
  t.equal(await over('a.example.com', 'a.example.com', 401), 'api', 'its listener asks nobody');
  for (const host of ['w.example.com', 'W.example.com', 'x.example.com'])
    t.equal(await over('w.example.com', host, 401), '401', host);
  t.equal(await over('w.example.com', 'w.example.com', 200), 'web');
  t.equal(await over('w.example.com', 'x.example.com', 200), '404');
  t.equal(await over('else.test', 'else.test', 401), '401');
  const count = http.asked.length;
  for (const host of ['w.example.com', 'W.example.com', 'else.test'])
    t.equal(await over('a.example.com', host, 200), '421', `${host} over a connection for a.example.com`);
  t.equal(http.asked.length, count, 'the request is none of their listener');
});

void t.test('no connection is drained when they come, change and go', async (t) => {
  await asked.serve(t, {});
  const connection = await openConnection(gateway.port);
  const counters = (): Promise<string> => gateway.envoy.admin('/stats?filter=^listener_manager|downstream_cx_drain');
  const before = await counters();
  const stages = [
    [[external('http')], '401'],
    [[external('http', { allowedHeaders: [] })], '200'],
    [[external('http', { allowedHeaders: [] }), external('grpc')], '401'],
    [undefined, '200'],
  ] as const;
  for (const [filters, expected] of stages) {
    await asked.serveBehind(t, filters === undefined ? { filters: [] } : { filters }, {});
    const { status, headers } = await connection.ask({ host: 'a.example.com', headers: says(401) });
    t.equal(`${status}`, expected);
    t.not(headers['connection'], 'close');
  }
  t.equal(await counters(), before, 'no counter of a listener moved');
  connection.close();
});

t.end();
