// Tests the keys of entries and of discovery items: what is written is read back, and what is no key is told from one.
import * as fc from 'fast-check';
import t from 'tap';
import { clusterOfDiscovery, parseDiscoveryKey, toAuthorityKey, toEndpointsKey, toTlsKey } from './discovery-key.ts';
import { parseEntryKey, toBackendKey, toListenerKey, toRuleKey } from './entry-key.ts';
import { parseServicePortKey, toServicePortKey } from './service-port.ts';

const part = fc.string().filter((text) => !text.includes('/'));
const name = fc.string();
const plain = { noNullPrototype: true };
const place = fc.record({ cluster: part, namespace: part, name }, plain);
const servicePort = fc.record(
  {
    cluster: part,
    namespace: part,
    service: part,
    port: fc.integer({ min: 1, max: 65_535 }),
    transport: fc.constantFrom('tcp', 'udp'),
  },
  plain,
);

void t.test('ports of Services are read back', async (t) => {
  fc.assert(fc.property(servicePort, (port) => t.strictSame(parseServicePortKey(toServicePortKey(port)), port)));
});

void t.test('entry keys are read back', async (t) => {
  const route = fc.record({ kind: part, namespace: part, name: part }, plain);
  fc.assert(
    fc.property(name, route, fc.nat(), servicePort, (listener, route, index, port) => {
      t.strictSame(parseEntryKey(toListenerKey(listener)), { type: 'listener', name: listener });
      t.strictSame(parseEntryKey(toRuleKey(route, index)), { type: 'rule', route, index });
      t.strictSame(parseEntryKey(toBackendKey(port)), { type: 'backend', port });
    }),
  );
});

void t.test('discovery keys are read back', async (t) => {
  fc.assert(
    fc.property(place, part, servicePort, (secret, kind, port) => {
      const object = { ...secret, kind };
      t.strictSame(parseDiscoveryKey(toTlsKey(secret)), { type: 'tls', secret });
      t.strictSame(parseDiscoveryKey(toAuthorityKey(object)), { type: 'ca', object });
      t.strictSame(parseDiscoveryKey(toEndpointsKey(port)), { type: 'endpoints', port });
      t.equal(clusterOfDiscovery(toTlsKey(secret)), secret.cluster);
      t.equal(clusterOfDiscovery(toAuthorityKey(object)), object.cluster);
      t.equal(clusterOfDiscovery(toEndpointsKey(port)), port.cluster);
    }),
  );
});

void t.test('the forms, byte by byte', async (t) => {
  const web = { cluster: 'eu', namespace: 'shop', service: 'web', port: 80, transport: 'tcp' } as const;
  t.equal(toBackendKey(web), 'backend/eu/shop/web/80');
  t.equal(toEndpointsKey({ ...web, transport: 'udp' }), 'endpoints/eu/shop/web/80/udp');
  t.equal(toListenerKey('infra/set/http'), 'listener/infra/set/http');
  t.equal(toRuleKey({ kind: 'HTTPRoute', namespace: 'shop', name: 'web' }, 1), 'rule/HTTPRoute/shop/web/1');
  const cert = { cluster: 'eu', namespace: 'infra', name: 'cert' };
  t.equal(toTlsKey(cert), 'tls/eu/infra/cert');
  t.equal(toAuthorityKey({ ...cert, kind: 'Secret' }), 'ca/eu/Secret/infra/cert');
});

void t.test('what is no key is none', async (t) => {
  for (const text of ['', 'policy/eu', 'rule/HTTPRoute/shop/web', 'rule/a/b/c/0/d', 'backend/eu/shop/web'])
    t.equal(parseEntryKey(text), undefined, text);
  for (const text of [
    '',
    'policy/eu',
    'endpoints/eu/shop/web',
    'endpoints/eu/shop/web/80/tcp',
    'endpoints/a/b/c/1/udp/d',
  ])
    t.equal(parseDiscoveryKey(text), undefined, text);
});
