// Keys of objects: what is written is read back, and any other text is read without an error.
import * as fc from 'fast-check';
import t from 'tap';
import {
  clusterOf,
  parseLocalKey,
  parseNamespacedKey,
  parseObjectKey,
  parsePlaceKey,
  toLocalKey,
  toNamespacedKey,
  toObjectKey,
  toPlaceKey,
} from './object-key.ts';

const part = fc.string().filter((text) => !text.includes('/'));
const name = fc.string();

void t.test('what is written is read back', async (t) => {
  fc.assert(
    fc.property(
      fc.record({ cluster: part, kind: part, namespace: part, name }, { noNullPrototype: true }),
      (object) => {
        const { cluster, kind, namespace, name } = object;
        t.strictSame(parseObjectKey(toObjectKey(object)), object);
        t.strictSame(parsePlaceKey(toPlaceKey(object)), { cluster, namespace, name });
        t.strictSame(parseNamespacedKey(toNamespacedKey(object)), { namespace, name });
        t.strictSame(parseLocalKey(toLocalKey(object)), { kind, namespace, name });
        t.equal(clusterOf(toObjectKey(object)), cluster);
        t.equal(clusterOf(toPlaceKey(object)), cluster);
      },
    ),
  );
});

void t.test('the forms, byte by byte', async (t) => {
  const object = { cluster: 'eu', kind: 'HTTPRoute', namespace: 'shop', name: 'web' };
  t.equal(toPlaceKey(object), 'eu/shop/web');
  t.equal(toLocalKey(object), 'HTTPRoute/shop/web');
  t.equal(toObjectKey(object), 'eu/HTTPRoute/shop/web');
  t.equal(toPlaceKey({ cluster: 'eu', namespace: '', name: 'fleetgate' }), 'eu//fleetgate');
});

void t.test('what is missing of a text that is no key is empty', async (t) => {
  t.strictSame(parsePlaceKey('eu'), { cluster: 'eu', namespace: '', name: '' });
  t.strictSame(parseObjectKey(''), { cluster: '', kind: '', namespace: '', name: '' });
});
