// Tests that whatever is appended is in the log as it is stored, and that what was changed since is noticed.
import t from 'tap';
import type { DeedEvent } from '#libs/events/deed-event.ts';
import { logDifferences } from '#libs/testing/log-of-rows.ts';
import * as shop from '../testing/shop.ts';
import { TestWriter } from '../testing/test-writer.ts';

const deed: DeedEvent = {
  v: 1,
  type: 'token-created',
  id: 'token-created:7',
  at: '2026-01-01T00:00:00.000Z',
  actor: { name: 'ann', role: 'admin' },
  from: '192.0.2.7',
  subject: '7',
  reason: 'made the token 7 (bob, admin)',
};

const routes = (first: number, count: number) =>
  Array.from({ length: count }, (_, index) => shop.route(`r${first + index}`, 1));

void t.test('whatever is appended is a leaf, over takeovers too', async (t) => {
  const db = await TestWriter.open(t);
  await db.append(...shop.platform());
  await db.append(shop.route('a', 1), shop.routeGone('a', 2), shop.route('a', 1));
  await db.append(shop.routeGone('a', 3));
  t.same(await logDifferences(db.client), [], 'ids that got a number');
  const strange = shop.route('strange', 1);
  await db.append({ ...strange, actor: { manager: 'a\ud800b', operation: 'Update' } });
  await db.decide(shop.command({ type: 'rollback', to: null }));
  await db.decide(shop.command({ type: 'release' }));
  await db.rows('insert into deeds (id, data) values ($1, $2)', deed.id, JSON.stringify(deed));
  await db.writer.appendDeeds();
  const left = { v: 1, id: 'n', type: 'node-left', node: 'n', cause: 'removed', reason: 'gone' } as const;
  const actor = { name: 'ann', role: 'operator' };
  await db.writer.appendDepartures([{ ...left, actor, lastSeen: deed.at, at: deed.at }]);
  const restored = {
    v: 1,
    type: 'restored',
    id: 'restored:1',
    at: deed.at,
    reason: 'a test',
    skip: 2,
    above: {},
  } as const;
  await db.writer.markRestored([restored]);
  t.same(await logDifferences(db.client), []);
  for (let first = 0; first < 600; first += 130) {
    await db.append(...routes(first, 130));
    t.same((await db.reopen()).historyProblems, []);
  }
  t.same(await logDifferences(db.client), []);
  t.match(await db.rows('select count(*)::int as tiles from log_tiles'), [{ tiles: 2 }]);
  const texts = await db.rows<{ text: string }>('select text from private_texts order by text');
  t.same(
    texts.map(({ text }) => text),
    ['192.0.2.7', 'ann', 'bob'],
    'who did several things has one row',
  );
});

void t.test('what was changed since is told, and the log goes on from the rows', async (t) => {
  const db = await TestWriter.open(t);
  await db.append(...shop.platform(), ...routes(0, 5));
  await db.tamper(`update events set data = data || ' ' where seq = 5`);
  t.match((await db.reopen()).historyProblems, [/event 5 is not what it was when it was appended/]);
  await db.tamper(`update events set leaf = sha256('x') where seq = 6`);
  t.match((await db.reopen()).historyProblems, [/event 5 /, /event 6 /, /the root of 8 events is .*, and was/]);
  await db.append(...routes(5, 3));
  t.match((await db.reopen()).historyProblems, [/event 5 /, /event 6 /]);

  await db.tamper(`delete from events where seq > 9`);
  t.match((await db.reopen()).historyProblems, [
    /11 events, and the last that is stored is 9/,
    /t 5/,
    /t 6/,
    /10/,
    /11/,
  ]);
  await db.append(...routes(20, 1));
  t.match(await db.rows('select max(seq)::int as seq from events'), [{ seq: 12 }], 'a number is not given again');
  t.match((await db.reopen()).historyProblems, [/t 5/, /t 6/, /event 10 is missing/, /event 11 is missing/]);

  await db.append(...routes(30, 300));
  t.match(await db.rows('select level, index from log_tiles'), [{ level: 0, index: '0' }]);
  t.same((await db.reopen()).historyProblems, [], 'what is in a full tile is for the verification');
  await db.tamper('delete from log_tiles');
  t.match((await db.reopen()).historyProblems, [/tile 0 of level 0 of the log is missing/, /the root of 312 events/]);
  await db.append(...routes(400, 1));
});
