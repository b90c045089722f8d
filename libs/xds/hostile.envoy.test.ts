// Whatever an entry says, Envoy takes what is made of it, and the rest is served. The values here are past every
// validation before.
import * as fc from 'fast-check';
import t from 'tap';
import { backendEntry, listenerEntry, ruleEntry } from '#libs/testing/given/entries.ts';
import { startServedGateway } from '#libs/testing/peers/served-gateway.ts';
import { tlsFile } from '#libs/testing/peers/stream-gateway.ts';
import type { Entry, HttpFilter, HttpRuleEntry, RuleAction } from '#libs/snapshot/entry.ts';
import type { HttpMatch } from '#libs/gateway/objects/http-match.ts';
import { regexProblem } from '#libs/gateway/fields/regex.ts';

type Keyed = readonly [string, Entry];

const gateway = await startServedGateway(t);
const steady = ruleEntry({ name: 'steady', hosts: ['steady.test'] });

const nasty = [
  '',
  ' ',
  '\0',
  'a\r\nx-injected: 1',
  '%',
  '%REQ(',
  '%%REQ(:PATH)%',
  '\ud800',
  '😀',
  ':authority',
  'host',
  'Host',
  'x'.repeat(20_000),
  '/',
  '//',
  '/a?b#c',
  '/a/../b',
  '/%zz',
  '(',
  '(?=a)',
  'a{1001}',
  '((a{100}){10}){10}',
  `(${'\\pL'.repeat(50)}){20}`,
  `[${'āăą'.repeat(300)}]{300}`,
  '[^a]{1000}',
  '(?i)[a-zäöü]{900}',
  '\\p{Nonsense}',
  '\\p{Greek}',
  '.*',
  '\\1',
  '\\\\',
  '$0',
  '*',
  '*.',
  '.',
  '..',
  'a|b',
  '#',
  'a..b',
  'UPPER.test',
  '-',
  '[::1]',
  '1.2.3.4',
  'a'.repeat(300),
] as const;

const text = fc.oneof(
  fc.constantFrom(...nasty),
  fc.string({ unit: 'binary', maxLength: 30 }),
  fc.constantFrom('x-a', '/a', 'a.test'),
);
const number = fc.constantFrom(-1, 0, 0.5, 1, 99, 1_000_000, 4_294_967_295, 1e12, Number.MAX_SAFE_INTEGER);
const named = fc.array(fc.record({ type: fc.constantFrom('Exact', 'RegularExpression'), name: text, value: text }), {
  maxLength: 3,
});
const match: fc.Arbitrary<HttpMatch> = fc.record(
  {
    path: fc.record({ type: fc.constantFrom('Exact', 'PathPrefix', 'RegularExpression'), value: text }),
    headers: named,
    query: named,
    method: fc.oneof(text, fc.constant('GET')),
  },
  { requiredKeys: ['path', 'headers', 'query'] },
);
const headers = fc.array(fc.record({ name: text, value: text }), { maxLength: 3 });
const pathChange = fc.record({ type: fc.constantFrom('full', 'prefix'), value: text });
const backend = fc.oneof(
  fc.record({ key: fc.constantFrom('backend/eu/shop/web/80', 'backend/eu/shop/none/80') }),
  fc.record({ invalid: text }),
);
const names = fc.array(text, { maxLength: 2 });
const filter: fc.Arbitrary<HttpFilter> = fc.oneof(
  fc.record({
    type: fc.constantFrom('request-headers', 'response-headers'),
    set: headers,
    add: headers,
    remove: fc.array(text, { maxLength: 2 }),
  }),
  fc.record({ type: fc.constant('rewrite'), hostname: text, path: pathChange }, { requiredKeys: ['type'] }),
  fc.record({ type: fc.constant('mirror'), backend, numerator: number, denominator: number }),
  fc.record({
    type: fc.constant('cors'),
    allowOrigins: fc.array(fc.oneof(text, fc.constantFrom('https://*', 'https://*.a.test:8443')), { maxLength: 3 }),
    allowMethods: names,
    allowHeaders: names,
    exposeHeaders: names,
    allowCredentials: fc.boolean(),
    maxAgeSeconds: number,
  }),
);
const filters = fc.array(filter, { maxLength: 3 });
const statusCode = fc.constantFrom(301, 302, 303, 307, 308);
const action: fc.Arbitrary<RuleAction> = fc.oneof(
  fc.record({
    type: fc.constant('forward'),
    backends: fc.array(
      fc.tuple(backend, number, filters).map(([choice, weight, filters]) => ({ ...choice, weight, filters })),
      { maxLength: 3 },
    ),
  }),
  fc.record({
    type: fc.constant('redirect'),
    redirect: fc.record(
      { statusCode, scheme: fc.constantFrom('http', 'https'), hostname: text, port: number, path: pathChange },
      { requiredKeys: ['statusCode'] },
    ),
  }),
  fc.record({ type: fc.constant('invalid'), reason: text }),
);
const rule: fc.Arbitrary<Pick<HttpRuleEntry, 'matches' | 'filters' | 'action' | 'timeouts' | 'retry' | 'protocol'>> =
  fc.record(
    {
      matches: fc.array(match, { minLength: 1, maxLength: 3 }),
      filters,
      action,
      timeouts: fc.record({ requestMs: number, backendRequestMs: number }, { requiredKeys: [] }),
      retry: fc.record(
        { codes: fc.array(number, { maxLength: 3 }), attempts: number, backoffMs: number },
        { requiredKeys: ['codes', 'attempts'] },
      ),
      protocol: fc.constant('grpc'),
    },
    { requiredKeys: ['matches', 'filters', 'action'] },
  );

void t.test('rules', async (t) => {
  const rules = fc.sample(rule, { numRuns: 600, seed: 20_260 });
  const entries = rules.map((parts, index): Keyed => {
    const host = index % 2 === 0 ? `h${index}.test` : `*.h${index}.test`;
    const [key, entry] = ruleEntry({ name: `hostile-${index}`, hosts: [host] });
    return [key, { ...entry, ...parts }];
  });
  await gateway.serve(t, steady, ...entries);
  t.equal(await gateway.asked({ host: 'steady.test' }), 'web');
  const problems = gateway.compiler.problems();
  t.ok(problems.length > 300, `${problems.length} problems are known`);
  const reached = await Promise.all(entries.slice(0, 60).map((_, index) => gateway.asked({ host: `h${index}.test` })));
  t.ok(
    reached.every((one) => /^(web|[2345]\d\d)$/.test(one)),
    reached.join(' '),
  );
});

void t.test('TLS to backends', async (t) => {
  const good = 'ca/eu/ConfigMap/shop/good';
  const certificates = tlsFile('backend-ca.crt');
  gateway.compiler.setDiscovery([{ key: good, item: { kind: 'ca', certificates } }], []);
  const bad = nasty.map((value, index) => ({ key: `ca/eu/ConfigMap/shop/bad-${index}`, value }));
  const block = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----';
  gateway.compiler.setDiscovery(
    bad.map(({ key, value }) => ({ key, item: { kind: 'ca', certificates: `${value}${block}` } })),
    [],
  );
  const hostname = 'abc.example.com';
  const entries = [...nasty, ...bad].flatMap((value, index): Keyed[] => {
    const name = `tls-${index}`;
    const tls =
      typeof value === 'string' ? { hostname: value, authorities: [good] } : { hostname, authorities: [value.key] };
    const type = index % 2 === 0 ? ('URI' as const) : ('Hostname' as const);
    const subjectAltNames = typeof value === 'string' ? [{ type, value }] : [];
    return [
      backendEntry(name, { tls: { ...tls, subjectAltNames } }),
      backendEntry(`${name}-name`, { tls: { hostname, authorities: [good], subjectAltNames } }),
      ruleEntry({ name, hosts: [`${name}.test`], to: name }),
      ruleEntry({ name: `${name}-name`, hosts: [`${name}-name.test`], to: `${name}-name` }),
    ];
  });
  await gateway.serve(t, steady, ...entries);
  t.equal(await gateway.asked({ host: 'steady.test' }), 'web');
  t.equal(await gateway.asked({ host: `tls-${nasty.length}.test` }), '500', 'a bad authority');
});

void t.test('hostnames and listeners', async (t) => {
  const entries = nasty.flatMap((hostname, index): Keyed[] => [
    ruleEntry({ name: `host-${index}`, hosts: [hostname] }),
    ruleEntry({ name: `wild-${index}`, hosts: [`*.${hostname}`] }),
    listenerEntry({ name: `listener-${index}`, port: gateway.port, hostname }),
  ]);
  const ports = [-1, 0, 65_536, 1e9].map((port, index) => listenerEntry({ name: `port-${index}`, port }));
  await gateway.serve(
    t,
    steady,
    ...entries,
    ...ports,
    listenerEntry({ name: 'steady', port: gateway.port, hostname: 'steady.test' }),
    ruleEntry({ name: 'steady', hosts: [['steady', 'steady.test']] }),
  );
  t.equal(await gateway.asked({ host: 'steady.test' }), 'web');
});

void t.test('regular expressions', async (t) => {
  const pieces = [
    'a',
    '.',
    '[^a]',
    '\\w',
    '\\pL',
    '\\p{Greek}',
    '(?i)k',
    'ä',
    '[ā-ź]',
    'a*',
    'a+?',
    '^',
    '$',
    '|',
    '(',
    ')',
    '{2}',
    '{1,90}',
    '{1000}',
    '\\x{10ffff}',
    '\\b',
    '[[:word:]]',
    '(?:',
    '(?P<n>',
    '\\Q',
    '\\E',
    '\\d{3}',
    'x'.repeat(200),
  ];
  const patterns = fc.sample(
    fc.array(fc.constantFrom(...pieces), { minLength: 1, maxLength: 12 }).map((parts) => parts.join('')),
    { numRuns: 1500, seed: 7 },
  );
  const largest = ['.', '[^a]', '\\w', 'ä', '[ā-ź]', '(?i:k)', '\\pL', '\\PL', '[\\x{100}-\\x{10ffff}]'].map(
    (piece) => {
      let count = 1;
      while (regexProblem(`(?:${piece}){${count}}`) === undefined && count < 1000) count++;
      return `(?:${piece}){${count - 1}}`.repeat(count > 999 ? 3 : 1);
    },
  );
  const all = [...new Set([...patterns, ...largest])];
  const good = all.filter((pattern) => regexProblem(pattern) === undefined);
  t.ok(good.length > 100 && good.length < all.length, `${good.length} of ${all.length} pass`);
  const entries = all.map((value, index) =>
    ruleEntry({
      name: `regex-${index}`,
      hosts: [`r${index % 40}.test`],
      matches: [{ path: { type: 'RegularExpression', value } }],
    }),
  );
  await gateway.serve(t, steady, ...entries);
  t.equal(await gateway.asked({ host: 'steady.test' }), 'web');
});

t.end();
