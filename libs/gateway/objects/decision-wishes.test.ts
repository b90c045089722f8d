import t from 'tap';
import { parseDecisionWishes } from './decision-wishes.ts';

function read(annotations: Readonly<Record<string, string>>) {
  const metadata = { name: 'web', uid: 'u', resourceVersion: '1', creationTimestamp: '2026-01-01T00:00:00Z' };
  const written = { ...metadata, annotations };
  return parseDecisionWishes({ apiVersion: 'gateway.networking.k8s.io/v1', kind: 'Gateway', metadata: written });
}

const confirm = 'fleetgate.dev/confirm';
const requireReason = 'fleetgate.dev/require-reason';

void t.test('a Gateway says which commands are confirmed, and whether they need a reason', async (t) => {
  t.same(read({}), { wishes: { requireReason: false, confirm: [] }, problems: [] });
  t.same(read({ [confirm]: 'release, rollback', [requireReason]: 'true' }), {
    wishes: { requireReason: true, confirm: ['rollback', 'release'] },
    problems: [],
  });
  t.same(read({ [confirm]: '', [requireReason]: 'false' }).wishes, { requireReason: false, confirm: [] });
});

void t.test('what cannot be read asks for everything, and is a problem', async (t) => {
  const slip = read({ [confirm]: 'rolback', [requireReason]: 'yes' });
  t.same(slip.wishes, { requireReason: true, confirm: ['rollback', 'release', 'accept'] });
  t.match(slip.problems, [
    { path: `metadata.annotations[${requireReason}]`, message: 'must be "true" or "false"' },
    { path: `metadata.annotations[${confirm}]`, message: /"rolback" is none/ },
  ]);
});
