// Asks the matcher by cases: who answers, what becomes of the request, and why the other rules do not.
import t from 'tap';
import type { Entry, StreamRuleEntry } from '#libs/snapshot/entry.ts';
import { backendEntry, listenerEntry, longAgo, ruleEntry, type RuleOptions } from '#libs/testing/given/entries.ts';
import type { ClientTls } from './client-tls.ts';
import { originMatches } from './cors.ts';
import { explainRequest } from './explain.ts';
import { lossText } from './loss-text.ts';
import { compileMatcher, type Matcher } from './matcher.ts';
import { changePath } from './path-change.ts';
import { normalisePath } from './path.ts';
import type { HttpRequest } from './request.ts';
import type { Verdict } from './verdict.ts';

type Keyed = readonly [key: string, entry: Entry];

const matcherOf = (...entries: readonly Keyed[]): Matcher =>
  compileMatcher([{ gateway: 'eu/infra/web', entries: [backendEntry('web'), backendEntry('api'), ...entries] }]);
const get = (host: string, path = '/', more: Partial<HttpRequest> = {}): HttpRequest => ({
  port: 80,
  method: 'GET',
  host,
  path,
  headers: [],
  ...more,
});

/** Who answers, in a word. */
function answer(verdict: Verdict): string {
  if (verdict.type === 'refused' || verdict.type === 'closed' || verdict.type === 'reset') return verdict.type;
  if (verdict.type === 'unrouted') return String(verdict.status);
  return verdict.rule.entry.route.name;
}

void t.test('the whole way: protocol, server name, Host', async (t) => {
  const certificates = ['tls/eu/infra/cert'];
  const secure = { port: 443, protocol: 'HTTPS', certificates } as const;
  const matcher = matcherOf(
    listenerEntry(),
    listenerEntry({ ...secure, name: 'wide', hostname: '*.example.com' }),
    listenerEntry({ ...secure, name: 'exact', hostname: 'a.example.com' }),
    listenerEntry({ ...secure, name: 'bare', hostname: 'bare.example.com', certificates: [] }),
    ruleEntry({ name: 'plain' }),
    ruleEntry({ name: 'wide', hosts: [['wide', '*.example.com']] }),
    ruleEntry({ name: 'exact', hosts: [['exact', 'a.example.com']] }),
  );
  const secured = (host: string, serverName?: string): string =>
    answer(matcher.match(get(host, '/', { port: 443, tls: serverName === undefined ? {} : { serverName } })));
  t.equal(answer(matcher.match(get('any.example'))), 'plain');
  t.equal(answer(matcher.match(get('any.example', '/', { port: 81 }))), 'refused');
  t.equal(answer(matcher.match(get('any.example', '/', { tls: {} }))), 'closed', 'TLS where HTTP is');
  t.equal(answer(matcher.match(get('a.example.com', '/', { port: 443 }))), 'closed', 'HTTP where TLS is');
  t.equal(secured('a.example.com', 'A.example.com'), 'exact');
  t.equal(secured('b.example.com', 'b.example.com'), 'wide');
  t.equal(secured('a.example.com', 'b.example.com'), '421');
  t.equal(secured('other.test', 'b.example.com'), '404', 'nobody has the host');
  t.equal(secured('a.example.com'), 'closed', 'no server name, and no listener for any');
  t.equal(secured('bare.example.com', 'bare.example.com'), 'closed', 'no certificate');
  t.equal(answer(matcher.match(get('a.test,b.test'))), '400');
});

void t.test('connections: TLS that passes through beside HTTPS, TCP, UDP', async (t) => {
  const matcher = matcherOf(
    listenerEntry({
      name: 'web',
      port: 443,
      protocol: 'HTTPS',
      hostname: 'web.test',
      certificates: ['tls/eu/infra/cert'],
    }),
    listenerEntry({ name: 'db', port: 443, protocol: 'TLS', tlsMode: 'Passthrough', hostname: '*.db.test' }),
    listenerEntry({ name: 'tcp', port: 53, protocol: 'TCP' }),
    listenerEntry({ name: 'udp', port: 53, protocol: 'UDP' }),
    streamRule('young', { listener: 'tcp', hostname: '*' }, '2021-01-01T00:00:00Z'),
    streamRule('old', { listener: 'tcp', hostname: '*' }),
    streamRule('dns', { listener: 'udp', hostname: '*' }),
    streamRule('any', { listener: 'db', hostname: '*.db.test' }),
    streamRule('one', { listener: 'db', hostname: 'one.db.test' }),
  );
  const tls = (serverName: string): string =>
    answer(matcher.connect({ port: 443, transport: 'tcp', tls: { serverName } }));
  t.equal(tls('one.db.test'), 'one');
  t.equal(tls('two.db.test'), 'any');
  t.equal(tls('db.test'), 'closed');
  t.equal(tls('web.test'), 'closed', 'that is HTTPS');
  t.equal(answer(matcher.match(get('one.db.test', '/', { port: 443, tls: { serverName: 'one.db.test' } }))), 'one');
  t.equal(answer(matcher.connect({ port: 53, transport: 'tcp' })), 'old', 'the oldest route has it');
  t.equal(answer(matcher.connect({ port: 53, transport: 'udp' })), 'dns');
  t.equal(answer(matcher.connect({ port: 54, transport: 'udp' })), 'refused');
  t.match(matcher.connect({ port: 53, transport: 'udp' }), {
    shares: [
      { backend: { key: 'backend/eu/shop/web/80' }, share: 0.75 },
      { backend: { invalid: 'no Service' }, share: 0.25 },
    ],
  });
});

void t.test('repeated headers match each for itself, as Envoy has it', async (t) => {
  const matcher = matcherOf(
    listenerEntry(),
    ruleEntry({ name: 'two', matches: withHeader('2') }),
    ruleEntry({ name: 'joined', matches: withHeader('1,3') }),
  );
  const ask = (...values: readonly string[]): string =>
    answer(matcher.match(get('a', '/', { headers: values.map((value) => ['X-A', value]) })));
  t.equal(ask('1', '2'), 'two');
  t.equal(ask('1,3'), 'joined');
  t.equal(ask('1', '3'), '404');
});

void t.test('paths, prefixes and origins', async (t) => {
  const paths = {
    '/a/../b': '/b',
    '/a/./b': '/a/b',
    '/a/..': '/',
    '/%61%2Fb': '/a%2Fb',
    '//a': '//a',
    '/a/%2e%2E/b': '/b',
    '/"a': '/%22a',
  };
  for (const [path, normal] of Object.entries(paths)) t.equal(normalisePath(path), normal, path);
  const prefix = { type: 'PathPrefix', value: '/foo' } as const;
  const replace = (path: string, value: string) => changePath(path, { type: 'prefix', value }, prefix);
  t.same(
    ['/foo/bar', '/foo', '/foo/'].map((path) => replace(path, '/xyz')),
    ['/xyz/bar', '/xyz', '/xyz/'],
  );
  t.same(
    ['/foo/bar', '/foo', '/foo/'].map((path) => replace(path, '/')),
    ['/bar', '/', '/'],
  );
  t.match(changePath('/x', { type: 'prefix', value: '/y' }, { type: 'Exact', value: '/x' }), { problem: /prefix/ });
  t.ok(originMatches('https://*.a.test', 'https://x.y.a.test'));
  t.ok(originMatches('https://a.test', 'https://A.test:443'));
  t.notOk(originMatches('https://*.a.test', 'https://a.test'));
  t.notOk(originMatches('https://a.test', 'http://a.test'));
  t.notOk(originMatches('https://a.test', 'null'));
});

void t.test('who gets in by TLS', async (t) => {
  const authorities = ['ca/eu/ConfigMap/infra/one', 'ca/eu/ConfigMap/infra/two'];
  const tls = { port: 443, protocol: 'TLS', tlsMode: 'Terminate', certificates: ['tls/eu/infra/cert'] } as const;
  const strict = { mode: 'AllowValidOnly', authorities } as const;
  const matcher = matcherOf(
    listenerEntry({ ...tls, name: 'strict', hostname: 'strict.test', protocol: 'HTTPS', clientValidation: strict }),
    listenerEntry({ ...tls, name: 'inside', hostname: 'inside.test', clientValidation: strict }),
    listenerEntry({
      ...tls,
      name: 'lax',
      hostname: 'lax.test',
      protocol: 'HTTPS',
      clientValidation: { mode: 'AllowInsecureFallback', authorities },
    }),
    listenerEntry({ ...tls, name: 'never', hostname: 'never.test', certificates: [], refusesClients: true }),
    listenerEntry({ ...tls, name: 'through', hostname: 'through.test', tlsMode: 'Passthrough', certificates: [] }),
    ruleEntry({ name: 'strict', hosts: [['strict', 'strict.test']] }),
    ruleEntry({ name: 'lax', hosts: [['lax', 'lax.test']] }),
    streamRule('inside', { listener: 'inside', hostname: 'inside.test' }),
    streamRule('through', { listener: 'through', hostname: 'through.test' }),
  );
  const clients: Readonly<Record<string, Pick<ClientTls, 'certificate'>>> = {
    none: {},
    wrong: { certificate: { signedBy: ['ca/eu/ConfigMap/infra/three'] } },
    untrusted: { certificate: { signedBy: [] } },
    second: { certificate: { signedBy: ['ca/eu/ConfigMap/infra/two'] } },
    trusted: { certificate: { signedBy: 'any' } },
  };
  const expected: Readonly<Record<string, string>> = {
    'strict.test': 'closed closed closed strict strict',
    'lax.test': 'lax lax lax lax lax',
  };
  for (const [serverName, answers] of Object.entries(expected)) {
    const found = Object.values(clients).map((client) =>
      answer(matcher.match({ ...get(serverName, '/'), port: 443, tls: { serverName, ...client } })),
    );
    t.equal(found.join(' '), answers, serverName);
  }
  const connected = (serverName: string, client: Pick<ClientTls, 'certificate'> = {}): string =>
    answer(matcher.connect({ port: 443, transport: 'tcp', tls: { serverName, ...client } }));
  t.same(
    Object.values(clients).map((client) => connected('inside.test', client)),
    ['closed', 'closed', 'closed', 'inside', 'inside'],
  );
  t.equal(connected('through.test'), 'through', 'a backend that is passed through to asks for itself');
  t.match(matcher.match({ ...get('strict.test', '/'), port: 443, tls: { serverName: 'strict.test' } }), {
    reason: 'the listener for strict.test demands a certificate of clients',
  });
  t.match(matcher.connect({ port: 443, transport: 'tcp', tls: { serverName: 'never.test' } }), {
    reason: 'the listener for never.test demands of clients what cannot be had',
  });
  t.match(matcher.connect({ port: 443, transport: 'tcp' }), { type: 'closed', reason: /takes TLS, not plain text/ });
});

void t.test('why the others do not answer', async (t) => {
  const matcher = matcherOf(
    listenerEntry(),
    listenerEntry({ name: 'other', port: 8080 }),
    listenerEntry({ name: 'narrow', hostname: 'x.a.test' }),
    ruleEntry({ name: 'winner', hosts: ['a.test'], matches: ['/a'] }),
    ruleEntry({ name: 'z-same', hosts: ['a.test'], matches: ['/a'] }),
    ruleEntry({ name: 'young', createdAt: '2021-01-01T00:00:00Z', hosts: ['a.test'], matches: ['/b', '/a'] }),
    ruleEntry({ name: 'short', hosts: ['a.test'], matches: ['/'] }),
    ruleEntry({ name: 'any', matches: ['/a'] }),
    ruleEntry({ name: 'post', hosts: ['a.test'], matches: [{ method: 'POST' }] }),
    ruleEntry({ name: 'b', hosts: ['b.test'] }),
    ruleEntry({ name: 'elsewhere', hosts: [['other', 'a.test']] }),
    ruleEntry({ name: 'never', hosts: ['a.test'], matches: [{ path: { type: 'RegularExpression', value: '(' } }] }),
  );
  const { verdict, losers } = explainRequest(matcher, get('a.test', '/a'));
  t.equal(answer(verdict), 'winner');
  const texts = losers.map((loser) => `${loser.rule.entry.route.name} ${loser.match}: ${lossText(loser)}`);
  const winner = 'HTTPRoute shop/winner rule 0';
  t.same(texts.toSorted(), [
    `any 0: it matches too, but ${winner} comes first: it has a more specific hostname`,
    'b 0: it is for b.test',
    'elsewhere 0: its listeners are on port 8080',
    'never 0: ( is not a regular expression: it never matches',
    'post 0: the method is not POST',
    `short 0: it matches too, but ${winner} comes first: its path is longer`,
    'young 0: the path is not below /b',
    `young 1: it is shadowed by ${winner}, which has the same match: its route is older`,
    `z-same 0: it is shadowed by ${winner}, which has the same match: its route comes first by name`,
  ]);
  const isolated = explainRequest(matcher, get('x.a.test', '/a'));
  t.equal(answer(isolated.verdict), '404');
  const any = isolated.losers.find(({ rule }) => rule.entry.route.name === 'any');
  t.equal(any && lossText(any), 'its listener is for *, and the host belongs to the listener for x.a.test');
});

t.end();

function streamRule(name: string, host: StreamRuleEntry['hosts'][number], createdAt = longAgo): Keyed {
  const route = { kind: 'TCPRoute', cluster: 'eu', namespace: 'shop', name, createdAt };
  const backends = [
    { key: 'backend/eu/shop/web/80', weight: 3 },
    { invalid: 'no Service', weight: 1 },
  ];
  return [`rule/TCPRoute/shop/${name}/0`, { kind: 'stream-rule', route, index: 0, hosts: [host], backends }];
}

function withHeader(value: string): NonNullable<RuleOptions['matches']> {
  return [{ headers: [{ type: 'Exact', name: 'x-a', value }] }];
}
