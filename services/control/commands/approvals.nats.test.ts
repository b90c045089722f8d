// Tests confirmations from the API to the history, with a real projector, NATS and Postgres: who may confirm what, what
// is told to whom, and which rules of control hold.
import t from 'tap';
import type { Role } from '#libs/api/role.ts';
import { localDoer } from '#libs/runtime/postgres/deeds.ts';
import { openPostgres } from '#libs/runtime/postgres/postgres.ts';
import { eventually } from '#libs/testing/eventually.ts';
import { type Teardown, testLogger, throwawayNats } from '#libs/testing/peers/throwaway.ts';
import * as shop from '../../projector/testing/shop.ts';
import { TestFleet } from '../../projector/testing/test-fleet.ts';
import { createToken } from '../access/tokens.ts';
import { base, call } from '../testing/api-client.ts';
import { type Fixture, startFixture } from '../testing/control-fixture.ts';

const at = `${base}/gateways/eu/infra/web`;
const confirm: Readonly<Record<string, string>> = { 'fleetgate.dev/confirm': 'rollback,release,accept' };

/** Starts a fleet whose gateway has versions 1 to 3; `tokens` of `second` are another operator's. */
async function start(test: Teardown, flags: Readonly<Record<string, string>> = {}, annotations = confirm) {
  const { url: natsUrl } = await throwawayNats(test);
  const first = await startFixture(test, natsUrl, flags);
  const postgres = openPostgres({ url: first.databaseUrl, log: testLogger() });
  const { token: operator } = await createToken(postgres.db, { name: 'bob', role: 'operator' }, localDoer());
  const { token: twin } = await createToken(postgres.db, { name: 'test operator', role: 'admin' }, localDoer());
  await postgres.close();
  const fleet = await TestFleet.open(test, { databaseUrl: first.databaseUrl, natsUrl });
  await fleet.projector();
  await fleet.send(...shop.platform(), shop.gatewayAnnotated(2, annotations));
  await fleet.settled();
  for (const version of [1, 2]) {
    await fleet.send(shop.route('a', version));
    await fleet.settled();
  }
  await eventually(async () => (await call(first, 'POST', `${at}/release`, 'operator', {})).status !== 503);
  return {
    fleet,
    first,
    second: { ...first, tokens: { ...first.tokens, operator } } satisfies Fixture,
    twin: { ...first, tokens: { ...first.tokens, operator: twin } } satisfies Fixture,
  };
}

const ask = (fixture: Fixture, body: unknown, role: Role = 'operator') =>
  call(fixture, 'POST', `${at}/rollback`, role, body);

void t.test('requested, listed, refused to whoever asked, confirmed by another, and told', async (t) => {
  const { fleet, first, second, twin } = await start(t);
  const asked = await ask(first, { to: 2, reason: 'errors', ticket: 'OPS-1' });
  t.match(asked, { status: 202, body: { confirm: true, message: /another person must confirm it/ } });
  const id = String(asked.body['id']);
  t.match((await call(first, 'GET', `${base}/approvals?state=waiting`)).body['items'], [
    {
      ...{ id, gateway: 'eu/infra/web', command: 'rollback', to: 2, serving: 3, state: 'waiting' },
      ...{ requestedBy: 'test operator', reason: 'errors', ticket: 'OPS-1', decidedBy: null },
    },
  ]);
  t.match((await call(first, 'GET', `${base}/operations/${id}`)).body, { state: 'requested', type: 'rollback' });
  const approve = (fixture: Fixture, body: unknown = {}) =>
    call(fixture, 'POST', `${base}/approvals/${id}/approve`, 'operator', body);
  t.match(await approve(first), { status: 422, body: { error: { message: /another person/ } } });
  t.match(await approve(twin), { status: 422 }, 'another token of the same person is no second person');
  const [one, other] = await Promise.all([approve(second, { reason: 'seen' }), approve(second)]);
  t.same(
    [one.status, other.status].toSorted((a, b) => a - b),
    [200, 409],
    'twice at once is once',
  );
  const done = one.status === 200 ? one : other;
  t.match(done.body, { version: 4, replaced: 3, ofVersion: 2 });
  t.match((await call(first, 'GET', `${base}/operations/${id}`)).body, { state: 'recorded', version: 4, id });
  t.same((await call(first, 'GET', `${base}/approvals?state=waiting`)).body['items'], []);
  const [listed] = (await call(first, 'GET', `${base}/approvals?gateway=eu/infra/web`)).body['items'];
  t.match(listed, { id, state: 'approved', decidedBy: 'bob' });
  const [version] = (await call(first, 'GET', `${at}/snapshots?limit=1`)).body['items'];
  t.match(version, { version: 4, cause: 'rollback', actor: 'test operator', approver: 'bob', reason: 'OPS-1 errors' });
  const events = (await call(first, 'GET', `${base}/events?kind=Gateway&limit=10`)).body['items'];
  t.match(
    events.find((event: { type: string; outcome: unknown }) => event.type === 'requested'),
    { to: 2, reason: 'errors', ticket: 'OPS-1', confirmation: { command: 'rollback', requestedBy: null } },
  );
  const approved = (await call(first, 'GET', `${base}/events?type=approved&limit=10`)).body['items'];
  t.match(
    approved.find((event: { outcome: { result: string } }) => event.outcome.result === 'done'),
    {
      ...{ to: 2, changedBy: { manager: 'bob', operation: 'operator' }, outcome: { result: 'done', replaced: 3 } },
      confirmation: { command: 'rollback', request: id, requestedBy: 'test operator', bypassed: false },
    },
  );
  const history = (await call(first, 'GET', `${base}/history?gateway=eu/infra/web&limit=1`)).body['items'];
  t.match(history, [{ snapshot: { version: 4, approver: 'bob' }, events: [{ type: 'approved' }] }]);
  await fleet.verify();
});

const reject = (fixture: Fixture, id: string, body: unknown = {}) =>
  call(fixture, 'POST', `${base}/approvals/${id}/reject`, 'operator', body);

void t.test('rejected by another, or taken back', async (t) => {
  const { first, second } = await start(t);
  const id = String((await ask(first, { to: 2 })).body['id']);
  const rejected = await reject(second, id, { reason: 'not today' });
  t.match(rejected, { status: 200, body: { state: 'rejected', decidedBy: 'bob', decisionReason: 'not today' } });
  t.match((await call(first, 'GET', `${base}/operations/${id}`)).body, {
    state: 'rejected',
    message: 'bob rejected it: not today',
  });
  t.match(await reject(second, id), { status: 409 });
  const mine = String((await ask(first, { to: 2 })).body['id']);
  t.match(await reject(first, mine), { status: 200, body: { state: 'rejected', decidedBy: 'test operator' } });
  t.match(await reject(first, 'nothing'), { status: 404 });
  t.match(await call(first, 'POST', `${base}/approvals/${mine}/approve`, 'viewer', {}), { status: 403 });
  const pages = await call(first, 'GET', `${base}/approvals?limit=1`);
  t.match(pages.body, { items: [{ id: mine }], next: /\d/ });
  const more = await call(first, 'GET', `${base}/approvals?limit=1&after=${pages.body['next']}`);
  t.match(more.body, { items: [{ id }], next: null });
});

void t.test('control asks for a second person, reasons and tickets by itself', async (t) => {
  const flags = { confirm: 'rollback', requireReason: 'operator', ticketPattern: '[A-Z]+-[0-9]+' };
  const { first } = await start(t, flags, {});
  t.match(await ask(first, { to: 2 }), { status: 422, body: { error: { hint: /--reason/ } } });
  t.match(await ask(first, { to: 2, reason: 'errors', ticket: 'x' }), { status: 422, body: { error: {} } });
  t.match(await ask(first, { to: 2, reason: 'errors', ticket: 'OPS-1' }), { status: 202, body: { confirm: true } });
  t.match(await ask(first, { to: 2, reason: 'errors', breakGlass: true }), { status: 403 });
  t.match(await ask(first, { to: 2, breakGlass: true }, 'admin'), { status: 422 }, 'an emergency needs a reason');
  const alone = await ask(first, { to: 2, breakGlass: true, reason: 'fire' }, 'admin');
  t.match(alone, { status: 200, body: { version: 4 } });
  const [event] = (await call(first, 'GET', `${base}/events?type=rollback&limit=1`)).body['items'];
  t.match(event, { reason: 'fire', confirmation: { command: 'rollback', bypassed: true } });
  const made = await call(first, 'POST', `${base}/tokens`, 'admin', {
    name: 'eve',
    role: 'viewer',
    reason: 'new here',
  });
  const gone = `${base}/tokens/${made.body['id']}?reason=gone`;
  t.match(await call(first, 'DELETE', gone, 'admin'), { status: 200 });
  await eventually(async () => {
    const { body } = await call(first, 'GET', `${base}/events?kind=Token&limit=2`);
    const reasons = body['items'].map(({ reason }: { reason: string }) => reason);
    return /revoked the token .*eve.*: gone$/.test(reasons[0]) && /made the token .*eve.*: new here$/.test(reasons[1]);
  });
});
