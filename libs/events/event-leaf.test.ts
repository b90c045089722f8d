// Tests that the leaf of an event is canonical JSON of its whole row, and that each field of the row counts.
import { createHash } from 'node:crypto';
import t from 'tap';
import { canonicalJson } from '#libs/gateway/canonical.ts';
import { type LoggedEvent, leafOfEvent } from './event-leaf.ts';

const event: LoggedEvent = {
  seq: 12,
  batch: '13',
  id: 'eu/1/7#12',
  type: 'applied',
  cluster: 'eu',
  kind: 'HTTPRoute',
  namespace: 'shop',
  name: 'a"é\u2028',
  uid: '1',
  manager: null,
  operation: 'Update',
  at: '2026-01-01T00:00:00.000Z',
  recordedAt: '2026-01-01T00:00:01.234Z',
  data: '{"b":1, "a":"é"}',
};

void t.test('a leaf is canonical JSON of the row, with the hash of its data', async (t) => {
  const data = createHash('sha256').update(event.data).digest('hex');
  const expected = { ...event, v: 1, batch: 13, id: 'eu/1/7', data };
  t.equal(leafOfEvent(event), canonicalJson(expected));
  t.equal(leafOfEvent({ ...event, seq: 12n, batch: 13 }), canonicalJson(expected));
});

void t.test('every field counts', async (t) => {
  const leaves = new Set([leafOfEvent(event)]);
  for (const key of ['type', 'cluster', 'kind', 'namespace', 'name', 'uid', 'manager', 'operation', 'data'] as const)
    leaves.add(leafOfEvent({ ...event, [key]: 'x' }));
  for (const key of ['at', 'recordedAt', 'id'] as const) leaves.add(leafOfEvent({ ...event, [key]: 'x' }));
  for (const key of ['seq', 'batch'] as const) leaves.add(leafOfEvent({ ...event, [key]: 99 }));
  t.equal(leaves.size, 1 + Object.keys(event).length);
});

void t.test('only the own number ends an id', async (t) => {
  t.equal(leafOfEvent({ ...event, id: 'eu/1/7' }), leafOfEvent(event));
  t.not(leafOfEvent({ ...event, id: 'eu/1/7#2' }), leafOfEvent(event));
});
