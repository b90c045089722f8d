// Fills the disk of a real Postgres below a projector: what is sent waits in the stream, /readyz says why, and when
// there is room again everything is committed without a hand.
import { join } from 'node:path';
import t from 'tap';
import { startPostgres } from '#libs/runtime/postgres/embedded-postgres.ts';
import { smallDisk } from '#libs/testing/peers/small-disk.ts';
import { testLogger } from '#libs/testing/peers/throwaway.ts';
import { migrate } from '../../migrations/run.ts';
import * as shop from './testing/shop.ts';
import { TestFleet } from './testing/test-fleet.ts';
import { readinessAnswer } from './testing/readiness-answer.ts';

void t.test('Postgres on a full disk', async (t) => {
  const disk = await smallDisk(t, 160);
  const server = await startPostgres({ dataDir: join(disk.path, 'postgres'), log: testLogger('postgres') });
  t.teardown(() => server.stop());
  await migrate(server.url);
  const fleet = await TestFleet.open(t, { databaseUrl: server.url });
  const { port } = await fleet.projector();
  await fleet.send(...shop.platform());
  await until(port, 200);

  await disk.fill();
  const routes = Array.from({ length: 3000 }, (_, index) => shop.route(`during-${index}`, 1));
  // As many at a time as an agent has under way: thousands at once wait longer for their answers than a sender does.
  const lanes = Array.from({ length: 50 }, (_, lane) => routes.filter((_, index) => index % 50 === lane));
  await Promise.all(lanes.map((lane) => fleet.send(...lane)));
  const said = await until(port, 503, /no room/);
  t.match(said, /Postgres has no room: .*No space left on device\. Make room on its disk: it goes on by itself/);
  await disk.empty();
  await until(port, 200);
  await fleet.settled();
  t.match(await fleet.rows(`select count(*)::int as n from events where name like 'during-%'`), [{ n: 3000 }]);
  await fleet.verify();
});

function until(port: number, status: number, says = /./): Promise<string> {
  return readinessAnswer(port, status, says, 60_000);
}
