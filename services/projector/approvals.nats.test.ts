// Tests on a real NATS and Postgres that the one writer carries out what needs a second person only when one confirmed
// it: whoever publishes a command, whatever happens between request and decision.
import t from 'tap';
import type { Teardown } from '#libs/testing/peers/throwaway.ts';
import * as shop from './testing/shop.ts';
import { TestFleet } from './testing/test-fleet.ts';

const confirm = { 'fleetgate.dev/confirm': 'rollback,release,accept' };
const eventsSql = `select type, data::json->'outcome'->>'result' as result, data::json->'outcome'->>'code' as code
                     from events where kind = 'Gateway' and type <> 'applied' order by seq`;
const headSql = 'select head, serving, pinned from gateways';

/** Starts a fleet whose gateway has versions 1 to 3, and wants its commands confirmed. */
async function start(test: Teardown, flags: Readonly<Record<string, unknown>> = {}) {
  const fleet = await TestFleet.open(test);
  const projector = await fleet.projector(flags);
  await fleet.send(...shop.platform(), shop.gatewayAnnotated(2, confirm));
  await fleet.settled();
  await fleet.send(shop.route('a', 1));
  await fleet.settled();
  await fleet.send(shop.route('a', 2));
  await fleet.settled();
  return { fleet, projector };
}

const heads = (fleet: TestFleet) => fleet.rows(headSql);
const back = (more: Parameters<typeof shop.command>[1] = {}) => shop.command({ type: 'rollback', to: 2 }, more);

void t.test('a command by one person waits, and another carries it out', async (t) => {
  const { fleet } = await start(t);
  const command = back();
  const asked = await fleet.command(command);
  t.match(asked, { id: command.id, ok: false, code: 'requested', until: /Z$/, message: /another person must/ });
  t.strictSame(await heads(fleet), [{ head: 3, serving: 3, pinned: false }], 'nothing is done');
  t.match(await fleet.command(command), { code: 'requested' }, 'given again, it is the same request');
  t.match(await fleet.command(shop.decision('approved', command.id, 'ann')), { ok: false, code: 'own-request' });
  t.match(await fleet.command(shop.decision('approved', 'nothing', 'bob')), { ok: false, code: 'unknown-request' });
  const done = await fleet.command(shop.decision('approved', command.id, 'bob'));
  t.match(done, { ok: true, version: 4, replaced: 3, to: 2 });
  t.strictSame(await heads(fleet), [{ head: 4, serving: 4, pinned: true }]);
  t.match(await fleet.command(shop.decision('rejected', command.id, 'eve')), { ok: false, code: 'decided' });
  const release = shop.command({ type: 'release' });
  await fleet.command(release);
  t.match(await fleet.command(shop.decision('rejected', release.id, 'bob')), { ok: true, version: 4 });
  t.strictSame(await heads(fleet), [{ head: 4, serving: 4, pinned: true }], 'what was rejected changes nothing');
  t.match(await fleet.command(shop.decision('approved', release.id, 'eve')), { ok: false, code: 'decided' });
  t.strictSame(await fleet.rows(eventsSql), [
    { type: 'requested', result: 'done', code: null },
    { type: 'approved', result: 'refused', code: 'own-request' },
    { type: 'approved', result: 'refused', code: 'unknown-request' },
    { type: 'approved', result: 'done', code: null },
    { type: 'rejected', result: 'refused', code: 'decided' },
    { type: 'requested', result: 'done', code: null },
    { type: 'rejected', result: 'done', code: null },
    { type: 'approved', result: 'refused', code: 'decided' },
  ]);
  const [made] = await fleet.rows<Record<'actor' | 'asked' | 'approver' | 'decided', string>>(
    `select s.actor, e.data::json->'command'->'actor'->>'name' as asked, e.manager as approver,
            e.data::json->'actor'->>'name' as decided
       from snapshots s join events e on e.seq = s.seq where s.version = 4`,
  );
  t.equal(made?.actor, made?.asked, 'the version is of who asked for it');
  t.equal(made?.approver, made?.decided);
  t.not(made?.actor, made?.approver);
  await fleet.verify();
});

void t.test('who was erased is not taken for another person', async (t) => {
  const { fleet } = await start(t);
  const command = back();
  await fleet.command(command);
  await fleet.rows('delete from private_texts where id in (select manager from events where id = $1)', command.id);
  const alone = await fleet.command(shop.decision('approved', command.id, 'ann'));
  t.match(alone, { ok: false, code: 'own-request', message: /was erased/ });
  t.match(await fleet.command(shop.decision('rejected', command.id, 'bob')), { ok: true });
});

void t.test('two approve at once: one of them does it, and it is done once', async (t) => {
  const { fleet } = await start(t);
  const command = back();
  await fleet.command(command);
  const answers = await Promise.all(
    ['bob', 'eve', 'joe'].map((name) => fleet.command(shop.decision('approved', command.id, name))),
  );
  t.equal(answers.filter((answer) => JSON.stringify(answer).includes('"ok":true')).length, 1);
  t.equal(answers.filter((answer) => JSON.stringify(answer).includes('"decided"')).length, 2);
  t.strictSame(await heads(fleet), [{ head: 4, serving: 4, pinned: true }]);
});

void t.test('a request outlives its projector, and the annotation that asked for it', async (t) => {
  const { fleet, projector } = await start(t);
  const [command, other] = [back(), back({ actor: { name: 'joe', role: 'operator' } })];
  await fleet.command(command);
  await fleet.command(other);
  await projector.stop();
  await fleet.projector();
  await fleet.send(shop.gatewayAnnotated(5, {}));
  await fleet.settled();
  t.match(
    await fleet.command(shop.decision('approved', command.id, 'ann')),
    { code: 'own-request' },
    'still not alone',
  );
  t.match(await fleet.command(shop.decision('approved', command.id, 'bob')), { ok: true, version: 4 });
  t.match(await fleet.command(shop.decision('approved', other.id, 'bob')), { code: 'changed' }, 'another serves now');
  t.match(await fleet.command(shop.command({ type: 'release' })), { ok: true, version: 5 }, 'and now one is enough');
  await fleet.verify();
});

void t.test('what was seen is what is carried out', async (t) => {
  const { fleet } = await start(t, { removedShareMax: '0.2', removedMin: '1', removedRoutesMin: '0' });
  await fleet.send(shop.route('b', 3), shop.route('c', 3));
  await fleet.settled();
  const stale = back();
  await fleet.command(stale);
  const forced = back({ force: true, actor: { name: 'joe', role: 'operator' } });
  await fleet.command(forced);
  await fleet.send(shop.routeGone('a', 4), shop.routeGone('b', 4));
  await fleet.settled();
  const accept = shop.command({ type: 'accept' });
  t.match(await fleet.command(accept), { code: 'requested' });
  await fleet.send(shop.routeGone('c', 5));
  await fleet.settled();
  const late = await fleet.command(shop.decision('approved', accept.id, 'bob'));
  t.match(late, { ok: false, code: 'changed', message: /holds back something else/ });
  const again = shop.command({ type: 'accept' });
  await fleet.command(again);
  t.match(await fleet.command(shop.decision('approved', again.id, 'bob')), { ok: true });
  t.match(await fleet.command(shop.decision('approved', stale.id, 'bob')), { ok: false, code: 'changed' });
  t.match(await fleet.command(shop.decision('approved', forced.id, 'bob')), { ok: true, to: 2 });
});

void t.test('a request ends when nobody decides it in time', async (t) => {
  const { fleet } = await start(t, { confirmWithin: '1s' });
  const command = back();
  await fleet.command(command);
  await fleet.until(
    `(select (data::json->>'expiresAt')::timestamptz < clock_timestamp() from events where id = '${command.id}')`,
  );
  const late = await fleet.command(shop.decision('approved', command.id, 'bob'));
  t.match(late, { ok: false, code: 'expired', message: /must be given again/ });
  t.strictSame(await heads(fleet), [{ head: 3, serving: 3, pinned: false }]);
});

void t.test('in an emergency an admin goes alone, says why, and the history says so', async (t) => {
  const { fleet } = await start(t);
  const admin = { name: 'ann', role: 'admin' };
  t.match(await fleet.command(back({ breakGlass: true })), { ok: false, code: 'break-glass' });
  t.match(await fleet.command(back({ breakGlass: true, actor: admin, reason: ' ' })), { code: 'reason-required' });
  t.match(await fleet.command(back({ breakGlass: true, actor: admin })), { ok: true, version: 4 });
  t.strictSame(await fleet.rows(`select data::json->>'breakGlass' as glass from events where type = 'rollback'`), [
    { glass: 'true' },
    { glass: 'true' },
    { glass: 'true' },
  ]);
});

void t.test('nobody requests or approves by forging what the projector writes', async (t) => {
  const { fleet } = await start(t);
  const command = back();
  const seen = { serving: 3, head: 3, held: null };
  t.match(await fleet.command({ ...command, type: 'requested', command, seen }), { ok: false, code: 'malformed' });
  const forged = { ...shop.decision('approved', command.id, 'bob'), command, outcome: { result: 'done' } };
  t.match(await fleet.command(forged), { ok: false, code: 'unknown-request' });
  const direct = { ...command, outcome: { result: 'done', replaced: 3 } };
  t.match(await fleet.command(direct), { ok: false, code: 'requested' }, 'a command past control waits, too');
  t.strictSame(await heads(fleet), [{ head: 3, serving: 3, pinned: false }]);
});

void t.test('all gateways, by the options; and reasons, where a gateway wants them', async (t) => {
  const fleet = await TestFleet.open(t);
  await fleet.projector({ confirm: ['rollback'] });
  const wanting = shop.gatewayAnnotated(2, { 'fleetgate.dev/require-reason': 'true' });
  await fleet.send(...shop.platform(), wanting);
  await fleet.settled();
  await fleet.send(shop.route('a', 1));
  await fleet.settled();
  await fleet.send(shop.route('a', 2));
  await fleet.settled();
  const silent = await fleet.command(back({ reason: '' }));
  t.match(silent, { ok: false, code: 'reason-required', message: /must say why; give the reason with --reason/ });
  const command = back();
  t.match(await fleet.command(command), { code: 'requested' });
  t.match(await fleet.command(shop.decision('approved', command.id, 'bob')), { ok: true, version: 4 });
  t.match(await fleet.command(shop.command({ type: 'release' }, { confirm: true })), { code: 'requested' });
  t.match(await fleet.command(shop.command({ type: 'release' })), { ok: true, version: 5 }, 'it is not in the list');
});
