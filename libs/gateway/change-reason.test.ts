import t from 'tap';
import { reasonOfChange } from './change-reason.ts';
import type { KubeObject } from './object.ts';

function route(annotations: Readonly<Record<string, string>> | undefined, uid = 'u1'): KubeObject {
  const metadata = { name: 'a', uid, resourceVersion: '1', creationTimestamp: '2026-01-01T00:00:00Z' };
  const written = annotations === undefined ? metadata : { ...metadata, annotations };
  return { apiVersion: 'gateway.networking.k8s.io/v1', kind: 'HTTPRoute', metadata: written };
}

const reason = 'fleetgate.dev/reason';
const ticket = 'fleetgate.dev/ticket';

void t.test('an annotation speaks of the change that set or changed it', async (t) => {
  const told = route({ [reason]: 'slow cart', [ticket]: 'OPS-1' });
  t.same(reasonOfChange(undefined, told), { reason: 'slow cart', ticket: 'OPS-1' }, 'it came with the object');
  t.same(reasonOfChange(route(undefined), told), { reason: 'slow cart', ticket: 'OPS-1' });
  t.same(reasonOfChange(told, told), {}, 'what stands there since an earlier change says nothing');
  t.same(reasonOfChange(told, route({ [reason]: 'faster', [ticket]: 'OPS-1' })), { reason: 'faster' });
  t.same(reasonOfChange(told, route({})), {}, 'taken away');
  t.same(reasonOfChange(told, null), {}, 'deleted');
  t.same(reasonOfChange(route({ [reason]: 'x' }, 'u0'), route({ [reason]: 'x' })), { reason: 'x' }, 'another object');
});

void t.test('what is written there becomes one line of bounded length', async (t) => {
  t.same(reasonOfChange(undefined, route({ [reason]: ' two\n\0 lines ' })), { reason: 'two lines' });
  t.same(reasonOfChange(undefined, route({ [reason]: '\n', [ticket]: '' })), {});
  const long = reasonOfChange(undefined, route({ [reason]: `${'x'.repeat(999)}😀`, [ticket]: 'y'.repeat(5000) }));
  t.equal(long.reason?.length, 1000);
  t.ok(long.reason?.isWellFormed());
  t.equal(long.ticket?.length, 200);
});
