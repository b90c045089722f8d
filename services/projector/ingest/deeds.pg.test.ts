// What others noted becomes events: each once, in the order of the notes.
import t from 'tap';
import type { DeedEvent } from '#libs/events/deed-event.ts';
import * as shop from '../testing/shop.ts';
import { TestWriter } from '../testing/test-writer.ts';

const deed = (id: string, more: Partial<DeedEvent> = {}): DeedEvent => ({
  v: 1,
  type: 'token-created',
  id,
  at: '2026-01-01T00:00:00.000Z',
  actor: { name: 'alice', role: 'admin' },
  from: '192.0.2.7',
  subject: id,
  reason: `made the token ${id}`,
  ...more,
});

async function note(db: TestWriter, ...deeds: readonly { readonly id: string }[]): Promise<void> {
  for (const one of deeds) await db.rows('insert into deeds (id, data) values ($1, $2)', one.id, JSON.stringify(one));
}

const appended = async (db: TestWriter) =>
  db.shown(
    await db.rows(`select type, kind, name, manager, operation, data::jsonb->>'from' as from from events
                    where cluster = '' order by seq`),
  );

void t.test('notes become events, each once', async (t) => {
  const db = await TestWriter.open(t);
  await db.rows('delete from deeds');
  await db.append(...shop.platform());
  await note(db, deed('a'), deed('b', { type: 'logins-refused', actor: null, subject: '' }));
  await db.writer.appendDeeds();
  const alice = { manager: 'alice', operation: 'admin', from: '192.0.2.7' };
  const expected = [
    { type: 'token-created', kind: 'Token', name: 'a', ...alice },
    { type: 'logins-refused', kind: 'Login', name: '', manager: null, operation: null, from: '192.0.2.7' },
  ];
  t.same(await appended(db), expected);
  t.same(await db.rows('select id from deeds'), [], 'the notes are taken away');

  // As after a database that came back with an older note: what is in the history is not told again.
  await note(db, deed('a'));
  await db.writer.appendDeeds();
  t.same(await appended(db), expected);
  t.same(await db.rows('select id from deeds'), []);

  await db.append(shop.route('a', 1));
  await db.reopen();
  await note(db, deed('c'));
  await db.writer.appendDeeds();
  t.equal((await appended(db)).length, 3, 'a new leader goes on');
  const seqs = await db.rows<{ seq: string }>('select seq from events order by seq');
  t.same(
    seqs.map(({ seq }) => Number(seq)),
    seqs.map((_, index) => index + 1),
    'without a gap',
  );
});

void t.test('a note that cannot be read stays, and holds up nothing', async (t) => {
  const db = await TestWriter.open(t);
  await db.rows('delete from deeds');
  await note(db, { id: 'strange' }, deed('a'));
  await db.writer.appendDeeds();
  t.match(await appended(db), [{ name: 'a' }]);
  t.same(await db.rows('select id from deeds'), [{ id: 'strange' }]);
});
