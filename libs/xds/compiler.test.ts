// The tables follow from the inputs alone, and a change touches only what it must.
import { compareKeys } from '#libs/gateway/compare-text.ts';
import * as fc from 'fast-check';
import t from 'tap';
import { backendEntry, entriesOf, listenerEntry, ruleEntry, type RuleOptions } from '#libs/testing/given/entries.ts';
import type { Entry, ExternalAuth } from '#libs/snapshot/entry.ts';
import { XdsCompiler, type XdsDiscovery } from './compiler.ts';
import type { XdsChange } from '#libs/xds/envoy/resources.ts';

const options = { bindAddress: '127.0.0.1', portOffset: 0 };
const gateway = 'eu/infra/gateway';

function namesOf({ upserts, removes }: XdsChange): readonly string[] {
  return [
    ...upserts.map(({ type, name }) => `${type} ${name}`),
    ...removes.map(({ type, name }) => `-${type} ${name}`),
  ];
}

/** A compiler with 1,000 exact hosts, a wildcard and a catch-all. */
function filled(): XdsCompiler {
  const compiler = new XdsCompiler(options);
  const hosts = Array.from({ length: 1000 }, (_, i) => ruleEntry({ name: `r${i}`, hosts: [`h${i}.example.com`] }));
  const wide = [
    ruleEntry({ name: 'wildcard', hosts: ['*.example.com'] }),
    ruleEntry({ name: 'deep', hosts: ['*.deep.example.com'] }),
    ruleEntry({ name: 'any' }),
  ];
  compiler.setSnapshot(
    gateway,
    entriesOf(listenerEntry(), backendEntry('web'), backendEntry('api'), ...hosts, ...wide),
    [],
  );
  compiler.flush();
  return compiler;
}

function at(name: string, hosts: readonly string[], to = 'web') {
  return ruleEntry({ name, hosts: hosts.map((host) => ['own', host] as const), to });
}

void t.test('a listener with filters has its scope when its port becomes its own', (t) => {
  const compiler = new XdsCompiler(options);
  const backend = { invalid: 'x' };
  const auth = { type: 'external-auth', protocol: 'grpc', backend, allowedHeaders: [], bodyMax: 0 } as const;
  const own = listenerEntry({ name: 'own', hostname: 'own.test', filters: [auth], createdAt: '2022-01-01T00:00:00Z' });
  const [key, older] = listenerEntry({ name: 'older', protocol: 'TCP' });
  compiler.setSnapshot(gateway, entriesOf(own), []);
  compiler.setSnapshot('eu/infra/older', entriesOf([key, older]), []);
  compiler.flush();
  t.notOk(compiler.tables().scope.has('80|own.test'));
  compiler.setSnapshot('eu/infra/older', [], [key]);
  compiler.flush();
  t.ok(compiler.tables().scope.has('80|own.test'));
  compiler.setSnapshot('eu/infra/older', entriesOf([key, older]), []);
  compiler.flush();
  t.notOk(compiler.tables().scope.has('80|own.test'));
  t.end();
});

void t.test('filters of a listener touch its scopes, and no listener', (t) => {
  const compiler = new XdsCompiler(options);
  const auth: ExternalAuth = {
    type: 'external-auth',
    protocol: 'grpc',
    backend: { key: backendEntry('auth')[0] },
    allowedHeaders: [],
    bodyMax: 0,
  };
  const set = (...entries: readonly (readonly [string, Entry])[]): readonly string[] => {
    compiler.setSnapshot(gateway, entriesOf(...entries), []);
    return namesOf(compiler.flush());
  };
  set(
    listenerEntry(),
    listenerEntry({ name: 'own', hostname: '*.own.test' }),
    backendEntry('web'),
    ruleEntry({ name: 'other', hosts: ['h.example.com'] }),
    at('a', ['a.own.test']),
    at('b', ['*.b.own.test']),
  );
  const scopes = ['scope 80|*.b.own.test', 'scope 80|*.own.test', 'scope 80|a.own.test'];
  t.strictSame(set(listenerEntry({ name: 'own', hostname: '*.own.test', filters: [auth] })), scopes);
  t.strictSame(set(backendEntry('auth')), [
    'cluster eu/shop/auth/80',
    'cluster eu/shop/auth/80/h2c',
    'endpoints eu/shop/auth/80',
    'endpoints eu/shop/auth/80/h2c',
    ...scopes,
  ]);
  t.strictSame(set(at('w', ['*.own.test'])), scopes, 'a wider rule is in all of them');
  t.strictSame(set(at('a', ['a.own.test'], 'auth')), ['scope 80|a.own.test']);
  t.strictSame(set(listenerEntry({ name: 'own', hostname: '*.own.test' })), [
    ...scopes,
    '-endpoints eu/shop/auth/80/h2c',
    '-cluster eu/shop/auth/80/h2c',
  ]);
  t.strictSame(set(at('w', ['x.own.test'])), ['scope 80|*.b.own.test', 'scope 80|x.own.test', '-scope 80|*.own.test']);
  t.end();
});

void t.test('a change touches what it must', async (t) => {
  const compiler = filled();
  const change = (...rules: readonly RuleOptions[]): readonly string[] => {
    compiler.setSnapshot(gateway, rules.map(ruleEntry), []);
    return namesOf(compiler.flush());
  };
  t.strictSame(change({ name: 'r7', hosts: ['h7.example.com'], to: 'api' }), ['scope 80|h7.example.com']);
  t.strictSame(change({ name: 'r7', hosts: ['h7.example.com'], to: 'api' }), [], 'nothing when it is equal');
  t.strictSame(change({ name: 'new', hosts: ['new.example.com'] }), ['scope 80|new.example.com']);
  t.strictSame(
    change({ name: 'any', to: 'api' }),
    ['scope 80|*', 'scope 80|*.deep.example.com', 'scope 80|*.example.com'],
    'a catch-all: the patterns below it, no exact host',
  );
  t.strictSame(change({ name: 'wildcard', hosts: ['*.example.com'], to: 'api' }), [
    'scope 80|*.deep.example.com',
    'scope 80|*.example.com',
  ]);
  t.strictSame(
    change({ name: 'wide', hosts: ['*.w.test'] }),
    ['scope 80|#', 'scope 80|*.w.test'],
    'a new pattern: the locator',
  );
  compiler.setDiscovery([{ key: 'endpoints/eu/shop/web/80', item: { kind: 'endpoints', endpoints: [] } }], []);
  t.strictSame(namesOf(compiler.flush()), [], 'no endpoints is what it had');
  const item: XdsDiscovery = { kind: 'endpoints', endpoints: [{ address: '10.0.0.1', port: 80 }] };
  compiler.setDiscovery(
    [
      { key: 'endpoints/eu/shop/web/80', item },
      { key: 'endpoints/eu/shop/x/80', item },
    ],
    [],
  );
  t.strictSame(namesOf(compiler.flush()), ['endpoints eu/shop/web/80']);
  compiler.setSnapshot(gateway, [backendEntry('api', { protocol: 'h2c' })], []);
  t.strictSame(namesOf(compiler.flush()), [
    'cluster eu/shop/api/80/h2c',
    'endpoints eu/shop/api/80/h2c',
    'scope 80|*',
    'scope 80|*.deep.example.com',
    'scope 80|*.example.com',
    'scope 80|*.w.test',
    'scope 80|h7.example.com',
    '-endpoints eu/shop/api/80',
    '-cluster eu/shop/api/80',
  ]);
  compiler.setSnapshot(gateway, [], ['rule/HTTPRoute/shop/r7/0']);
  t.strictSame(namesOf(compiler.flush()), ['-scope 80|h7.example.com']);
  compiler.setSnapshot(gateway, [listenerEntry({ name: 'own', hostname: 'h8.example.com' })], []);
  t.strictSame(
    namesOf(compiler.flush()),
    ['scope 80|#', '-scope 80|h8.example.com'],
    'a host that went to another listener',
  );
  compiler.setSnapshot(gateway, [], ['listener/own']);
  t.strictSame(namesOf(compiler.flush()), ['scope 80|#', 'scope 80|h8.example.com']);
});

void t.test('equal resources keep their identity', async (t) => {
  const compiler = filled();
  const before = compiler.tables().scope.get('80|h1.example.com');
  compiler.setSnapshot(gateway, [ruleEntry({ name: 'r1', hosts: ['h1.example.com'], to: 'api' })], []);
  compiler.setSnapshot(gateway, [ruleEntry({ name: 'r1', hosts: ['h1.example.com'] })], []);
  t.strictSame(namesOf(compiler.flush()), []);
  t.equal(compiler.tables().scope.get('80|h1.example.com'), before);
});

void t.test('many routes on one hostname', async (t) => {
  const compiler = new XdsCompiler(options);
  const rules = Array.from({ length: 3000 }, (_, i) => ruleEntry({ name: `r${i}`, matches: [`/p${i}`] }));
  compiler.setSnapshot(gateway, entriesOf(listenerEntry(), backendEntry('web'), backendEntry('api'), ...rules), []);
  const first = compiler.flush().upserts.find(({ name }) => name === '80|*');
  compiler.setSnapshot(gateway, [ruleEntry({ name: 'r1', matches: ['/p1'], to: 'api' })], []);
  const [second] = compiler.flush().upserts;
  const known = new Set(routes(first?.message));
  t.equal(known.size, 3000);
  t.equal(routes(second?.message).filter((route) => !known.has(route)).length, 1, 'the others are the same objects');
});

const hostname = fc.constantFrom('*', '*.a.test', '*.b.a.test', 'a.test', 'x.a.test', 'x.b.a.test');
const listener = fc
  .record({
    name: fc.constantFrom('one', 'two', 'three'),
    port: fc.constantFrom(80, 443),
    hostname,
    protocol: fc.constantFrom('HTTP', 'HTTPS'),
    createdAt: fc.constantFrom('2020-01-01T00:00:00Z', '2021-01-01T00:00:00Z'),
    certificates: fc.subarray(['tls/eu/infra/a', 'tls/eu/infra/b']),
  })
  .map(listenerEntry);
const rule = fc
  .record({
    name: fc.constantFrom('r1', 'r2', 'r3', 'r4'),
    hosts: fc.uniqueArray(fc.tuple(fc.constantFrom('one', 'two', 'three'), hostname), {
      minLength: 1,
      maxLength: 3,
      selector: ([name, host]) => `${name} ${host}`,
    }),
    matches: fc.subarray(['/', '/a', '/a/b'], { minLength: 1 }),
    to: fc.constantFrom('web', 'api'),
    kind: fc.constantFrom('HTTPRoute', 'GRPCRoute'),
  })
  .map(ruleEntry);
const backend = fc
  .tuple(fc.constantFrom('web', 'api'), fc.constantFrom('http', 'h2c'))
  .map(([service, protocol]) => backendEntry(service, { protocol }));
const entry: fc.Arbitrary<readonly [string, Entry]> = fc.oneof(listener, rule, backend);
const step = fc.record({
  gateway: fc.constantFrom('eu/infra/one', 'us/infra/two'),
  upserts: fc.array(entry, { maxLength: 4 }),
  remove: fc.nat(20),
  endpoints: fc.option(fc.tuple(fc.constantFrom('web', 'api'), fc.array(fc.constantFrom(1, 2), { maxLength: 2 }))),
});

void t.test('any sequence of changes leads to what its end says', async (t) => {
  t.doesNotThrow(anySequence);
});

function anySequence(): void {
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 12 }), (steps) => {
      const compiler = new XdsCompiler(options);
      const gateways = new Map<string, Map<string, Entry>>();
      const discovery = new Map<string, XdsDiscovery>();
      const pushed = new Map<string, unknown>();
      for (const { gateway, upserts, remove, endpoints } of steps) {
        const entries = gateways.get(gateway) ?? new Map<string, Entry>();
        gateways.set(gateway, entries);
        const gone = [...entries.keys()].filter((_, index) => index === remove);
        for (const key of gone) entries.delete(key);
        for (const [key, value] of upserts) entries.set(key, value);
        compiler.setSnapshot(gateway, upserts, gone);
        if (endpoints !== null) {
          const [service, ports] = endpoints;
          const key = `endpoints/eu/shop/${service}/80`;
          discovery.set(key, { kind: 'endpoints', endpoints: ports.map((port) => ({ address: '10.0.0.1', port })) });
          compiler.setDiscovery(
            [...discovery].map(([key, item]) => ({ key, item })),
            [],
          );
        }
        const change = compiler.flush();
        for (const { type, name, message } of change.upserts) pushed.set(`${type} ${name}`, message);
        for (const { type, name } of change.removes) {
          if (!pushed.delete(`${type} ${name}`)) throw new Error(`${name} was never there`);
        }
      }
      const fresh = new XdsCompiler(options);
      fresh.setDiscovery(
        [...discovery].map(([key, item]) => ({ key, item })),
        [],
      );
      for (const [gateway, entries] of [...gateways].toReversed())
        fresh.setSnapshot(gateway, [...entries].toReversed(), []);
      fresh.flush();
      const expected = printed(fresh);
      return printed(compiler) === expected && printedOf([...pushed]) === expected;
    }),
    { numRuns: 400, seed: 11 },
  );
}

function printed(compiler: XdsCompiler): string {
  return printedOf(
    Object.entries(compiler.tables()).flatMap(([type, table]) =>
      [...table].map(([name, { message }]): readonly [string, unknown] => [`${type} ${name}`, message]),
    ),
  );
}

function printedOf(resources: readonly (readonly [string, unknown])[]): string {
  return JSON.stringify(resources.toSorted(compareKeys), null, 1);
}

function routes(message: unknown): readonly unknown[] {
  const found: unknown[] = [];
  JSON.stringify(message, (key, value: unknown) => {
    if (key === 'routes' && Array.isArray(value)) found.push(...value);
    return value;
  });
  return found;
}
