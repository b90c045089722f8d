// Tests the writer against a real Postgres: one transaction per batch, versions, commands, the fence, and taking over
// what is stored.
import t from 'tap';
import { FenceLost } from '../store/commit.ts';
import { awaitLeadership } from '../leadership.ts';
import { newIdentity } from '../presence.ts';
import { testLogger } from '#libs/testing/peers/throwaway.ts';
import * as shop from '../testing/shop.ts';
import { TestWriter } from '../testing/test-writer.ts';
import { readVersionContent } from '../store/version-content.ts';

interface HeadRow {
  readonly head: number;
  readonly serving: number;
  readonly pinned: boolean;
  readonly deleted: boolean;
}

const headSql = `select head, serving, pinned, deleted from gateways where gateway = '${shop.gateway}'`;
const versionsSql = 'select version, cause, of_version, entries, seq, actor, reason from snapshots order by version';

void t.test('events, objects, versions and the checkpoint are one transaction', async (t) => {
  const db = await TestWriter.open(t);
  await db.append(...shop.platform(), shop.route('a', 1));
  t.strictSame(await db.rows('select seq, batch, type, kind, name, manager from events order by seq'), [
    { seq: '1', batch: '4', type: 'applied', kind: 'GatewayClass', name: 'fleetgate', manager: 'test' },
    { seq: '2', batch: '4', type: 'applied', kind: 'Gateway', name: 'web', manager: 'test' },
    { seq: '3', batch: '4', type: 'applied', kind: 'Service', name: 'shop', manager: 'test' },
    { seq: '4', batch: '4', type: 'applied', kind: 'HTTPRoute', name: 'a', manager: 'test' },
  ]);
  t.strictSame(await db.rows('select commit, stream_created, stream_seq from projector'), [
    { commit: '1', stream_created: 'test', stream_seq: '4' },
  ]);
  t.strictSame(await db.rows(headSql), [{ head: 1, serving: 1, pinned: false, deleted: false }]);
  t.strictSame(await db.rows('select name, uid from clusters'), [{ name: 'eu', uid: 'uid-of-eu' }]);
  const [objects] = await db.rows<{ count: string }>('select count(*) from objects');
  t.equal(objects?.count, '4');
  const entries = await db.rows<{ key: string; json: string }>(
    'select c.key, e.json from snapshot_changes c join entries e on e.hash = c.hash order by c.key',
  );
  t.match(entries, [
    { key: /^backend\/eu\/shop\/shop\/80$/ },
    { key: 'listener/http' },
    { key: 'rule/HTTPRoute/shop/a/0', json: /"\/v1"/ },
  ]);
  await db.append(shop.route('a', 2));
  t.match(await db.shown(await db.rows(versionsSql)), [
    { version: 1, cause: 'change', of_version: null, entries: 3, seq: '4' },
    { version: 2, cause: 'change', entries: 3, seq: '5', actor: 'test', reason: 'applied HTTPRoute shop/a' },
  ]);
});

void t.test('what is known makes no event, what came back does', async (t) => {
  const db = await TestWriter.open(t);
  await db.append(...shop.platform(), shop.route('a', 1));
  const again = await db.append(shop.route('a', 1), shop.route('a', 1));
  t.ok(again.empty);
  await db.append(shop.route('a', 2), shop.route('a', 2), shop.route('a', 1), shop.route('a', 3));
  await db.append(shop.routeGone('a', 4), shop.route('a', 3));
  await db.append(shop.routeGone('a', 5));
  t.strictSame(await db.rows(`select seq, type, id from events where name = 'a' order by seq`), [
    { seq: '4', type: 'applied', id: 'eu/eu-HTTPRoute-shop-a/1' },
    { seq: '5', type: 'applied', id: 'eu/eu-HTTPRoute-shop-a/2' },
    { seq: '6', type: 'applied', id: 'eu/eu-HTTPRoute-shop-a/3' },
    { seq: '7', type: 'deleted', id: 'eu/eu-HTTPRoute-shop-a/deleted' },
    { seq: '8', type: 'applied', id: 'eu/eu-HTTPRoute-shop-a/3#8' },
    { seq: '9', type: 'deleted', id: 'eu/eu-HTTPRoute-shop-a/deleted#9' },
  ]);
  t.strictSame(await db.rows(`select name from objects where kind = 'HTTPRoute'`), []);
});

void t.test('endpoints and key material are no events', async (t) => {
  const db = await TestWriter.open(t);
  await db.append(...shop.platform());
  await db.append(shop.slice(1, '10.0.0.1'), shop.secret(1));
  await db.append(shop.slice(2, '10.0.0.1', '10.0.0.2'));
  const events = await db.rows<{ kind: string; data: string }>('select kind, data from events order by seq');
  t.strictSame(
    events.map(({ kind }) => kind),
    ['GatewayClass', 'Gateway', 'Service', 'Secret'],
  );
  t.notMatch(JSON.stringify(events), /sealed|U0VBTEVE/);
  const discovery = await db.rows<{ key: string; item: string; commit: string }>(
    'select key, item, commit from discovery order by key',
  );
  t.match(discovery, [
    { key: 'endpoints/eu/shop/shop/80', item: /10\.0\.0\.2/, commit: '3' },
    { key: 'tls/eu/infra/tls', item: /U0VBTEVEMQ|U0VBTEVE1/, commit: '2' },
  ]);
  const before = await db.rows('select head from gateways');
  t.strictSame(before, [{ head: 1 }], 'no version from endpoints');
  await db.reopen();
  const intake = await db.append(shop.slice(2, '10.0.0.1', '10.0.0.2'), shop.secret(1));
  t.ok(intake.empty, 'slices and secrets are known after a takeover');
  await db.append(shop.secret(2));
  t.match(await db.rows(`select item from discovery where key = 'tls/eu/infra/tls'`), [{ item: /U0VBTEVE2/ }]);
});

void t.test('rollback pins, changes become candidates, release serves them', async (t) => {
  const db = await TestWriter.open(t);
  await db.append(...shop.platform(), shop.route('a', 1));
  await db.append(shop.route('a', 2));
  await db.append(shop.route('a', 3));
  const rollback = shop.command({ type: 'rollback', to: null });
  const { outcome } = await db.decide(rollback);
  t.match(outcome, { ok: true, gateway: shop.gateway, version: 4, seq: '7', replaced: 3, to: 2 });
  t.strictSame(await db.rows<HeadRow>(headSql), [{ head: 4, serving: 4, pinned: true, deleted: false }]);
  const [two, four] = await Promise.all([2, 4].map((version) => readVersionContent(db.client, shop.gateway, version)));
  t.strictSame(four, two, 'version 4 holds what version 2 held');
  const stored = await db.shown(await db.rows<{ data: string }>(`select data from events where type = 'rollback'`));
  t.match(JSON.parse(stored[0]?.data ?? ''), {
    to: 2,
    digest: two?.digest,
    actor: { name: 'ann' },
    outcome: { result: 'done', replaced: 3 },
  });
  const once = await db.decide(shop.command({ type: 'rollback', to: null }));
  t.match(await db.shown(once.outcome), {
    ok: false,
    code: 'pinned',
    message: /pinned already, to version 4 with the content of version 2 since \S+ by ann \(a test\); .* --to 3$/,
  });

  await db.append(shop.route('a', 4));
  t.strictSame(await db.rows<HeadRow>(headSql), [{ head: 5, serving: 4, pinned: true, deleted: false }]);
  await db.reopen();
  await db.append(shop.route('b', 1));
  t.strictSame(await db.rows<HeadRow>(headSql), [{ head: 6, serving: 4, pinned: true, deleted: false }]);

  const again = await db.decide(rollback);
  t.strictSame(again.outcome, outcome, 'a repeated command has the same outcome');
  t.match((await db.decide(shop.command({ type: 'rollback', to: 99 }))).outcome, {
    ok: false,
    code: 'unknown-version',
  });

  const release = await db.decide(shop.command({ type: 'release' }));
  t.match(release.outcome, { ok: true, version: 6 });
  t.strictSame(await db.rows<HeadRow>(headSql), [{ head: 6, serving: 6, pinned: false, deleted: false }]);
  t.match((await db.decide(shop.command({ type: 'release' }))).outcome, { ok: false, code: 'not-pinned' });
  t.match(await db.shown(await db.rows(versionsSql)), [
    {},
    {},
    {},
    { version: 4, cause: 'rollback', of_version: 2, actor: 'ann', reason: 'a test' },
    { version: 5, cause: 'change' },
    { version: 6, cause: 'change' },
  ]);
  t.match(await db.rows(`select type, data::jsonb #>> '{outcome,result}' as result from events where uid = ''`), [
    { type: 'rollback', result: 'done' },
    { type: 'rollback', result: 'refused' },
    { type: 'rollback', result: 'refused' },
    { type: 'release', result: 'done' },
    { type: 'release', result: 'refused' },
  ]);
});

void t.test('a command says what the person saw: another version is refused, unless forced', async (t) => {
  const db = await TestWriter.open(t);
  await db.append(...shop.platform(), shop.route('a', 1));
  await db.append(shop.route('a', 2));
  await db.append(shop.route('a', 3));
  const command = { ...shop.command({ type: 'rollback', to: 1 }), expect: 2 };
  t.match((await db.decide(command)).outcome, {
    ok: false,
    code: 'changed',
    message: /serves version 3 now since \S+ by test \(applied HTTPRoute shop\/a\), and not version 2$/,
  });
  t.strictSame(await db.rows<HeadRow>(headSql), [{ head: 3, serving: 3, pinned: false, deleted: false }]);
  const forced = { ...command, id: 'forced', force: true };
  t.match((await db.decide(forced)).outcome, { ok: true, version: 4, replaced: 3, to: 1 });
  const other = { ...shop.command({ type: 'rollback', to: 1 }), digest: 'that of another history' };
  t.match((await db.decide(other)).outcome, { ok: false, code: 'another-content' });
});

void t.test('releasing right after a rollback serves the live content as a new version', async (t) => {
  const db = await TestWriter.open(t);
  await db.append(...shop.platform(), shop.route('a', 1));
  await db.append(shop.route('a', 2));
  await db.decide(shop.command({ type: 'rollback', to: 1 }));
  await db.reopen();
  const { outcome } = await db.decide(shop.command({ type: 'release' }));
  t.match(outcome, { ok: true, version: 4 });
  const [two, four] = await Promise.all([2, 4].map((version) => readVersionContent(db.client, shop.gateway, version)));
  t.strictSame(four, two);
  t.match(await db.shown(await db.rows(versionsSql)), [{}, {}, {}, { version: 4, cause: 'release' }]);
});

void t.test('a deleted gateway has an empty version and goes on from there', async (t) => {
  const db = await TestWriter.open(t);
  await db.append(...shop.platform(), shop.route('a', 1));
  await db.append(shop.gatewayGone(2));
  t.strictSame(await db.rows<HeadRow>(headSql), [{ head: 2, serving: 2, pinned: false, deleted: true }]);
  await db.reopen();
  await db.append(shop.gatewayBack(3));
  t.strictSame(await db.rows<HeadRow>(headSql), [{ head: 3, serving: 3, pinned: false, deleted: false }]);
  const [one, three] = await Promise.all([1, 3].map((version) => readVersionContent(db.client, shop.gateway, version)));
  t.equal(three?.digest, one?.digest);
});

void t.test('labels of a gateway: stored with the number of the commit, without a version', async (t) => {
  const db = await TestWriter.open(t);
  const stored = () =>
    db.rows('select g.head, g.labels, g.commit = p.commit as newest from gateways g cross join projector p');
  await db.append(...shop.platform(), shop.route('a', 1));
  t.strictSame(await stored(), [{ head: 1, labels: {}, newest: true }]);
  await db.append(shop.gatewayLabelled(2, { tier: 'edge' }));
  t.strictSame(await stored(), [{ head: 1, labels: { tier: 'edge' }, newest: true }]);
  await db.append(shop.route('b', 3));
  await db.append(shop.gatewayGone(4));
  t.strictSame(await stored(), [{ head: 3, labels: { tier: 'edge' }, newest: true }], 'the last ones stay');
  await db.append(shop.gatewayBack(5));
  await db.rows(`update gateways set labels = '{"old": "yes"}'`);
  await db.reopen();
  await db.append(shop.route('c', 6));
  t.strictSame(
    await stored(),
    [{ head: 5, labels: {}, newest: true }],
    'saved ones that are not the object’s are mended',
  );
});

void t.test('a limit holds a change back until it is accepted', async (t) => {
  const db = await TestWriter.open(t, { removedShareMax: 0.5, removedMin: 2, removedRoutesMin: 0 });
  await db.append(...shop.platform(), ...['a', 'b', 'c', 'd'].map((name) => shop.route(name, 1)));
  await db.append(...['a', 'b', 'c'].map((name) => shop.routeGone(name, 2)));
  t.match(await db.rows('select head, alarm from gateways'), [{ head: 1, alarm: /\w/ }]);
  await db.reopen();
  const { outcome } = await db.decide(shop.command({ type: 'accept' }));
  t.match(outcome, { ok: true, version: 2 });
  t.match(await db.rows('select head, serving, alarm from gateways'), [{ head: 2, serving: 2, alarm: null }]);
});

void t.test('a stale writer changes nothing', async (t) => {
  const db = await TestWriter.open(t);
  await db.append(...shop.platform());
  await db.rows('update projector set epoch = epoch + 1');
  await t.rejects(db.append(shop.route('a', 1)), FenceLost);
  await t.rejects(db.decide(shop.command({ type: 'rollback', to: 1 })), FenceLost);
  await t.rejects(db.writer.skipTo({ streamCreated: 'test', streamSeq: 99, storedAt: null }), FenceLost);
  t.strictSame(await db.rows('select stream_seq from projector'), [{ stream_seq: '3' }]);
  t.strictSame(await db.rows(`select seq from events where seq > 3`), []);
});

void t.test('the lock has one holder, and the next one comes when it is gone', async (t) => {
  const db = await TestWriter.open(t);
  const abort = new AbortController();
  t.teardown(() => abort.abort());
  const waiting = awaitLeadership({ url: db.url, log: testLogger(), signal: abort.signal, self: newIdentity(15_000) });
  const first = await Promise.race([waiting, db.append(...shop.platform()).then(() => 'still waiting')]);
  t.equal(first, 'still waiting');
  await db.rows(`select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and granted`);
  t.ok(await db.leadership.lost, 'the holder learns of it');
  const next = await waiting;
  t.teardown(() => next?.release());
  t.equal(BigInt(next?.epoch ?? 0), BigInt(db.leadership.epoch) + 1n);
  await t.rejects(db.append(shop.route('a', 1)));
});

void t.test('texts that Postgres does not take are kept out of its columns', async (t) => {
  const db = await TestWriter.open(t);
  const odd = 'a\u0000b\ud800c';
  const event = shop.route('a', 1);
  const labelled = {
    ...event,
    object:
      event.object === null
        ? null
        : {
            ...event.object,
            spec: {
              parentRefs: [{ name: 'web', namespace: 'infra', sectionName: odd }],
              rules: [{ backendRefs: [{ name: odd }] }],
            },
          },
  };
  await db.append(...shop.platform(), labelled);
  t.match(await db.rows(`select data from events where name = 'a'`), [{ data: /\\u0000/ }]);
});

void t.test('a new leader brings the stored statuses up to date', async (t) => {
  const db = await TestWriter.open(t);
  await db.append(...shop.platform(), shop.route('a', 1));
  t.strictSame(await db.writer.refreshStatuses(), [], 'nothing to do');
  const before = await db.rows('select * from statuses order by kind, name');
  await db.rows(`update statuses set status = '{}' where kind = 'Gateway'`);
  await db.rows(`delete from statuses where kind = 'HTTPRoute'`);
  await db.rows(`insert into statuses values ('eu', 'HTTPRoute', 'shop', 'gone', 'u', '{}')`);
  const changed = await (await db.reopen()).refreshStatuses();
  t.match(
    changed.map(({ kind, name, status }) => [kind, name, status === null]),
    [
      ['Gateway', 'web', false],
      ['HTTPRoute', 'a', false],
      ['HTTPRoute', 'gone', true],
    ],
  );
  t.strictSame(await db.rows('select * from statuses order by kind, name'), before);
});
