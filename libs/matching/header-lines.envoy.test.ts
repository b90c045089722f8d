// What becomes of a request's header lines, its path and its method before routes are looked for: the matcher says what
// Envoy does, for every name of its tables and for what stands beside them.
import t from 'tap';
import { backendEntry, listenerEntry, ruleEntry } from '#libs/testing/given/entries.ts';
import { askRawHttp2 } from '#libs/testing/peers/raw-http2.ts';
import { startServedGateway } from '#libs/testing/peers/served-gateway.ts';
import { overHttp2 } from '#libs/testing/given/random-headers.ts';
import { askAllHttp2 } from '#libs/testing/peers/http2-connections.ts';
import { type Ask, askHttp2 } from '#libs/testing/peers/http-peers.ts';
import { joinedNames, unseenNames } from './header-lines.ts';
import { compileMatcher, type Matcher } from './matcher.ts';

const gateway = await startServedGateway(t);
const backends = [backendEntry('web'), backendEntry('api')];
const host = 'a.example.com';

type Line = readonly [name: string, value: string];

/** A rule of its own for each header that is asked for; everything else is the rest's. */
interface HeaderCase {
  readonly wanted: readonly [name: string, value: string, type?: 'Exact' | 'RegularExpression'];
  readonly sent: readonly Line[];
}

const ordinary = [
  'x-version',
  'accept-language',
  'forwarded',
  'cookie',
  'dnt',
  'range',
  'b3',
  'x-envoy-foo',
  'priority',
];
/** These lines mean something to Envoy or to the backend itself. */
const meaningful = new Set(['connection', 'expect', 'transfer-encoding', 'upgrade']);
const names = [...ordinary, ...joinedNames, ...unseenNames].filter((name) => !meaningful.has(name));

const repeated: readonly HeaderCase[] = names.flatMap((name) =>
  ['a', 'a,b', 'a, b'].map((value) => ({
    wanted: [name, value] as const,
    sent: [
      [name, 'a'],
      [name, 'b'],
    ] as const,
  })),
);
const single: readonly HeaderCase[] = names.flatMap((name) => [
  { wanted: [name, 'a'] as const, sent: [[name, 'a']] as const },
  { wanted: [name, '.*', 'RegularExpression'] as const, sent: [[name, 'a']] as const },
  { wanted: [name, '.*', 'RegularExpression'] as const, sent: [] },
]);
const referers = [
  ...[
    'https://shop.example/a?b=c:d',
    'https://shop.example',
    'h-1+2.3://a',
    '1://a',
    'http://a_b/',
    'http://-/',
    'http:a',
  ],
  ...['http://a:65535', 'http://a:65536', 'http://a:', 'http://a:x', 'http://[::1]:1/', 'http://[1]/', 'http://[]/'],
  ...['http://u@a/', 'http://a/u@b', 'http://a/#', 'http://a/#b', 'http://a#', 'http://a/"<>^`{|}\\', 'http://a/ b'],
  ...[
    '/',
    '',
    '*',
    '/a:b',
    'a:b',
    'a/b:c',
    '?a:b',
    '//a',
    '/a#b',
    '/"',
    'a b',
    'http://a/é',
    '/é',
    'http://a/,http://b/',
  ],
];
const special: readonly HeaderCase[] = [
  {
    wanted: ['accept', 'a'],
    sent: [
      ['accept', 'a'],
      ['accept', ''],
    ],
  },
  {
    wanted: ['accept', 'a,'],
    sent: [
      ['accept', 'a'],
      ['accept', ''],
    ],
  },
  { wanted: ['x-version', 'a , b'], sent: [['x-version', '\ta , b\t']] },
  { wanted: ['x-version', '\ta , b\t'], sent: [['x-version', '\ta , b\t']] },
  {
    wanted: ['accept', ' a ,b'],
    sent: [
      ['accept', ' a '],
      ['accept', 'b'],
    ],
  },
  ...referers.map((value): HeaderCase => ({
    wanted: ['referer', '.*', 'RegularExpression'],
    sent: [['referer', value]],
  })),
  { wanted: ['x-version', 'voilà'], sent: [['x-version', utf8('voilà')]] },
  { wanted: ['x-version', '.*', 'RegularExpression'], sent: [['x-version', '']] },
  { wanted: ['x-version', 'caf.', 'RegularExpression'], sent: [['x-version', 'café']] },
  { wanted: ['x-version', 'caf.', 'RegularExpression'], sent: [['x-version', utf8('café')]] },
  { wanted: ['x-version', 'caf..', 'RegularExpression'], sent: [['x-version', utf8('café')]] },
  { wanted: ['x-version', 'caf[é]+', 'RegularExpression'], sent: [['x-version', utf8('café')]] },
  { wanted: ['x-version', '(?i)CAFÉ', 'RegularExpression'], sent: [['x-version', utf8('café')]] },
  { wanted: ['x-version', 'café'], sent: [['x-version', utf8('café')]] },
  { wanted: ['x-version', 'café'], sent: [['x-version', 'café']] },
  { wanted: ['x_version', 'a'], sent: [['x_version', 'a']] },
  { wanted: ['x_forwarded-for', 'a'], sent: [['X_Forwarded-For', 'a']] },
  { wanted: ['te', 'trailers'], sent: [['te', 'gzip, trailers']] },
  { wanted: ['te', 'gzip, trailers'], sent: [['te', 'gzip, trailers']] },
  {
    wanted: ['te', 'trailers'],
    sent: [
      ['te', 'trailers'],
      ['te', 'trailers'],
    ],
  },
  { wanted: ['te', '.*', 'RegularExpression'], sent: [['te', 'Trailers']] },
  { wanted: ['te', '.*', 'RegularExpression'], sent: [['te', '']] },
  {
    wanted: ['te', 'trailers'],
    sent: [
      ['te', 'Trailers, gzip'],
      ['connection', 'TE'],
    ],
  },
  {
    wanted: ['te', '.*', 'RegularExpression'],
    sent: [
      ['te', 'gzip'],
      ['connection', 'te'],
    ],
  },
  {
    wanted: ['x-version', 'a'],
    sent: [
      ['connection', 'X-Version'],
      ['x-version', 'a'],
    ],
  },
  {
    wanted: ['x-version', 'a'],
    sent: [
      ['connection', 'close'],
      ['connection', 'x-version'],
      ['x-version', 'a'],
    ],
  },
  {
    wanted: ['authorization', 'a'],
    sent: [
      ['connection', 'authorization'],
      ['authorization', 'a'],
    ],
  },
  {
    wanted: ['x-version', 'a'],
    sent: [
      ['connection', 'a,b,c,d,e,f,g,h,'],
      ['x-version', 'a'],
    ],
  },
  {
    wanted: ['x-version', 'a'],
    sent: [
      ['connection', 'a,b,c,d,e,f,g,h,i,j'],
      ['x-version', 'a'],
    ],
  },
  ...['x-forwarded-for', 'X-Forwarded-Host', 'x-forwarded-proto', 'x-forwarded-port', ':path', 'host'].map(
    (name): HeaderCase => ({
      wanted: ['x-version', 'a'],
      sent: [
        ['connection', name],
        ['x-version', 'a'],
      ],
    }),
  ),
  { wanted: ['connection', '.*', 'RegularExpression'], sent: [['connection', 'close']] },
  { wanted: ['upgrade', '.*', 'RegularExpression'], sent: [['upgrade', 'websocket']] },
  {
    wanted: ['upgrade', '.*', 'RegularExpression'],
    sent: [
      ['connection', 'upgrade'],
      ['upgrade', 'h2c'],
    ],
  },
  {
    wanted: ['http2-settings', 'a'],
    sent: [
      ['connection', 'upgrade'],
      ['upgrade', 'h2c'],
      ['http2-settings', 'a'],
    ],
  },
  { wanted: ['http2-settings', 'a'], sent: [['http2-settings', 'a']] },
  {
    wanted: ['x-forwarded-for', 'a,b,.*', 'RegularExpression'],
    sent: [
      ['x-forwarded-for', 'a'],
      ['x-forwarded-for', 'b'],
    ],
  },
  ...['x?', '.+-.+'].map((pattern): HeaderCase => ({
    wanted: ['x-request-id', pattern, 'RegularExpression'],
    sent: [['x-request-id', '']],
  })),
  { wanted: ['x-forwarded-proto', 'http'], sent: [['x-forwarded-proto', 'https']] },
  { wanted: ['transfer-encoding', '.*', 'RegularExpression'], sent: [['transfer-encoding', '']] },
  { wanted: ['content-length', '0'], sent: [['content-length', '0']] },
  {
    wanted: ['content-length', '0'],
    sent: [
      ['content-length', '0'],
      ['content-length', '0'],
    ],
  },
  { wanted: ['content-length', '0'], sent: [['content-length', 'none']] },
  { wanted: ['host', host], sent: [] },
];
const cases = [...repeated, ...single, ...special];

const ruleOf = ({ wanted: [name, value, type = 'Exact'] }: HeaderCase, index: number): ReturnType<typeof ruleEntry> =>
  ruleEntry({
    name: `r${index}`,
    to: 'api',
    matches: [{ path: { type: 'Exact', value: `/${index}` }, headers: [{ name, type, value }] }],
  });

void t.test('header lines over HTTP/1.1', async (t) => {
  const rules = [...cases.map(ruleOf), ruleEntry({ name: 'rest', to: 'web' })];
  await gateway.serve(t, ...rules);
  const matcher = compileMatcher([{ gateway: 'eu/infra/gateway', entries: [listenerEntry(), ...backends, ...rules] }]);
  for (const [index, { wanted, sent }] of cases.entries()) {
    const seen = await gateway.asked({ path: `/${index}`, headers: sent });
    const what = sent.map((line) => line.join(': ')).join(' | ');
    t.equal(said(matcher, { path: `/${index}`, headers: sent }), seen, `${what} against ${wanted.join(' ')}`);
  }
});

void t.test('header lines over HTTP/2', async (t) => {
  const rules = [...cases.map(ruleOf), ruleEntry({ name: 'rest', to: 'web' })];
  await gateway.serve(t, ...rules);
  const matcher = compileMatcher([{ gateway: 'eu/infra/gateway', entries: [listenerEntry(), ...backends, ...rules] }]);
  const asks = cases.map(({ sent }, index) => ({ path: `/${index}`, headers: overHttp2(sent) }));
  const answers = await askAllHttp2(
    { port: gateway.port },
    asks.map((ask) => ({ method: 'GET', host, ...ask })),
  );
  for (const [index, { wanted, sent }] of cases.entries()) {
    const answer = answers[index] ?? 'closed';
    const seen = typeof answer === 'string' ? answer : (answer.echo?.backend ?? `${answer.status}`);
    const what = sent.map((line) => line.join(': ')).join(' | ');
    t.equal(said(matcher, asks[index] ?? {}, '2'), seen, `${what} against ${wanted.join(' ')}`);
  }
});

void t.test('what HTTP/2 forbids is reset', async (t) => {
  const rules = [ruleEntry({ name: 'rest', to: 'web' })];
  await gateway.serve(t, ...rules);
  const matcher = compileMatcher([{ gateway: 'eu/infra/gateway', entries: [listenerEntry(), ...backends, ...rules] }]);
  const lines: readonly Line[] = [
    ...['connection', 'keep-alive', 'proxy-connection', 'upgrade', 'te', 'content-length', 'x-version'].flatMap(
      (name) => ['', 'a', '0', 'trailers'].map((value): Line => [name, value]),
    ),
    ['transfer-encoding', 'chunked'],
    ['connection', 'close'],
    ['te', 'trailers, gzip'],
    ['content-length', ' 0'],
    ['http2-settings', 'a'],
  ];
  const requests = [
    ...lines.map((line) => ({ path: '/', headers: [line] })),
    { path: '/', headers: [['content-length', '0'] as const, ['content-length', '0'] as const] },
    { path: 'a', headers: [] },
    { path: '/a#b', headers: [] },
    { path: '/', headers: [], host: 'a/b' },
    { path: '/', headers: [], host: 'a,b' },
  ];
  for (const request of requests) {
    const asked = { method: 'GET', host, ...request };
    const pseudo = { ':method': 'GET', ':path': asked.path, ':authority': asked.host, ':scheme': 'http' };
    const seen = await askRawHttp2(gateway.port, [...Object.entries(pseudo), ...asked.headers]);
    const verdict = matcher.match({ ...asked, port: 80, version: '2' });
    t.equal(verdict.type === 'reset' ? 'reset' : 'answered', seen, JSON.stringify(request));
  }
});

void t.test('cookies are lines of their own over HTTP/1.1, and one over HTTP/2', async (t) => {
  const values = ['a=1', 'b=2', 'a=1; b=2', 'a=1,b=2', 'a=1; ', '; b=2'];
  const rules = [
    ...values.map((value, index) => ruleOf({ wanted: ['cookie', value], sent: [] }, index)),
    ruleEntry({ name: 'rest', to: 'web' }),
  ];
  await gateway.serve(t, ...rules);
  const matcher = compileMatcher([{ gateway: 'eu/infra/gateway', entries: [listenerEntry(), ...backends, ...rules] }]);
  for (const cookie of [['a=1', 'b=2'], ['a=1', ''], ['', 'b=2'], ['']]) {
    const sent = cookie.map((one): Line => ['cookie', one]);
    for (const [index, value] of values.entries()) {
      const what = `${cookie.join(' | ')} against ${value}`;
      const asked = { path: `/${index}`, headers: sent };
      t.equal(said(matcher, asked), await gateway.asked(asked), `HTTP/1.1: ${what}`);
      const answer = await askHttp2(gateway.port, { headers: { ':path': `/${index}`, ':authority': host, cookie } });
      t.equal(said(matcher, asked, '2'), answer.echo?.backend, `HTTP/2: ${what}`);
    }
  }
});

void t.test('paths with parameters, and methods', async (t) => {
  const rules = [
    ruleEntry({ name: 'b', matches: ['/b'], to: 'api' }),
    ruleEntry({ name: 'a', matches: ['/a'], to: 'web' }),
    ruleEntry({ name: 'rest', matches: [{ path: { type: 'Exact', value: '/' } }], to: 'web' }),
  ];
  await gateway.serve(t, ...rules);
  const matcher = compileMatcher([{ gateway: 'eu/infra/gateway', entries: [listenerEntry(), ...backends, ...rules] }]);
  const paths = ['/a/..;x/b', '/a/.;x/../../b', '/a/..;/b', '/a/%2e%2e;x/b', '/a/..%3Bx/b', '/a/...;x/b', '/a;x/../b'];
  const more = [
    '/a/..;x',
    '/a/.;x',
    '/..;x/a',
    '/a/;x/b',
    '/a/b/..;x;y/c',
    '/a/..;x=/../b',
    '/a/..;%2f/b',
    '/a//..;x/b',
  ];
  const slashes = [
    '/a/..;x\\b',
    '/a\\..;x/b',
    '/a/b/../..;x/c',
    '/a/b/%2e%2e/..;x/b',
    '/%2e%2e;x/a',
    '/a/.;../b',
    '//..;x/b',
  ];
  for (const path of [...paths, ...more, ...slashes])
    t.equal(said(matcher, { path }), await gateway.asked({ path }), `GET ${path}`);
  const methods = ['QUERY', 'TRACE', 'PURGE', 'PROPFIND', 'FOO', 'get', 'CONNECT', 'UNSUBSCRIBE'];
  for (const method of methods)
    t.equal(said(matcher, { path: '/b', method }), await gateway.asked({ path: '/b', method }), method);
  const typed = { path: '/b', method: 'QUERY', headers: [['content-type', 'application/json']] } as const;
  t.equal(said(matcher, typed), await gateway.asked(typed), 'QUERY with a type');
  t.equal(said(matcher, typed), 'api');
});

t.end();

/** As a client sends it that writes UTF-8. */
function utf8(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

/** What the matcher says, in the words of `gateway.asked`. */
function said(
  matcher: Matcher,
  { path = '/', method = 'GET', headers = [] }: Ask,
  version: '1.1' | '2' = '1.1',
): string {
  const verdict = matcher.match({ port: 80, method, host, path, headers, version });
  if (verdict.type !== 'rule') return 'status' in verdict ? `${verdict.status}` : verdict.type;
  const { action } = verdict.rule.entry;
  return action.type === 'forward' && action.backends.some((one) => 'key' in one && one.key.includes('/api/'))
    ? 'api'
    : 'web';
}
