// Tests which match comes first (HTTPRouteRule.matches), and which globs name a gateway.
import * as fc from 'fast-check';
import t from 'tap';
import type { HttpRuleEntry } from './entry.ts';
import type { HttpMatch, StringMatch } from '#libs/gateway/objects/http-match.ts';
import { matchesGateway } from './gateway-glob.ts';
import { compareMatches, originalHostname, type RankedMatch } from './precedence.ts';

function rule(
  name: string,
  edit: Partial<HttpRuleEntry['route']> = {},
  index = 0,
  matches: readonly HttpMatch[] = [],
): HttpRuleEntry {
  return {
    kind: 'http-rule',
    route: { kind: 'HTTPRoute', cluster: 'eu', namespace: 'a', name, createdAt: '2026-01-01T00:00:00Z', ...edit },
    index,
    hosts: [{ listener: 'http', hostname: '*' }],
    matches,
    filters: [],
    action: { type: 'forward', backends: [] },
  };
}

function match(type: HttpMatch['path']['type'], value: string, more: Partial<HttpMatch> = {}): HttpMatch {
  return { path: { type, value }, headers: [], query: [], ...more };
}

const field = (name: string) => ({ type: 'Exact', name, value: 'x' }) as const;

/** '~' before a regular expression. */
function part(value: string): StringMatch {
  return { type: value.startsWith('~') ? 'RegularExpression' : 'Exact', value: value.replace('~', '') };
}

function grpc(service: string | undefined, method: string | undefined, more: Partial<HttpMatch> = {}): HttpMatch {
  const parts = {
    ...(service === undefined ? {} : { service: part(service) }),
    ...(method === undefined ? {} : { method: part(method) }),
  };
  return match('PathPrefix', '/', { grpc: parts, ...more });
}

void t.test(
  'both kinds on one hostname: a gRPC method, then paths, then what takes every path; the order has no circles',
  async (t) => {
    const ordered = [
      grpc('a', undefined),
      grpc(undefined, '~M'),
      match('Exact', '/a/M'),
      match('RegularExpression', '/a/.*'),
      match('PathPrefix', '/a'),
      match('PathPrefix', '/', { method: 'GET' }),
      grpc(undefined, undefined, { headers: [field('a')] }),
      match('PathPrefix', '/', { query: [field('a')] }),
      match('PathPrefix', '/'),
    ];
    const ranked = ordered.map((one) => ({ match: one, rule: rule('r', {}, 0, [one]), hostname: '*' }));
    for (const [i, a] of ranked.entries())
      for (const b of ranked.slice(i + 1)) t.ok(compareMatches(a, b) < 0, JSON.stringify([a.match, b.match]));
  },
);

void t.test('of gRPC, more characters of service come first, then of method, then more headers', async (t) => {
  const ordered = [
    grpc('a.Longer', 'M'),
    grpc('a.B', 'Method'),
    grpc('a.B', 'M', { headers: [field('a')] }),
    grpc('a.B', 'M'),
    grpc('a.B', '~Method'),
    grpc('a.B', '~M'),
    grpc('a.B', undefined, { headers: [field('a'), field('b')] }),
    grpc('a.B', undefined),
    grpc('~a.[a-z]+', 'M'),
    grpc('~a.*', 'M'),
    grpc(undefined, 'Method'),
    grpc(undefined, '~.*'),
    grpc(undefined, undefined, { headers: [field('a')] }),
    grpc(undefined, undefined),
  ];
  const owner = rule('one', {}, 0, ordered);
  const ranked = ordered.map((one): RankedMatch => ({ match: one, rule: owner, hostname: '*' }));
  t.strictSame(
    ranked
      .toReversed()
      .toSorted(compareMatches)
      .map(({ match: one }) => ordered.indexOf(one)),
    ordered.map((_, i) => i),
  );
});

void t.test('the more specific match comes first', async (t) => {
  const ordered = [
    match('Exact', '/a/b'),
    match('Exact', '/a', { method: 'GET' }),
    match('Exact', '/a'),
    match('RegularExpression', '/[a-z]+/long'),
    match('RegularExpression', '/.*'),
    match('PathPrefix', '/a/b'),
    match('PathPrefix', '/a', { method: 'GET' }),
    match('PathPrefix', '/a', { headers: [field('a'), field('b')] }),
    match('PathPrefix', '/a', { headers: [field('a')], query: [field('q')] }),
    match('PathPrefix', '/a', { headers: [field('a')] }),
    match('PathPrefix', '/a', { query: [field('p'), field('q')] }),
    match('PathPrefix', '/a', { query: [field('q')] }),
    match('PathPrefix', '/a'),
    match('PathPrefix', '/'),
  ];
  const ranked = ordered.map((one) => ({ match: one, rule: rule('r'), hostname: '*' }));
  for (let shift = 1; shift < ranked.length; shift++) {
    const shuffled = [...ranked.slice(shift), ...ranked.slice(0, shift)];
    t.strictSame(
      shuffled.toSorted(compareMatches).map((one) => one.match),
      ordered,
    );
  }
});

void t.test('ties go to the oldest route, then its name, its cluster, its place', async (t) => {
  const same = match('PathPrefix', '/');
  const twice = [same, match('PathPrefix', '/')];
  const both = rule('b', { cluster: 'us' }, 1, twice);
  const ordered = [
    { match: same, rule: rule('z', { createdAt: '2025-12-31T23:59:59Z' }) },
    { match: same, rule: rule('a') },
    { match: same, rule: rule('b') },
    { match: same, rule: rule('b', { cluster: 'us' }) },
    ...twice.map((one) => ({ match: one, rule: both })),
    { match: same, rule: rule('a', { namespace: 'b' }) },
  ].map((one): RankedMatch => ({ ...one, hostname: '*' }));
  t.strictSame(ordered.toReversed().toSorted(compareMatches), ordered);
});

void t.test('the hostname of the route comes before its matches, and these before its age', async (t) => {
  const hostnames = ['abc.example.com', '*.example.com', '*.com', '*'];
  const matches = [match('Exact', '/path/prefix'), match('PathPrefix', '/path'), match('PathPrefix', '/')];
  const ages = [{ createdAt: '2025-01-01T00:00:00Z' }, {}];
  const ordered = hostnames.flatMap((hostname) =>
    matches.flatMap((one) => ages.map((age): RankedMatch => ({ match: one, rule: rule('r', age), hostname }))),
  );
  t.strictSame(ordered.toReversed().toSorted(compareMatches), ordered);
});

void t.test('entries from before the hostname of the route was noted rank by the effective one', async (t) => {
  const hosts = [
    { listener: 'one', hostname: 'abc.example.com', original: '*.com' },
    { listener: 'two', hostname: 'abc.example.com', original: '*.com' },
    { listener: 'one', hostname: 'x.example.com' },
  ];
  t.equal(originalHostname({ hosts }, 'abc.example.com'), '*.com');
  t.equal(originalHostname({ hosts }, 'x.example.com'), 'x.example.com');
  t.equal(originalHostname({ hosts: [] }, '*.com'), '*.com');
});

void t.test('globs name gateways', async (t) => {
  for (const [glob, gateway, expected] of [
    ['*/*/*', 'eu/infra/web', true],
    ['eu/*/web', 'eu/infra/web', true],
    ['eu/in*a/w*b', 'eu/infra/web', true],
    ['eu/*', 'eu/infra/web', false],
    ['*', 'eu/infra/web', false],
    ['eu/*/webs', 'eu/infra/web', false],
    ['eu/infra/w*eb*b', 'eu/infra/web', false],
    ['eu/i.fra/web', 'eu/infra/web', false],
    ['eu/*f*r*/web', 'eu/infra/web', true],
  ] as const) {
    t.equal(matchesGateway([glob], gateway, {}), expected, `${glob} and ${gateway}`);
  }
  t.notOk(matchesGateway([], 'eu/infra/web', {}));
  const part = fc.string({ unit: fc.constantFrom('a', 'b', '*'), maxLength: 6 });
  const text = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 8 });
  fc.assert(
    fc.property(part, text, (glob, name) => {
      const expected = new RegExp(`^${glob.replaceAll('*', '.*')}$`).test(name);
      return matchesGateway([`c/n/${glob}`], `c/n/${name}`, {}) === expected;
    }),
  );
});
