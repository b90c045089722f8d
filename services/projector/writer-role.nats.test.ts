// Tests that a role with the rights of a writer can do everything that a projector does, and cannot rewrite what
// happened; nor can the owner by mistake.
import { Client } from 'pg';
import t from 'tap';
import { logDifferences } from '#libs/testing/log-of-rows.ts';
import { type Teardown, throwawayPostgres } from '#libs/testing/peers/throwaway.ts';
import { grantWriter, writerRights } from '../../migrations/writer-rights.ts';
import * as shop from './testing/shop.ts';
import { TestFleet } from './testing/test-fleet.ts';

async function connect(test: Teardown, url: string): Promise<Client> {
  const client = new Client({ connectionString: url });
  await client.connect();
  test.teardown(() => client.end());
  return client;
}

/** Makes a role that may log in; gives the database's URL with it. */
async function makeRole(test: Teardown, owner: Client, url: string, name: string): Promise<string> {
  await owner.query(`create role ${name} login password 'secret'`);
  test.teardown(async () => {
    const client = new Client({ connectionString: url });
    await client.connect();
    await client.query(`drop owned by ${name}; drop role ${name}`);
    await client.end();
  });
  const asRole = new URL(url);
  asRole.username = name;
  asRole.password = 'secret';
  return asRole.href;
}

void t.test('a projector works under a role that only appends', async (t) => {
  const { url } = await throwawayPostgres(t);
  const owner = await connect(t, url);
  const writerUrl = await makeRole(t, owner, url, 'only_writes');
  await grantWriter(url, 'only_writes');
  const fleet = await TestFleet.open(t, { databaseUrl: url });
  await owner.query(`insert into nodes values
    ('n1', '0.1.0', '{}', '["*/*/*"]', '["192.0.2.1"]', 'r1', true, 'live', now(), now())`);
  const projector = await fleet.projector({ databaseUrl: writerUrl });
  await fleet.send(...shop.platform(), shop.route('a', 1), shop.slice(1, '10.0.0.1'), shop.secret(1));
  await fleet.send(shop.route('a', 2), shop.slice(2, '10.0.0.2'), shop.secret(2), shop.route('b', 1));
  await fleet.settled();
  await fleet.send(shop.routeGone('b', 2));
  t.match(await fleet.command(shop.command({ type: 'rollback', to: null })), { ok: true });
  t.match(await fleet.command(shop.command({ type: 'release' })), { ok: true });
  const deed = { v: 1, type: 'migrated', id: 'm', at: '2026-01-01T00:00:00Z', actor: null, from: 'host' };
  const noted = JSON.stringify({ ...deed, subject: '0001', reason: 'a test' });
  await owner.query(`insert into deeds (id, data) values ('m', $1)`, [noted]);
  await owner.query(`insert into departed_nodes values
    ('d', 'n0', 'removed', 'gone', 'ann', 'operator', now(), now())`);
  await owner.query(`select pg_notify('fleetgate_nodes', 'n0')`);
  await fleet.until(`not exists (select from deeds) and not exists (select from departed_nodes)`);
  await fleet.settled();
  await fleet.verify();
  t.same(await logDifferences(owner), []);
  t.match((await owner.query('select problems from projectors')).rows, [{ problems: [] }]);
  await projector.stop();

  // As a takeover after a crash.
  const next = await fleet.projector({ databaseUrl: writerUrl });
  await fleet.send(shop.route('a', 4));
  await fleet.settled();
  await next.stop();
  t.same(await logDifferences(owner), []);
});

void t.test('under it a projector replaces one that hangs', async (t) => {
  const { url } = await throwawayPostgres(t);
  const owner = await connect(t, url);
  const writerUrl = await makeRole(t, owner, url, 'only_replaces');
  await grantWriter(url, 'only_replaces');
  const fleet = await TestFleet.open(t, { databaseUrl: writerUrl });
  const first = fleet.child({ FLEETGATE_LEASE: '2' });
  await fleet.until(`exists (select from projectors where phase = 'leading')`);
  await fleet.send(...shop.platform(), shop.route('a', 1));
  await fleet.settled();
  await fleet.projector({ lease: '2' });
  await fleet.until(`(select count(*) from projectors where phase = 'standing by') = 1`);
  first.kill('SIGSTOP');
  await fleet.send(shop.route('a', 2));
  await fleet.until(`exists (select from projectors where phase = 'leading' and pid = ${process.pid})`);
  await fleet.settled();
  t.same(await logDifferences(owner), []);
  t.match((await owner.query(`select count(*)::int as n from events where name = 'a'`)).rows, [{ n: 2 }]);
});

void t.test('neither the role nor, by mistake, the owner rewrites what happened', async (t) => {
  const { url } = await throwawayPostgres(t);
  const owner = await connect(t, url);
  const writer = await connect(t, await makeRole(t, owner, url, 'only_appends'));
  await t.rejects(writer.query('select from events'), { code: '42501' });
  await grantWriter(url, 'only_appends');
  await writer.query('select from events');
  const kept = [
    ...['update events set data = data', 'delete from events', 'truncate events'],
    ...['update log_tiles set hashes = hashes', 'delete from log_tiles', 'truncate log_tiles'],
    ...['update private_texts set text = text', 'truncate private_texts'],
  ];
  const guarded = { code: '42501', message: /keeps what was written: (update|delete|truncate) is refused/ };
  for (const statement of kept) {
    await t.rejects(writer.query(statement), { code: '42501', message: /permission denied/ }, statement);
    await t.rejects(owner.query(statement), guarded, `owner: ${statement}`);
  }
  for (const statement of [
    'delete from private_texts',
    'drop table events',
    'alter table events disable trigger all',
    'select from events for update',
    'delete from snapshots',
    'select from tokens',
    'create table mine (id int)',
    'set session_replication_role = replica',
    `insert into events select * from events on conflict (id) do update set data = ''`,
  ])
    await t.rejects(writer.query(statement), /permission denied|must be owner/, statement);
});

void t.test('every table has a line, and what is no writer is refused', async (t) => {
  const { url } = await throwawayPostgres(t);
  const owner = await connect(t, url);
  const { rows } = await owner.query<{ name: string }>(
    `select relname as name from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')`,
  );
  t.same(rows.map(({ name }) => name).toSorted(), Object.keys(writerRights).toSorted());
  await makeRole(t, owner, url, 'strong_one');
  await owner.query('alter role strong_one superuser');
  await t.rejects(grantWriter(url, 'strong_one'), { code: 'grant-refused', message: /it is a superuser/ });
  await owner.query(`alter role strong_one nosuperuser; alter table events owner to strong_one`);
  await t.rejects(grantWriter(url, 'strong_one'), { code: 'grant-refused', message: /owns .* events/ });
  await owner.query('alter table events owner to current_user');
  await t.rejects(grantWriter(url, 'nobody_such'), { code: 'grant-refused', message: /does not exist/ });
  await t.rejects(grantWriter(url, 'x; drop table events'), { code: 'config' });
});
