import t from 'tap';
import type { ChangeEvent } from '#libs/events/change-event.ts';
import { eventually } from '#libs/testing/eventually.ts';
import { Outbox, type OutboxOptions } from './outbox.ts';

function event(name: string, hash: string, type: ChangeEvent['type'] = 'applied'): ChangeEvent {
  return {
    v: 1,
    type,
    cluster: 'eu',
    clusterUid: 'c',
    kind: 'Service',
    namespace: 'ns',
    name,
    uid: `uid-${name}`,
    resourceVersion: hash,
    actor: null,
    at: '2026-01-01T00:00:00Z',
    seenAt: '2026-01-01T00:00:00Z',
    via: 'watch',
    hash: type === 'applied' ? hash : '',
    object: null,
  };
}

interface Sent {
  readonly text: string;
  readonly store: () => void;
  readonly fail: (message?: string) => void;
}

function begin(options: Partial<OutboxOptions> = {}): {
  readonly outbox: Outbox;
  readonly sent: Sent[];
  readonly texts: () => readonly string[];
  readonly failed: string[];
  readonly overflows: () => number;
  readonly connection: { isUp: boolean };
} {
  const sent: Sent[] = [];
  const failed: string[] = [];
  let overflows = 0;
  const connection = { isUp: true };
  const outbox = new Outbox({
    publish: ({ name, hash, type }) =>
      new Promise((resolve, reject) => {
        const text = type === 'applied' ? `${name}${hash}` : `-${name}`;
        sent.push({ text, store: () => resolve(null), fail: (message = 'no') => reject(new Error(message)) });
      }),
    canPublish: () => connection.isUp,
    isHopeless: (error) => error instanceof Error && error.message === 'too large',
    onPublished: () => undefined,
    onFailed: ({ name }, _error, fate) => failed.push(`${name} ${fate}`),
    onOverflow: () => (overflows += 1),
    retryDelayMs: () => 1,
    ...options,
  });
  return { outbox, sent, texts: () => sent.map(({ text }) => text), failed, overflows: () => overflows, connection };
}

void t.test('an event is on its way at once; one at a time per object, the newest of those that wait', async (t) => {
  const { outbox, sent, texts } = begin();
  for (const version of ['1', '2', '3']) outbox.offer(event('a', version));
  outbox.offer(event('b', '1'));
  t.same(texts(), ['a1', 'b1']);
  sent[0]?.store();
  await eventually(() => sent.length === 3);
  t.same(texts(), ['a1', 'b1', 'a3']);
  t.ok(outbox.holds('Service/ns/a', 'uid-a', '3'));
  outbox.offer(event('a', '', 'deleted'));
  t.notOk(outbox.held.has('Service/ns/a'));
});

void t.test('Gateways of an unknown cluster follow the rest of the first listing, or go after a while', async (t) => {
  const gateway = (name: string): ChangeEvent => ({ ...event(name, '1'), kind: 'Gateway' });
  const first = begin();
  first.outbox.refresh([]);
  first.outbox.offer(gateway('shared'));
  first.outbox.offer(event('a', '1'));
  t.same(first.texts(), ['a1']);
  first.outbox.listed();
  t.same(first.texts(), ['a1', 'shared1']);
  first.outbox.offer(gateway('later'));
  t.same(first.texts(), ['a1', 'shared1', 'later1']);

  const slow = begin({ firstListingMaxMs: 1 });
  slow.outbox.refresh([]);
  slow.outbox.offer(gateway('shared'));
  await eventually(() => slow.sent.length === 1);

  const known = begin();
  known.outbox.refresh([
    { key: 'Gateway/ns/shared', uid: 'u', hash: '1', resourceVersion: '1', generation: 1, creationTimestamp: '' },
  ]);
  known.outbox.offer(gateway('other'));
  t.same(known.texts(), ['other1']);
});

void t.test('the window bounds what is under way', async (t) => {
  const { outbox, sent } = begin({ windowMax: 3 });
  for (let i = 0; i < 10; i++) outbox.offer(event(`o${i}`, '1'));
  t.equal(sent.length, 3);
  t.equal(outbox.length, 10);
  for (let i = 0; i < 10; i++) (await eventually(() => sent[i])).store();
  await eventually(() => outbox.length === 0);
});

void t.test(
  'what fails is sent again, unless something newer waits; what cannot be sent is dropped and named',
  async (t) => {
    const { outbox, sent, texts, failed } = begin();
    outbox.offer(event('a', '1'));
    sent[0]?.fail();
    await eventually(() => sent.length === 2);
    outbox.offer(event('a', '2'));
    sent[1]?.fail();
    await eventually(() => sent.length === 3);
    t.same(texts(), ['a1', 'a1', 'a2']);
    sent[2]?.fail('too large');
    await eventually(() => outbox.length === 0);
    t.same(failed, ['a retried', 'a retried', 'a hopeless']);
  },
);

void t.test('while NATS is away events wait; back, they go at once', async (t) => {
  const { outbox, sent, texts, connection } = begin({ retryDelayMs: () => 3_600_000 });
  outbox.offer(event('a', '1'));
  connection.isUp = false;
  sent[0]?.fail();
  await eventually(() => outbox.length === 1);
  outbox.offer(event('b', '1'));
  t.equal(sent.length, 1);
  connection.isUp = true;
  outbox.reconnected();
  t.same(texts(), ['a1', 'a1', 'b1']);
  outbox.stop();
});

void t.test('answers that went astray with a connection are not waited for', async (t) => {
  const { outbox, sent, texts } = begin();
  for (const name of ['a', 'b']) outbox.offer(event(name, '1'));
  outbox.offer(event('b', '2'));
  outbox.reconnected();
  t.same(texts(), ['a1', 'b1', 'b2', 'a1']);
  sent[0]?.fail();
  sent[1]?.store();
  await new Promise((resolve) => setImmediate(resolve));
  t.equal(outbox.length, 2, 'what the old connection says late counts for nothing');
  for (const { store } of sent) store();
  await eventually(() => outbox.length === 0);
});

void t.test('over its limit the queue is given up: nothing is taken until the inventory was read again', async (t) => {
  const { outbox, sent, texts, overflows, connection } = begin({ queueLengthMax: 8 });
  outbox.offer(event('stored', '1'));
  sent[0]?.store();
  await eventually(() => outbox.length === 0);
  connection.isUp = false;
  for (let i = 0; i < 2; i++) outbox.offer(event(`o${i}`, '1'));
  let hasRoom = false;
  void outbox.room()?.then(() => (hasRoom = true));
  for (let i = 2; i < 12; i++) outbox.offer(event(`o${i}`, '1'));
  await eventually(() => hasRoom);
  t.equal(overflows(), 1);
  t.equal(outbox.length, 0);
  connection.isUp = true;
  outbox.beginRefresh();
  const item = { uid: 'uid-x', hash: 'x', resourceVersion: '1', generation: 1, creationTimestamp: '' };
  outbox.refresh([{ key: 'Service/ns/x', ...item }]);
  t.same([...outbox.held.keys()], ['Service/ns/x'], 'what was not sent is not believed to be held');
  outbox.offer(event('o1', 'v1'));
  t.same(texts(), ['stored1', 'o1v1']);
});

void t.test('a refresh does not forget what was sent while the inventory was on its way', async (t) => {
  const { outbox, sent } = begin({ windowMax: 2 });
  outbox.offer(event('before', '1'));
  sent[0]?.store();
  await eventually(() => outbox.length === 0);
  outbox.beginRefresh();
  outbox.offer(event('stored', '1'));
  sent[1]?.store();
  await eventually(() => outbox.length === 0);
  for (const name of ['underway', 'too', 'waiting']) outbox.offer(event(name, '1'));
  outbox.refresh([]);
  t.same([...outbox.held.keys()].toSorted(), [
    'Service/ns/stored',
    'Service/ns/too',
    'Service/ns/underway',
    'Service/ns/waiting',
  ]);
});
