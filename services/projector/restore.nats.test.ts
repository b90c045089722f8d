// A real Postgres goes back to a copy of its data folder while the stream goes on: it is noticed, told, and no number
// of a version that was seen before means another content.
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { eventually } from '#libs/testing/eventually.ts';
import { startPostgres } from '#libs/runtime/postgres/embedded-postgres.ts';
import { type Teardown, testLogger, throwawayFolder } from '#libs/testing/peers/throwaway.ts';
import { migrate } from '../../migrations/run.ts';
import * as shop from './testing/shop.ts';
import { TestFleet } from './testing/test-fleet.ts';

/** Runs a Postgres whose data folder can be copied and put back. */
async function startRestorable(test: Teardown) {
  const folder = await throwawayFolder(test);
  const [dataDir, copy] = [join(folder, 'postgres'), join(folder, 'backup')];
  let server = await startPostgres({ dataDir, log: testLogger(), settings: { fsync: 'off' } });
  test.teardown(() => server.stop());
  await migrate(server.url);
  const stopped = async (act: () => void): Promise<void> => {
    await server.stop();
    act();
    server = await startPostgres({ dataDir, log: testLogger(), settings: { fsync: 'off' } });
  };
  return {
    url: server.url,
    backUp: () => stopped(() => cpSync(join(dataDir, 'data'), copy, { recursive: true })),
    restore: () =>
      stopped(() => {
        rmSync(join(dataDir, 'data'), { recursive: true });
        cpSync(copy, join(dataDir, 'data'), { recursive: true });
      }),
  };
}

const inTheFuture = (ms: number): string => new Date(Date.now() + ms).toISOString();
const versionsSql = 'select version, digest from snapshots order by version';
const restoresSql = `select data::jsonb as data from events where type = 'restored' order by seq`;

interface Version {
  readonly version: number;
  readonly digest: string;
}

/** Numbers that mean one content in one list and another in the other. */
function contradictions(seen: readonly Version[], now: readonly Version[]): readonly Version[] {
  const digests = new Map(seen.map(({ version, digest }) => [version, digest]));
  return now.filter(({ version, digest }) => (digests.get(version) ?? digest) !== digest);
}

void t.test('Postgres comes back from a backup, the stream is intact', async (t) => {
  const postgres = await startRestorable(t);
  const fleet = await TestFleet.open(t, { databaseUrl: postgres.url });
  let projector = await fleet.projector();
  const edit = async (version: number): Promise<void> => {
    await fleet.send(shop.route('a', version));
    await fleet.settled();
  };
  await fleet.send(...shop.platform());
  for (const version of [1, 2, 3]) await edit(version);
  await projector.stop();
  await postgres.backUp();

  projector = await fleet.projector();
  for (const version of [4, 5, 6]) await edit(version);
  const rollback = { ...shop.command({ type: 'rollback', to: null }), expiresAt: inTheFuture(2000) };
  t.match(await fleet.command(rollback), { ok: true });
  await edit(7);
  const seen = [...(await fleet.rows<Version>(versionsSql))];
  const newest = seen.at(-1)?.version ?? 0;
  await projector.stop();
  await eventually(() => Date.now() > Date.parse(rollback.expiresAt));

  for (const round of [1, 2]) {
    await t.test(`restore number ${round} of the same backup`, async (t) => {
      await postgres.restore();
      projector = await fleet.projector();
      await fleet.settled();
      t.match(await fleet.rows(restoresSql), [{ data: { reason: /was restored from a backup/, above: {} } }]);
      await edit(7 + round);
      const now = await fleet.rows<Version>(versionsSql);
      t.same(contradictions(seen, now), []);
      t.ok((now.at(-1)?.version ?? 0) > newest, 'the next version is above every number that was seen');
      seen.push(...now);
      t.match(await fleet.rows('select pinned from gateways'), [{ pinned: false }], 'nothing is carried out again');
      t.match(await fleet.rows(`select id, data::jsonb -> 'outcome' as outcome from events where type = 'rollback'`), [
        { id: rollback.id, outcome: { result: 'expired' } },
      ]);
      await projector.stop();
    });
  }

  const lines: string[] = [];
  await fleet.verify((line) => lines.push(line));
  t.match(lines, [/^restored at .* messages were committed/, /^identical: /]);
  await fleet.projector();
  await fleet.settled();
  t.equal((await fleet.rows(restoresSql)).length, 1, 'it is told once');
});

void t.test('nodes hold more than the history: told, and their numbers are passed over', async (t) => {
  const fleet = await TestFleet.open(t);
  await fleet.projector();
  await fleet.send(...shop.platform(), shop.route('a', 1));
  await fleet.settled();
  await fleet.rows(`insert into nodes values ('n1', '1', '{}', '["*/*/*"]', '[]', 'r', true, 'live', now(), now())`);
  const hold = async (version: number, digest: string): Promise<void> => {
    await fleet.rows(
      `insert into node_gateways values ('n1', $1, $2, $3, now(), 1, null, null, null)
         on conflict (node, gateway) do update set version = excluded.version, digest = excluded.digest`,
      ...[shop.gateway, version, digest],
    );
    await fleet.rows(`select pg_notify('fleetgate_nodes', 'n1')`);
  };
  const [first] = await fleet.rows<Version>(versionsSql);
  await hold(first?.version ?? 0, first?.digest ?? '');
  await hold(16, 'of another history');
  await fleet.until(`exists (select 1 from events where type = 'restored')`);
  t.match(await fleet.rows(restoresSql), [
    { data: { reason: /node n1 holds version 16 of eu\/infra\/web, which the history does not have/, skip: 0 } },
  ]);
  await fleet.send(shop.route('a', 2));
  await fleet.settled();
  t.match((await fleet.rows<Version>(versionsSql)).at(-1), { version: 17 });
  await hold(17, 'given twice');
  await fleet.until(`2 = (select count(*) from events where type = 'restored')`);
  t.match((await fleet.rows(restoresSql)).at(-1), { data: { reason: /version 17 .* with other content/ } });
  await hold(2_000_000_000, 'a lie');
  await hold(17, 'given twice');
  await fleet.send(shop.route('a', 3));
  await fleet.settled();
  t.match((await fleet.rows<Version>(versionsSql)).at(-1), { version: 18 });
  t.equal((await fleet.rows(restoresSql)).length, 2);
});
