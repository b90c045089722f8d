import t from 'tap';
import { resolveGateway } from './gateway-name.ts';
import { objectNameText, parseObjectName } from './object-name.ts';

const fleet = ['eu/platform/shared', 'us/platform/shared', 'eu/edge/public'];

await t.test('a gateway is found by its whole name or by the end that no other one has', async (t) => {
  t.same(resolveGateway('eu/platform/shared', fleet), { found: 'eu/platform/shared' });
  t.same(resolveGateway('edge/public', fleet), { found: 'eu/edge/public' });
  t.same(resolveGateway('public', fleet), { found: 'eu/edge/public' });
  t.same(resolveGateway('/eu/edge/public/', fleet), { found: 'eu/edge/public' });
});

await t.test('an end that several gateways have is ambiguous', async (t) => {
  t.same(resolveGateway('shared', fleet), { ambiguous: ['eu/platform/shared', 'us/platform/shared'] });
});

await t.test('a gateway that is not there gets near names', async (t) => {
  t.same(resolveGateway('eu/platfrom/shared', fleet), {
    unknown: true,
    near: ['eu/platform/shared', 'us/platform/shared'],
  });
  t.same(resolveGateway('pubic', fleet), { unknown: true, near: ['eu/edge/public'] });
  t.same(resolveGateway('something-else', fleet), { unknown: true, near: [] });
  t.same(resolveGateway('shared', []), { unknown: true, near: [] });
});

await t.test('an object is named with its kind first or second, in any case, or plural', async (t) => {
  const shop = { cluster: 'eu', kind: 'HTTPRoute', namespace: 'shop', name: 'shop' };
  for (const text of ['eu/HTTPRoute/shop/shop', 'httproute/eu/shop/shop', 'eu/httproutes/shop/shop']) {
    t.same(parseObjectName(text), { name: shop }, text);
  }
  t.same(parseObjectName('httproute/shop/shop'), { name: { kind: 'HTTPRoute', namespace: 'shop', name: 'shop' } });
  t.same(parseObjectName('eu/namespace/shop'), {
    name: { cluster: 'eu', kind: 'Namespace', namespace: '', name: 'shop' },
  });
  t.same(parseObjectName('namespace/eu/shop'), {
    name: { cluster: 'eu', kind: 'Namespace', namespace: '', name: 'shop' },
  });
  t.same(parseObjectName('gateway/httproute/shop/shop'), {
    name: { cluster: 'gateway', kind: 'HTTPRoute', namespace: 'shop', name: 'shop' },
  });
});

await t.test('a policy of another gateway goes by its kind and group, or by a name that is known', async (t) => {
  const kind = 'SecurityPolicy.gateway.envoyproxy.io';
  const name = { cluster: 'eu', kind, namespace: 'shop', name: 'login' };
  for (const word of [kind, 'securitypolicy', 'securitypolicies', 'securitypolicies.gateway.envoyproxy.io'])
    for (const text of [`eu/${word}/shop/login`, `${word}/eu/shop/login`])
      t.same(parseObjectName(text), { name }, text);
  t.match(parseObjectName('eu/Quota.gateway.example.com/shop/a.b.c'), {
    name: { kind: 'Quota.gateway.example.com', namespace: 'shop', name: 'a.b.c' },
  });
  t.match(parseObjectName('eu/Quota.gateway.example.com/wide'), { name: { namespace: '', name: 'wide' } });
  t.match(parseObjectName('backendtlspolicy/shop/x'), { name: { kind: 'BackendTLSPolicy' } });
  t.match(parseObjectName('gatewayclass/A.b.c'), { name: { kind: 'GatewayClass', name: 'A.b.c' } });
});

await t.test('a name that cannot be read says why', async (t) => {
  t.same(parseObjectName('eu/HTTPRoot/shop/shop'), {
    problem: 'it names no watched kind (did you mean HTTPRoute?)',
  });
  t.same(parseObjectName('shop'), { problem: 'it names no watched kind' });
  t.same(parseObjectName('eu/HTTPRoute/shop'), { problem: 'the number of parts does not fit the kind' });
});

await t.test('the canonical text leaves the empty namespace out', async (t) => {
  t.equal(objectNameText({ cluster: 'eu', kind: 'Namespace', namespace: '', name: 'shop' }), 'eu/Namespace/shop');
  t.equal(objectNameText({ kind: 'Gateway', namespace: 'platform', name: 'shared' }), '?/Gateway/platform/shared');
});
