// Streams follow from the inputs alone, whatever the way there, and a change touches only what it must.
import { compareKeys } from '#libs/gateway/compare-text.ts';
import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import t from 'tap';
import { backendEntry, entriesOf, listenerEntry, ruleEntry, streamRuleEntry } from '#libs/testing/given/entries.ts';
import type { Entry } from '#libs/snapshot/entry.ts';
import { XdsCompiler, type XdsDiscovery } from '#libs/xds/compiler.ts';
import type { XdsChange } from '#libs/xds/envoy/resources.ts';

const options = { bindAddress: '127.0.0.1', portOffset: 0 };
const gateway = 'eu/infra/gateway';

function file(name: string): string {
  return readFileSync(new URL(`../testdata/tls/${name}`, import.meta.url), 'utf8');
}

function namesOf({ upserts, removes }: XdsChange): readonly string[] {
  return [
    ...upserts.map(({ type, name }) => `${type} ${name}`),
    ...removes.map(({ type, name }) => `-${type} ${name}`),
  ];
}

const nth = (index: number, service: string) =>
  streamRuleEntry({ kind: 'TLSRoute', name: `r${index}`, hosts: [['tls', `h${index}.test`]], to: { [service]: 1 } });

void t.test('a change touches what it must', async (t) => {
  const compiler = new XdsCompiler(options);
  const listeners = [
    listenerEntry({ name: 'tls', port: 443, protocol: 'TLS', tlsMode: 'Passthrough' }),
    listenerEntry({ name: 'udp', port: 443, protocol: 'UDP' }),
  ];
  const rules = Array.from({ length: 1000 }, (_, index) => nth(index, 'web'));
  compiler.setSnapshot(gateway, entriesOf(...listeners, backendEntry('web'), backendEntry('api'), ...rules), []);
  for (const [service, address] of [
    ['web', '10.0.0.1'],
    ['api', '10.0.0.2'],
  ] as const) {
    const item = { kind: 'endpoints', endpoints: [{ address, port: 80 }] } as const;
    compiler.setDiscovery([{ key: `endpoints/eu/shop/${service}/80`, item }], []);
  }
  compiler.flush();
  const change = (...upserts: readonly (readonly [string, Entry])[]): readonly string[] => {
    compiler.setSnapshot(gateway, upserts, []);
    return namesOf(compiler.flush());
  };
  t.strictSame(change(nth(7, 'api')), ['endpoints !tls/443/h7.test']);
  t.strictSame(change(nth(1000, 'web')), [
    'cluster !tls/443/h1000.test',
    'endpoints !tls/443/h1000.test',
    'listener port-443',
  ]);
  compiler.setDiscovery([{ key: 'endpoints/eu/shop/api/80', item: { kind: 'endpoints', endpoints: [] } }], []);
  t.strictSame(namesOf(compiler.flush()), ['endpoints !tls/443/h7.test', 'endpoints eu/shop/api/80']);
  t.strictSame(change(streamRuleEntry({ kind: 'UDPRoute', hosts: ['udp'] })), [
    'cluster !udp/443',
    'endpoints !udp/443',
  ]);
  compiler.setSnapshot(gateway, [], ['rule/TLSRoute/shop/r1000/0']);
  t.strictSame(namesOf(compiler.flush()), [
    'listener port-443',
    '-endpoints !tls/443/h1000.test',
    '-cluster !tls/443/h1000.test',
  ]);
  compiler.setSnapshot(gateway, [], ['listener/tls']);
  t.equal(namesOf(compiler.flush()).length, 2001, 'all that was of the port');
});

const hostname = fc.constantFrom('*', '*.a.test', '*.b.a.test', 'a.test', 'x.a.test', 'x.b.a.test');
const names = fc.constantFrom('one', 'two', 'three');
const authority = fc.constantFrom('ca/eu/ConfigMap/infra/a', 'ca/eu/ConfigMap/infra/b');
const listener = fc
  .record({
    name: names,
    port: fc.constantFrom(80, 443),
    hostname,
    protocol: fc.constantFrom('HTTP', 'HTTPS', 'TLS', 'TLS', 'TCP', 'UDP'),
    tlsMode: fc.constantFrom('Terminate', 'Passthrough'),
    createdAt: fc.constantFrom('2020-01-01T00:00:00Z', '2021-01-01T00:00:00Z'),
    certificates: fc.subarray(['tls/eu/infra/a']),
    authorities: fc.uniqueArray(authority, { maxLength: 2 }),
    mode: fc.constantFrom('AllowValidOnly', 'AllowInsecureFallback'),
  })
  .map(({ authorities, mode, ...entry }) =>
    listenerEntry(authorities.length === 0 ? entry : { ...entry, clientValidation: { authorities, mode } }),
  );
const places = { minLength: 1, maxLength: 3, selector: ([name, host]: readonly string[]) => `${name} ${host}` };
const hosts = fc.uniqueArray(fc.tuple(names, hostname), places);
const stream = fc
  .record({
    name: fc.constantFrom('s1', 's2', 's3'),
    kind: fc.constantFrom('TLSRoute', 'TCPRoute', 'UDPRoute'),
    createdAt: fc.constantFrom('2020-01-01T00:00:00Z', '2021-01-01T00:00:00Z'),
    hosts,
    to: fc.dictionary(fc.constantFrom('web', 'api', '!no'), fc.nat(3)),
  })
  .map(streamRuleEntry);
const rule = fc.record({ name: fc.constantFrom('r1', 'r2'), hosts }).map(ruleEntry);
const tls = fc
  .tuple(fc.constantFrom('a.test', 'b.test'), authority)
  .map(([name, one]) => ({ hostname: name, authorities: [one], subjectAltNames: [] }));
const backend = fc
  .tuple(fc.constantFrom('web', 'api'), fc.constantFrom('http', 'udp'), fc.option(tls))
  .map(([service, protocol, policy]) =>
    backendEntry(service, policy === null ? { protocol } : { protocol, tls: policy }),
  );
const entry: fc.Arbitrary<readonly [string, Entry]> = fc.oneof(listener, stream, stream, rule, backend);
const bundle = fc.constantFrom(file('client-ca.crt'), file('other-ca.crt'), 'nonsense');
const addresses = fc.array(fc.constantFrom('10.0.0.1', '10.0.0.2'), { maxLength: 2 });
const item: fc.Arbitrary<readonly [string, XdsDiscovery | null]> = fc.oneof(
  fc.tuple(authority, fc.option(bundle.map((certificates) => ({ kind: 'ca', certificates }) as const))),
  fc.tuple(
    fc.constant('tls/eu/infra/a'),
    fc.option(fc.constant({ kind: 'tls', certificate: file('exact.crt'), key: file('exact.key') } as const)),
  ),
  fc.tuple(
    fc.constantFrom('endpoints/eu/shop/web/80', 'endpoints/eu/shop/web/80/udp', 'endpoints/eu/shop/api/80'),
    fc.option(
      addresses.map((all) => ({ kind: 'endpoints', endpoints: all.map((address) => ({ address, port: 1 })) }) as const),
    ),
  ),
);
const step = fc.record({
  gateway: fc.constantFrom('eu/infra/one', 'us/infra/two'),
  upserts: fc.array(entry, { maxLength: 4 }),
  remove: fc.nat(20),
  items: fc.array(item, { maxLength: 2 }),
});
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

void t.test('any sequence of changes leads to what its end says', async (t) => {
  const property = fc.property(fc.array(step, { minLength: 1, maxLength: 12 }), leadsToItsEnd);
  t.doesNotThrow(() => fc.assert(property, { numRuns: 400, seed: 12 }));
});

function leadsToItsEnd(steps: readonly Step[]): boolean {
  const compiler = new XdsCompiler(options);
  const gateways = new Map<string, Map<string, Entry>>();
  const discovery = new Map<string, XdsDiscovery>();
  const pushed = new Map<string, unknown>();
  for (const { gateway: id, upserts, remove, items } of steps) {
    const entries = gateways.get(id) ?? new Map<string, Entry>();
    gateways.set(id, entries);
    const gone = [...entries.keys()].filter((_, index) => index === remove);
    for (const key of gone) entries.delete(key);
    for (const [key, value] of upserts) entries.set(key, value);
    compiler.setSnapshot(id, upserts, gone);
    for (const [key, found] of items) {
      if (found === null) discovery.delete(key);
      else discovery.set(key, found);
      compiler.setDiscovery(found === null ? [] : [{ key, item: found }], found === null ? [key] : []);
    }
    const change = compiler.flush();
    for (const { type, name, message } of change.upserts) pushed.set(`${type} ${name}`, message);
    for (const { type, name } of change.removes)
      if (!pushed.delete(`${type} ${name}`)) throw new Error(`${name} was never there`);
  }
  const fresh = new XdsCompiler(options);
  for (const [id, entries] of [...gateways].toReversed()) fresh.setSnapshot(id, [...entries].toReversed(), []);
  for (const [key, found] of discovery) fresh.setDiscovery([{ key, item: found }], []);
  fresh.flush();
  const expected = printed(fresh);
  return printed(compiler) === expected && printedOf([...pushed]) === expected;
}

function printed(compiler: XdsCompiler): string {
  return printedOf(
    Object.entries(compiler.tables()).flatMap(([type, table]) =>
      [...table].map(([name, { message }]): readonly [string, unknown] => [`${type} ${name}`, message]),
    ),
  );
}

function printedOf(resources: readonly (readonly [string, unknown])[]): string {
  return JSON.stringify(resources.toSorted(compareKeys));
}
