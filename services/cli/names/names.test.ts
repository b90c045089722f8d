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
