// The small rules of the Gateway API: hostnames, durations, addresses, selectors, references, and reading without
// trust.
import * as fc from 'fast-check';
import t from 'tap';
import { canonicalJson } from './canonical.ts';
import { Cursor } from '#libs/gateway/fields/cursor.ts';
import { durationMs } from '#libs/gateway/fields/duration.ts';
import { compareHostnameSpecificity, hostnameMatches, intersectHostnames } from './hostname.ts';
import { ipVersion } from './ip-address.ts';
import { selects } from '#libs/gateway/fields/label-selector.ts';
import { createdAt } from '#libs/gateway/fields/metadata.ts';
import { headerValue } from '#libs/gateway/fields/names.ts';
import { describeProblem, type Problem } from './problem.ts';
import { grants } from '#libs/gateway/objects/reference-grant.ts';
import { regexProblem } from '#libs/gateway/fields/regex.ts';

const pattern = fc.oneof(
  fc.constant('*'),
  fc
    .tuple(
      fc.constantFrom('', '*.'),
      fc.array(fc.constantFrom('a', 'b', 'example', 'com'), { minLength: 1, maxLength: 4 }),
    )
    .map(([star, labels]) => star + labels.join('.')),
);
const host = fc
  .array(fc.constantFrom('a', 'b', 'example', 'com'), { minLength: 1, maxLength: 5 })
  .map((labels) => labels.join('.'));

void t.test('hostnames match and intersect', async (t) => {
  for (const [listener, route, expected] of [
    ['*', '*', '*'],
    ['*', 'a.example.com', 'a.example.com'],
    ['test.example.com', '*.example.com', 'test.example.com'],
    ['*.example.com', 'foo.test.example.com', 'foo.test.example.com'],
    ['*.example.com', '*.test.example.com', '*.test.example.com'],
    ['*.example.com', 'example.com', undefined],
    ['*.example.com', 'badexample.com', undefined],
    ['*.example.com', 'test.example.net', undefined],
    ['a.example.com', 'b.example.com', undefined],
    ['*.a.com', '*.b.com', undefined],
  ] as const) {
    t.equal(intersectHostnames(listener, route), expected, `${listener} with ${route}`);
  }
  fc.assert(
    fc.property(pattern, pattern, host, (a, b, name) => {
      const common = intersectHostnames(a, b);
      const inBoth = hostnameMatches(a, name) && hostnameMatches(b, name);
      return common === intersectHostnames(b, a) && (common !== undefined && hostnameMatches(common, name)) === inBoth;
    }),
  );
  const sorted = ['*', '*.com', 'b.com', '*.a.com', 'long.a.com'].toSorted(compareHostnameSpecificity);
  t.strictSame(sorted, ['long.a.com', 'b.com', '*.a.com', '*.com', '*']);
});

void t.test('durations are those of GEP-2257', async (t) => {
  const good = { '0s': 0, '1h': 3_600_000, '1h30m': 5_400_000, '500ms': 500, '1s500ms': 1500, '2m3s': 123_000 };
  for (const [text, expected] of Object.entries(good)) t.equal(durationMs(text), expected, text);
  for (const text of ['', '1', '1d', '-1s', '1.5s', '1s 2s', '123456s', '1s1s1s1s1s'])
    t.equal(durationMs(text), undefined, text);
});

void t.test('IP addresses', async (t) => {
  for (const text of ['10.0.0.1', '255.255.255.255', '0.0.0.0']) t.equal(ipVersion(text), 4, text);
  for (const text of ['::', '::1', 'fd00::1', '1:2:3:4:5:6:7:8', '1::8', '::ffff:10.0.0.1', '1:2:3:4:5:6:10.0.0.1']) {
    t.equal(ipVersion(text), 6, text);
  }
  for (const text of [
    '',
    '1.2.3',
    '1.2.3.256',
    '01.2.3.4',
    ':',
    ':::',
    '1:2:3:4:5:6:7:8:9',
    '1::2::3',
    '12345::',
    'fe80::1%eth0',
    '1:2',
    'a.b.c.d',
    '::10.0.0.1::',
  ]) {
    t.equal(ipVersion(text), 0, text);
  }
});

void t.test('label selectors', async (t) => {
  const labels = { team: 'one', tier: '' };
  const check = (operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist', key: string, ...values: string[]): boolean =>
    selects([{ key, operator, values }], labels);
  t.ok(check('In', 'team', 'one', 'two'));
  t.notOk(check('In', 'absent', 'one'));
  t.ok(check('NotIn', 'absent', 'one'));
  t.notOk(check('NotIn', 'team', 'one'));
  t.ok(check('Exists', 'tier'));
  t.notOk(check('Exists', 'constructor'), 'what every object inherits is no label');
  t.ok(check('DoesNotExist', 'absent'));
  t.ok(selects([], {}));
});

void t.test('a grant names both ends', async (t) => {
  const grant = {
    from: [{ group: 'gateway.networking.k8s.io', kind: 'HTTPRoute', namespace: 'a' }],
    to: [
      { group: '', kind: 'Service' },
      { group: '', kind: 'Secret', name: 's' },
    ],
  };
  const reference = {
    fromGroup: 'gateway.networking.k8s.io',
    fromKind: 'HTTPRoute',
    fromNamespace: 'a',
    toGroup: '',
    toKind: 'Service',
    toName: 'x',
  };
  t.ok(grants(grant, reference));
  t.notOk(grants(grant, { ...reference, fromNamespace: 'b' }));
  t.notOk(grants(grant, { ...reference, fromKind: 'GRPCRoute' }));
  t.notOk(grants(grant, { ...reference, toKind: 'Secret' }));
  t.ok(grants(grant, { ...reference, toKind: 'Secret', toName: 's' }));
});

void t.test('regular expressions are RE2 only, and cost no time', async (t) => {
  t.equal(regexProblem('/v[12]/.*'), undefined);
  for (const text of ['a(?=b)', '(a)\\1', '(', 'a{1001}']) t.match(regexProblem(text), /that RE2 accepts/, text);
  for (const [text, why] of [
    ['', 'empty'],
    ['('.repeat(5000), 'more than 4096'],
    ['[^a]{1000}[^b]{1000}[^c]{1000}[^d]{1000}[^e]{1000}[^f]{1000}[^g]{1000}', 'too large'],
    ['\\pL{100}', 'too large'],
    ['\\x{100}', 'above'],
    ['\\p{Klingon}', 'unknown character class'],
    ['\ud800', 'Unicode'],
  ] as const)
    t.match(regexProblem(text), why, `what Envoy refuses is refused here: ${text.slice(0, 20)}`);
  t.notOk(headerValue.pattern?.test(`${'a'.repeat(4000)}\u0000`), 'no backtracking in our own patterns either');
});

function at(creationTimestamp: unknown): string {
  const metadata = { name: 'x', uid: 'u', resourceVersion: '1', creationTimestamp: '' };
  return createdAt({ apiVersion: 'v1', kind: 'X', metadata: Object.assign(metadata, { creationTimestamp }) });
}

void t.test('creation times compare as text', async (t) => {
  t.equal(at('2026-01-02T03:04:05Z'), '2026-01-02T03:04:05Z');
  t.equal(at('2026-01-02T05:04:05.999+02:00'), '2026-01-02T03:04:05Z');
  for (const odd of ['soon', '', null, 7, '-271821-04-20T00:00:00Z']) t.equal(at(odd), '9999-12-31T23:59:59Z');
});

void t.test('a cursor reads anything, and names the field', async (t) => {
  const problems: Problem[] = [];
  const at = new Cursor({ spec: { rules: [{ weight: '1', name: null }] } }, '', problems).field('spec');
  const rule = at.field('rules').items(5)[0];
  t.equal(rule?.field('weight').integer(0, 9), undefined);
  t.equal(rule?.field('name').present, false, 'null is absent');
  t.equal(rule?.field('toString').present, false, 'what every object inherits is no field');
  t.strictSame(at.field('rules').items(0), []);
  t.strictSame(problems.map(describeProblem), [
    'spec.rules[0].weight: must be an integer, is a string',
    'spec.rules: has 1 items; at most 0 are allowed',
  ]);
  fc.assert(
    fc.property(fc.anything(), (value) => {
      const one = new Cursor(value, 'x', []);
      one.object();
      one.items(3);
      one.text();
      one.integer(0, 1);
      one.boolean();
      one.oneOf(['a']);
      one.stringMap(2);
      one.field('y').requiredObject();
    }),
  );
});

void t.test('canonical JSON has one form', async (t) => {
  t.equal(
    canonicalJson({ b: [1, undefined, { z: null, a: 'é' }], a: undefined, A: true }),
    '{"A":true,"b":[1,null,{"a":"é","z":null}]}',
  );
  fc.assert(
    fc.property(fc.jsonValue(), (value) => canonicalJson(JSON.parse(canonicalJson(value))) === canonicalJson(value)),
  );
});
