import t from 'tap';
import type { DeedEvent } from '#libs/events/deed-event.ts';
import { parseDeedEvent } from '#libs/events/parse-deed-event.ts';
import { testLogger } from '#libs/testing/peers/throwaway.ts';
import { CountedDeeds } from './counted-deeds.ts';

const summaries = (deeds: readonly DeedEvent[]) =>
  deeds.map(({ from, reason }) => `${from} ${reason.split(' with')[0]}`);

function counted() {
  const noted: (readonly DeedEvent[])[] = [];
  const state = { away: false, seconds: 0 };
  const logins = new CountedDeeds({
    async note(deeds) {
      if (state.away) throw new Error('Postgres is away');
      noted.push(deeds);
    },
    replica: 'one',
    log: testLogger(),
    now: () => new Date(Date.UTC(2026, 0, 1, 0, 0, state.seconds)),
  });
  const login = (address: string): void => logins.count({ type: 'logins-refused', actor: null, subject: '', address });
  return { logins, login, noted, state };
}

void t.test('a source is one event a minute, however often it tries', async (t) => {
  const { logins, login, noted, state } = counted();
  await logins.flush();
  t.same(noted, [], 'nothing happened');
  for (let n = 0; n < 50_000; n++) login('192.0.2.1');
  login('::ffff:192.0.2.1');
  state.seconds = 30;
  login('192.0.2.2');
  await logins.flush();
  t.match(noted, [
    [
      { type: 'logins-refused', actor: null, from: '192.0.2.1', reason: /^refused 50001 logins with a token/ },
      { from: '192.0.2.2', reason: /1 login .* from 2026-01-01T00:00:30\.000Z to 2026-01-01T00:00:30\.000Z/ },
    ],
  ]);
  for (const deed of noted.flat()) t.same(parseDeedEvent(deed), { ok: true, value: deed }, 'the projector reads it');
  login('192.0.2.1');
  await logins.stop();
  t.same(new Set(noted.flat().map(({ id }) => id)).size, 3, 'each is an event of its own; stopping loses none');
});

void t.test('many sources are few events', async (t) => {
  const { logins, login, noted } = counted();
  for (let n = 0; n < 100_000; n++) login(`10.${n % 250}.${Math.floor(n / 250) % 250}.1`);
  await logins.flush();
  t.equal(noted.flat().length, 21);
  t.match(noted.flat().at(-1), { from: 'other addresses' });
});

void t.test('addresses of one IPv6 network are one source', async (t) => {
  const { logins, login, noted } = counted();
  for (const address of ['2001:db8:1:2::1', '2001:db8:1:2:ffff::9', '2001:db8:1:3::1', '::1', 'fe80::1%eth0', ''])
    login(address);
  await logins.flush();
  t.same(summaries(noted.flat()), [
    '2001:db8:1:2::/64 refused 2 logins',
    '2001:db8:1:3::/64 refused 1 login',
    '::1 refused 1 login',
    'fe80:0:0:0::/64 refused 1 login',
    'unknown refused 1 login',
  ]);
});

void t.test('what Postgres does not take is counted on', async (t) => {
  const { logins, login, noted, state } = counted();
  state.away = true;
  login('192.0.2.1');
  await logins.flush();
  login('192.0.2.1');
  login('192.0.2.2');
  await logins.flush();
  state.away = false;
  await logins.flush();
  t.same(summaries(noted.flat()), ['192.0.2.1 refused 2 logins', '192.0.2.2 refused 1 login']);
});

void t.test('who reads the history is told within the minute, and then once an hour', async (t) => {
  const { logins, noted, state } = counted();
  const read = (name: string, subject = 'GET /api/v1/events'): void =>
    logins.count({ type: 'history-read', actor: { name, role: 'viewer' }, subject, address: '192.0.2.1' });
  read('ann');
  read('bob');
  await logins.flush();
  for (let minute = 1; minute < 60; minute++) {
    state.seconds = minute * 60;
    read('ann');
    await logins.flush();
  }
  const event = { type: 'history-read', subject: 'GET /api/v1/events', outcome: 'success' };
  t.match(noted.flat(), [
    { ...event, actor: { name: 'ann' }, reason: /^read the history 1 time by GET \/api\/v1\/events, from/ },
    { ...event, actor: { name: 'bob' } },
  ]);
  read('ann', 'GET /api/v1/history');
  state.seconds = 3600;
  await logins.flush();
  t.match(noted.flat().slice(2), [
    { ...event, actor: { name: 'ann' }, reason: /^read the history 59 times by GET \/api\/v1\/events/ },
    { ...event, actor: { name: 'ann' }, subject: 'GET /api/v1/history' },
  ]);
  read('bob');
  await logins.stop();
  t.equal(noted.flat().length, 5, 'stopping loses none');
  for (const deed of noted.flat()) t.same(parseDeedEvent(deed), { ok: true, value: deed }, 'the projector reads it');
});

void t.test('kinds of occurrences do not take each other’s places', async (t) => {
  const { logins, login, noted } = counted();
  for (let n = 0; n < 1000; n++) login(`10.0.0.${n % 250}`);
  const actor = { name: 'ann', role: 'viewer' };
  logins.count({ type: 'requests-denied', actor, subject: 'admin', address: '192.0.2.1' });
  logins.count({ type: 'requests-denied', actor, subject: 'operator', address: '192.0.2.1' });
  await logins.flush();
  t.match(noted.flat().slice(-2), [
    { type: 'requests-denied', actor, subject: 'admin', reason: /^denied 1 request that needs the role admin, from/ },
    { type: 'requests-denied', actor, subject: 'operator', outcome: 'denied' },
  ]);
});
