// What becomes of a request's header lines, its path and its method before routes are looked for: the matcher says what
// Envoy does, for every name of its tables and for what stands beside them.
import t from 'tap';
import { backendEntry, listenerEntry, ruleEntry } from '#libs/testing/given/entries.ts';
import { startServedGateway } from '#libs/testing/peers/served-gateway.ts';
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
  { wanted: ['x-forwarded-proto', 'http'], sent: [['x-forwarded-proto', 'https']] },
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

void t.test('cookies are lines of their own over HTTP/1.1, and one over HTTP/2', async (t) => {
  const values = ['a=1', 'b=2', 'a=1; b=2', 'a=1,b=2'];
  const rules = [
    ...values.map((value, index) => ruleOf({ wanted: ['cookie', value], sent: [] }, index)),
    ruleEntry({ name: 'rest', to: 'web' }),
  ];
  await gateway.serve(t, ...rules);
  const matcher = compileMatcher([{ gateway: 'eu/infra/gateway', entries: [listenerEntry(), ...backends, ...rules] }]);
  const sent: readonly Line[] = [
    ['cookie', 'a=1'],
    ['cookie', 'b=2'],
  ];
  for (const [index, value] of values.entries()) {
    const path = `/${index}`;
    t.equal(said(matcher, { path, headers: sent }), await gateway.asked({ path, headers: sent }), `HTTP/1.1: ${value}`);
    const headers = { ':path': path, ':authority': host, cookie: ['a=1', 'b=2'] };
    const answer = await askHttp2(gateway.port, { headers });
    t.equal(said(matcher, { path, headers: sent }, '2'), answer.echo?.backend, `HTTP/2: ${value}`);
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
