// Tests with a real stream and a real database that the history says why nodes left.
import t from 'tap';
import * as shop from './testing/shop.ts';
import { TestFleet } from './testing/test-fleet.ts';

void t.test('the history says what became of nodes, once, also of those that left while nobody led', async (t) => {
  const fleet = await TestFleet.open(t);
  const note = `insert into departed_nodes values
    ($1, $2, 'removed', 'disk broke', 'alice', 'operator', now() - interval '1 minute', now())`;
  await fleet.rows(note, 'first', 'n1');
  await fleet.projector();
  await fleet.until(`not exists (select 1 from departed_nodes)`);
  await fleet.send(...shop.platform(), shop.route('a', 1));
  await fleet.settled();
  await fleet.rows(note, 'second', 'n2');
  await fleet.rows(`select pg_notify('fleetgate_nodes', 'n2')`);
  await fleet.until(`not exists (select 1 from departed_nodes)`);
  // As after a crash between the commit and the removal of the note.
  await fleet.rows(note, 'second', 'n2');
  await fleet.rows(`select pg_notify('fleetgate_nodes', 'n2')`);
  await fleet.until(`not exists (select 1 from departed_nodes)`);
  await fleet.send(shop.route('a', 2));
  await fleet.settled();
  const left = await fleet.rows(`
    select e.kind, e.name, p.text as manager, e.operation
      from events e join private_texts p on p.id = e.manager where e.type = 'node-left' order by e.seq`);
  t.same(left, [
    { kind: 'Node', name: 'n1', manager: 'alice', operation: 'operator' },
    { kind: 'Node', name: 'n2', manager: 'alice', operation: 'operator' },
  ]);
  t.match(await fleet.rows('select max(seq) = count(*) as gapless from events'), [{ gapless: true }]);
  await fleet.verify();
});
