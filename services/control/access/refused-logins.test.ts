import t from 'tap';
import type { DeedEvent } from '#libs/events/deed-event.ts';
import { parseDeedEvent } from '#libs/events/parse-deed-event.ts';
import { testLogger } from '#libs/testing/peers/throwaway.ts';
import { RefusedLogins } from './refused-logins.ts';

const summaries = (deeds: readonly DeedEvent[]) =>
  deeds.map(({ from, reason }) => `${from} ${reason.split(' with')[0]}`);

function counted() {
  const noted: (readonly DeedEvent[])[] = [];
  const state = { away: false, seconds: 0 };
  const logins = new RefusedLogins({
    async note(deeds) {
      if (state.away) throw new Error('Postgres is away');
      noted.push(deeds);
    },
    replica: 'one',
    log: testLogger(),
    now: () => new Date(Date.UTC(2026, 0, 1, 0, 0, state.seconds)),
  });
  return { logins, noted, state };
}

void t.test('a source is one event a minute, however often it tries', async (t) => {
  const { logins, noted, state } = counted();
  await logins.flush();
  t.same(noted, [], 'nothing happened');
  for (let n = 0; n < 50_000; n++) logins.note('192.0.2.1');
  logins.note('::ffff:192.0.2.1');
  state.seconds = 30;
  logins.note('192.0.2.2');
  await logins.flush();
  t.match(noted, [
    [
      { type: 'logins-refused', actor: null, from: '192.0.2.1', reason: /^refused 50001 logins with a token/ },
      { from: '192.0.2.2', reason: /1 login .* from 2026-01-01T00:00:30\.000Z to 2026-01-01T00:00:30\.000Z/ },
    ],
  ]);
  for (const deed of noted.flat()) t.same(parseDeedEvent(deed), { ok: true, value: deed }, 'the projector reads it');
  logins.note('192.0.2.1');
  await logins.stop();
  t.same(new Set(noted.flat().map(({ id }) => id)).size, 3, 'each is an event of its own; stopping loses none');
});

void t.test('many sources are few events', async (t) => {
  const { logins, noted } = counted();
  for (let n = 0; n < 100_000; n++) logins.note(`10.${n % 250}.${Math.floor(n / 250) % 250}.1`);
  await logins.flush();
  t.equal(noted.flat().length, 21);
  t.match(noted.flat().at(-1), { from: 'other addresses' });
});

void t.test('addresses of one IPv6 network are one source', async (t) => {
  const { logins, noted } = counted();
  for (const address of ['2001:db8:1:2::1', '2001:db8:1:2:ffff::9', '2001:db8:1:3::1', '::1', 'fe80::1%eth0', ''])
    logins.note(address);
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
  const { logins, noted, state } = counted();
  state.away = true;
  logins.note('192.0.2.1');
  await logins.flush();
  logins.note('192.0.2.1');
  logins.note('192.0.2.2');
  await logins.flush();
  state.away = false;
  await logins.flush();
  t.same(summaries(noted.flat()), ['192.0.2.1 refused 2 logins', '192.0.2.2 refused 1 login']);
});
