// Clusters that are removed, taken on again and shown by another name, over a real Postgres: what is served, who is
// refused, and that the history gives the same again.
import t from 'tap';
import type { DeedEvent } from '#libs/events/deed-event.ts';
import { runRebuild } from '../rebuild/rebuild.ts';
import * as shop from '../testing/shop.ts';
import { TestWriter } from '../testing/test-writer.ts';

type About = Pick<DeedEvent, 'type'> & { readonly shown?: string };

let deeds = 0;

/** Notes a deed about `eu` as control does, and lets the writer take it. */
async function order(db: TestWriter, about: About): ReturnType<TestWriter['writer']['appendDeeds']> {
  deeds += 1;
  const deed: DeedEvent = {
    v: 1,
    id: `cluster-deed-${deeds}`,
    at: '2026-01-01T00:00:00.000Z',
    actor: { name: 'alice', role: 'admin' },
    from: '192.0.2.7',
    subject: 'eu',
    reason: `${about.type} eu`,
    ...about,
  };
  await db.rows('insert into deeds (id, data) values ($1, $2)', deed.id, JSON.stringify(deed));
  return db.writer.appendDeeds();
}

/** Says what is left of `eu` in each table. */
async function left(db: TestWriter): Promise<object | undefined> {
  const [row] = await db.rows<object>(
    `select (select count(*)::int from objects where cluster = 'eu') as objects,
            (select count(*)::int from endpoint_slices where cluster = 'eu') as slices,
            (select count(*)::int from statuses where cluster = 'eu') as statuses,
            (select count(*)::int from object_mentions where until_seq is null) as mentions,
            (select count(*)::int from agents where cluster = 'eu') as agents,
            (select count(*)::int from discovery where cluster = 'eu' and item is not null) as discovery`,
  );
  return row;
}

async function verify(db: TestWriter): Promise<string> {
  const defaults = { entriesMax: undefined, bytesMax: undefined, removedShareMax: undefined };
  const limits = { ...defaults, removedMin: undefined, removedRoutesMin: undefined };
  const lines: string[] = [];
  await runRebuild({ databaseUrl: db.url, verify: true, ...limits }, (line) => lines.push(line));
  return lines.at(-1) ?? '';
}

void t.test('nothing of a removed cluster is served or known, and its history stays', async (t) => {
  const db = await TestWriter.open(t);
  await db.append(...shop.platform(), ...shop.platform('us'), shop.slice(1, '10.0.0.1'), shop.secret(1));
  await db.append(...Array.from({ length: 30 }, (_, index) => shop.route(`r${index}`, 1)), shop.route('r0', 1, 'us'));
  await db.decide(shop.command({ type: 'rollback', to: 1 }));
  await db.rows(`insert into agents values ('eu', '1', 'folder', true, 33, '[]', now())`);
  const taken = await order(db, { type: 'cluster-removed' });
  t.same(taken.clusters, ['eu']);
  t.same(await left(db), { objects: 0, slices: 0, statuses: 0, mentions: 4, agents: 0, discovery: 0 });
  t.match(await db.rows(`select pinned, deleted, alarm from gateways where gateway = 'eu/infra/web'`), [
    { pinned: false, deleted: true, alarm: null },
  ]);
  const [newest] = await db.shown(
    await db.rows(`select entries, actor, reason from snapshots where gateway = 'eu/infra/web' order by version desc`),
  );
  t.same(newest, { entries: 0, actor: 'alice', reason: 'cluster-removed eu' }, 'limits hold nothing back');
  t.match(await db.rows(`select count(*)::int as n from objects where cluster = 'us'`), [{ n: 4 }], 'others stay');
  t.match(await db.rows(`select type, cluster, name from events where kind = 'Cluster'`), [
    { type: 'cluster-removed', cluster: 'eu', name: 'eu' },
  ]);
  t.match(await db.rows(`select count(*)::int as n from events where cluster = 'eu' and kind = 'HTTPRoute'`), [
    { n: 30 },
  ]);

  await db.append(shop.route('late', 2));
  t.same(
    await left(db),
    { objects: 0, slices: 0, statuses: 0, mentions: 4, agents: 0, discovery: 0 },
    'its agent is not heard',
  );
  await db.reopen();
  t.match(db.writer.clusters.check('eu', 'uid-of-eu'), { refused: /was removed .* `fleetgate cluster readmit eu`/ });
  t.same(await order(db, { type: 'cluster-removed' }), { clusters: [], statuses: [] }, 'a second time is nothing');
  t.same(await db.rows('select 1 from deeds where id like $1', 'cluster-deed-%'), []);

  await order(db, { type: 'cluster-readmitted' });
  await db.append(...shop.platform(), shop.route('back', 1));
  t.match(await db.rows(`select deleted from gateways where gateway = 'eu/infra/web'`), [{ deleted: false }]);
  t.match(await db.rows(`select count(*)::int as n from objects where cluster = 'eu'`), [{ n: 4 }]);
  await db.leadership.release();
  t.match(await verify(db), /^identical/);
});

void t.test('a renamed cluster is the same in keys and digests, and its agent may use either name', async (t) => {
  const db = await TestWriter.open(t);
  await db.append(...shop.platform(), shop.route('a', 1));
  await order(db, { type: 'cluster-renamed', shown: 'frankfurt' });
  const told = { cluster: 'frankfurt', clusterUid: 'uid-of-eu' };
  await db.append({ ...shop.route('a', 2), ...told });
  await db.append(shop.route('a', 3));
  t.match(await db.rows(`select distinct cluster from events where kind = 'HTTPRoute'`), [{ cluster: 'eu' }]);
  t.match(await db.rows('select version from snapshots order by version'), [
    { version: 1 },
    { version: 2 },
    { version: 3 },
  ]);
  t.strictSame((await db.append({ ...shop.route('a', 3), ...told })).size, 0, 'the same by the other name is known');
  t.match(db.writer.clusters.check('frankfurt', 'another'), { refused: /is shown for the cluster eu/ });
  const { outcome } = await db.decide(shop.command({ type: 'rollback', to: 1 }));
  t.match(outcome, { ok: true, version: 4 }, 'a rollback past the renaming');
  await db.reopen();
  t.equal(db.writer.clusters.nameOf('frankfurt', 'uid-of-eu'), 'eu');
  t.equal(db.writer.clusters.nameOf('frankfurt', 'another'), 'frankfurt');
  t.same(await order(db, { type: 'cluster-renamed', shown: 'No Label' }), { clusters: [], statuses: [] });
  await db.writer.register('us', 'uid-of-us');
  t.same(await order(db, { type: 'cluster-renamed', shown: 'us' }), { clusters: [], statuses: [] }, 'taken');
  await db.leadership.release();
  t.match(await verify(db), /^identical/);
  await db.rows(`update clusters set shown = 'paris' where name = 'eu'`);
  await t.rejects(verify(db), { code: 'rebuild-differs' }, 'what is shown follows from the history, too');
});
