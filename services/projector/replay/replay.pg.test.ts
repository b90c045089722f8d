// Replays events of the history alone, on a database that a projector has written.
import t from 'tap';
import { replayEvent, type WantedEvent } from './replay.ts';
import * as shop from '../testing/shop.ts';
import { TestWriter } from '../testing/test-writer.ts';

const options = { limits: {}, now: () => 0 };
const route = { cluster: 'eu', kind: 'HTTPRoute', namespace: 'shop', name: 'a' };

void t.test('an event is replayed alone, found by its number, its object, or as the newest', async (t) => {
  const db = await TestWriter.open(t);
  await db.append(...shop.platform(), shop.route('a', 1), shop.route('b', 1));
  await db.append(shop.route('a', 2));
  await db.append(shop.gatewayLabelled(3, { tier: 'one' }));
  const replay = (wanted: WantedEvent): ReturnType<typeof replayEvent> => replayEvent(db.client, wanted, options);
  const changed = await replay({ by: 'object', object: route });
  t.match(changed, { seq: '6', before: 5, event: { type: 'applied', ...route } });
  t.match(changed.record.keys[0], { stage: 'route', key: 'eu/HTTPRoute/shop/a', output: 'changed' });
  t.notOk(
    changed.record.keys.some(({ key }) => key.includes('/shop/b')),
    'the other route does not run',
  );
  t.match(changed.change.versions, [{ gateway: shop.gateway, version: 2 }]);
  t.match(await replay({ by: 'newest' }), { seq: '7', event: { kind: 'Gateway' }, change: { versions: [] } });
  const deed = { v: 1, type: 'history-read', id: 'd', at: '2026-01-01T00:00:00Z', actor: null, from: 'x', reason: 'r' };
  await db.rows(`insert into deeds (id, data) values ('d', $1)`, JSON.stringify(deed));
  await db.writer.appendDeeds();
  t.match(await db.rows('select max(seq)::int as seq from events'), [{ seq: 8 }]);
  t.equal((await replay({ by: 'newest' })).seq, '7', 'of what is folded');
  const alone = await replay({ by: 'seq', seq: '4' });
  t.match(alone, { seq: '4', before: 3, event: { name: 'a' } }, 'an event amid its transaction');
  t.ok(alone.record.keys.length > 0);
  t.notOk(
    alone.record.keys.some(({ key }) => key.includes('/shop/b')),
    'what comes after it in the transaction is not folded',
  );
  const { cluster: _, ...anywhere } = route;
  t.equal((await replay({ by: 'object', object: anywhere })).seq, '6', 'in whatever cluster');
});

void t.test('a rollback is replayed with the content that it goes back to', async (t) => {
  const db = await TestWriter.open(t);
  await db.append(...shop.platform(), shop.route('a', 1));
  await db.append(shop.route('a', 2));
  await db.decide(shop.command({ type: 'rollback', to: 1 }));
  const { event, change } = await replayEvent(db.client, { by: 'newest' }, options);
  t.match(event, { type: 'rollback', to: 1 });
  t.match(change.versions, [{ version: 3, cause: 'rollback', ofVersion: 1 }]);
});

void t.test('what the history does not have is said', async (t) => {
  const db = await TestWriter.open(t);
  const absent = (wanted: WantedEvent, message: RegExp): Promise<unknown> =>
    t.rejects(replayEvent(db.client, wanted, options), { code: 'not-found', message });
  await absent({ by: 'newest' }, /no event at all/);
  await db.append(...shop.platform());
  await absent({ by: 'seq', seq: '99' }, /no event number 99/);
  await absent({ by: 'object', object: { ...route, name: 'absent' } }, /no event of eu\/HTTPRoute\/shop\/absent/);
});
