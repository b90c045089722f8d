// Holds that a leader that hangs is replaced when its lease is over, is told apart in the list, and writes nothing when
// it wakes up.
import t from 'tap';
import * as shop from './testing/shop.ts';
import { TestFleet } from './testing/test-fleet.ts';

const lease = { FLEETGATE_LEASE: '2' };

void t.test('a leader that is stopped with SIGSTOP is replaced, and wakes up as a standby', async (t) => {
  const fleet = await TestFleet.open(t);
  const first = fleet.child(lease);
  await fleet.until(`exists (select 1 from projectors where phase = 'leading')`);
  await fleet.send(...shop.platform(), shop.route('a', 1));
  await fleet.settled();
  await fleet.projector({ lease: '2' });
  await fleet.until(`(select count(*) from projectors where phase = 'standing by') = 1`);
  first.kill('SIGSTOP');
  await fleet.send(shop.route('a', 2));
  await fleet.until(`exists (select 1 from projectors where phase = 'leading' and pid = ${process.pid})`);
  await fleet.settled();
  t.match(await fleet.rows(`select count(*)::int as n from events where name = 'a'`), [{ n: 2 }]);
  t.match(
    await fleet.rows(`select pid, epoch, lease_until > now() as leads from projectors order by epoch`),
    [
      { pid: first.pid, epoch: '1', leads: false },
      { pid: process.pid, epoch: '2', leads: true },
    ],
    'the hung one stays in the list, without a lease',
  );
  first.kill('SIGCONT');
  await fleet.until(`exists (select 1 from projectors where phase = 'standing by' and pid = ${first.pid})`);
  await fleet.send(shop.route('a', 3), shop.route('b', 1));
  await fleet.settled();
  t.match(
    await fleet.rows(`select count(*) filter (where cluster <> '')::int as n, max(seq) = count(*) as gapless,
                             count(distinct id) = count(*) as once from events`),
    [{ n: 7, gapless: true, once: true }],
  );
  t.match(await fleet.rows('select epoch from projector'), [{ epoch: '2' }], 'it takes nothing back');
  await fleet.verify();
});

void t.test('a leader that stops leaves the list', async (t) => {
  const fleet = await TestFleet.open(t);
  const projector = await fleet.projector();
  await fleet.until(`exists (select 1 from projectors where phase = 'leading')`);
  await projector.stop();
  t.strictSame(await fleet.rows('select * from projectors'), []);
});
