// Tests that a projector that finds the history changed says so where people look, and goes on to lead.
import t from 'tap';
import * as shop from './testing/shop.ts';
import { TestFleet } from './testing/test-fleet.ts';

void t.test('a changed event is told by the projector that begins to lead', async (t) => {
  const fleet = await TestFleet.open(t);
  const first = await fleet.projector();
  await fleet.send(...shop.platform(), shop.route('a', 1));
  await fleet.settled();
  await fleet.until(`exists (select from projectors where phase = 'leading' and problems = '[]')`);
  await first.stop();
  const [event] = await fleet.rows<{ seq: string }>(`select seq from events where name = 'a'`);
  await fleet.rows(`begin; set local session_replication_role = replica;
    update events set data = replace(data, '/v1', '/v9') where seq = ${event?.seq ?? 0}; commit`);
  const second = await fleet.projector();
  await fleet.until(`exists (
    select from projectors where phase = 'leading'
       and problems::text like '%event ${event?.seq ?? 0} is not what it was when it was appended%')`);
  await fleet.send(shop.route('b', 1));
  await fleet.settled();
  t.match(await fleet.rows(`select count(*)::int as routes from objects where kind = 'HTTPRoute'`), [{ routes: 2 }]);
  await t.rejects(fleet.verify(), 'a verification finds it, too');
  await second.stop();
});
