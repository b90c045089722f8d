// Tests what of an event is a text about people, and that ids are put in and taken out.
import t from 'tap';
import {
  concealEvent,
  concealStored,
  erasedName,
  personalTextsOf,
  privateIdOf,
  privateIdPrefixOf,
} from './private-text.ts';
import { privateIdsIn, replacePrivateIds, withheldName } from './private-text.ts';

const salt = Buffer.alloc(32, 7);
const idOf = (text: string): string => privateIdOf(salt, text);
const shown = (json: unknown, texts: readonly string[]): unknown => {
  const known = new Map(texts.map((text) => [idOf(text), text]));
  return JSON.parse(replacePrivateIds(JSON.stringify(json), (id) => known.get(id) ?? erasedName(id)));
};

const rollback = {
  v: 2,
  type: 'rollback',
  id: 'a',
  gateway: 'eu/infra/web',
  actor: { name: 'ann', role: 'operator' },
  reason: 'ann said so',
  from: '192.0.2.7',
};

void t.test('who did something and from where is personal, why is not', async (t) => {
  const concealed = concealEvent(rollback, idOf);
  t.strictSame(concealed, {
    ...rollback,
    actor: { name: idOf('ann'), role: 'operator' },
    from: idOf('192.0.2.7'),
  });
  t.strictSame(Object.keys(concealed), Object.keys(rollback), 'in the order of before');
  t.strictSame(personalTextsOf([rollback, rollback]), ['ann', '192.0.2.7']);
  t.strictSame(shown(concealed, ['ann', '192.0.2.7']), rollback);
  t.match(shown(concealed, ['ann']), { from: /^erased-[0-9a-f]{8}$/ });
});

void t.test('an id depends on the salt, and is found in texts', async (t) => {
  t.match(idOf('ann'), /^private:[0-9a-f]{64}$/);
  t.not(privateIdOf(Buffer.alloc(32, 8), 'ann'), idOf('ann'));
  t.strictSame(privateIdsIn(`by ${idOf('a')} and ${idOf('b')}, ${idOf('a')}`), [idOf('a'), idOf('b')]);
  t.strictSame(privateIdsIn('private:abc'), []);
  for (const name of [withheldName(idOf('a')), erasedName(idOf('a'))])
    t.equal(privateIdPrefixOf(name), idOf('a').slice(0, 16));
  t.equal(privateIdPrefixOf('person-of-interest'), undefined);
});

void t.test('a token says whose it is in the reason of its deed', async (t) => {
  const deed = {
    type: 'token-created',
    id: 'token-created:7',
    actor: null,
    reason: 'made the token 7 (ann (ops), admin)',
  };
  t.equal(concealEvent(deed, idOf).reason, `made the token 7 (${idOf('ann (ops)')}, admin)`);
});

void t.test('what was stored before is concealed the same, in odd events too', async (t) => {
  t.strictSame(concealStored(rollback, idOf), concealEvent(rollback, idOf));
  const login = { type: 'logins-refused', id: 'logins-refused:host/a1:3:2001:db8:0:1::/64', actor: null, from: 'x' };
  t.match(concealStored(login, idOf), { id: `logins-refused:host/a1:3:${idOf('2001:db8:0:1::/64')}`, actor: null });
  t.equal(concealEvent({ ...login, id: 'logins-refused:host/a1:3.0' }, idOf).id, 'logins-refused:host/a1:3.0');
  const applied = { type: 'applied', actor: { manager: 'ann' }, object: { from: 'ann' } };
  for (const other of [applied, null, 'text', 3, [], { type: 7 }]) t.equal(concealStored(other, idOf), other);
  const repair = { type: 'event-repaired', actor: null, repaired: JSON.stringify(rollback) };
  t.match(concealStored(repair, idOf), { repaired: JSON.stringify(concealEvent(rollback, idOf)) });
  t.match(concealStored({ ...repair, repaired: 'no json' }, idOf), { repaired: 'no json' });
});
