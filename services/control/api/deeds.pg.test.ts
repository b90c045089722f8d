// What is done to tokens, who reads the history, and who is refused, is noted for the history: with who, and from
// where.
import t from 'tap';
import { deedKinds, deedTypes } from '#libs/events/deed-event.ts';
import { parseDeedEvent } from '#libs/events/parse-deed-event.ts';
import { eventTypes, otherKinds } from '#libs/api/parameters.ts';
import { type Fixture, startFixture, startReplica } from '../testing/control-fixture.ts';
import { base, call } from '../testing/api-client.ts';

async function deeds({ writer }: Fixture) {
  const { rows } = await writer.pool.query<{ data: string }>('select data from deeds order by noted_at, id');
  return rows.map(({ data }) => {
    const parsed = parseDeedEvent(JSON.parse(data));
    if (!parsed.ok) throw new Error(data);
    return parsed.value;
  });
}

void t.test('tokens that are made and revoked are noted, each once', async (t) => {
  const fixture = await startFixture(t);
  const before = (await deeds(fixture)).length;
  const { id } = (await call(fixture, 'POST', `${base}/tokens`, 'admin', { name: 'ci', role: 'operator' })).body;
  for (let n = 0; n < 2; n++) await call(fixture, 'DELETE', `${base}/tokens/${id}`, 'admin');
  await call(fixture, 'DELETE', `${base}/tokens/none`, 'admin');
  await call(fixture, 'POST', `${base}/tokens`, 'viewer', { name: 'no', role: 'admin' });
  const who = { actor: { name: 'test admin', role: 'admin' }, from: '127.0.0.1', subject: id };
  t.match((await deeds(fixture)).slice(before), [
    { ...who, type: 'token-created', reason: `made the token ${id} (ci, operator)` },
    { ...who, type: 'token-revoked', reason: `revoked the token ${id} (ci, operator)` },
  ]);
  t.equal((await deeds(fixture)).length, before + 2, 'what was refused or missing did nothing');
});

void t.test('refused logins are noted in one event for their source', async (t) => {
  const fixture = await startFixture(t);
  const guess = (token: string) =>
    fetch(`${fixture.url}${base}/whoami`, { headers: { authorization: `Bearer ${token}` } });
  const { id, token } = (await call(fixture, 'POST', `${base}/tokens`, 'admin', { name: 'ci', role: 'viewer' })).body;
  t.equal((await guess(String(token))).status, 200);
  await call(fixture, 'DELETE', `${base}/tokens/${id}`, 'admin');
  t.equal((await guess(String(token))).status, 401, 'revoked');
  for (let n = 0; n < 60; n++) await guess(`guess${n}`);
  await fetch(`${fixture.url}${base}/whoami`);
  await call(fixture, 'POST', `${base}/tokens`, 'viewer', { name: 'no', role: 'admin' });
  await fixture.control.stop();
  const refused = (await deeds(fixture)).filter(({ type }) => type === 'logins-refused');
  t.match(refused, [{ actor: null, from: '127.0.0.1', reason: /^refused 61 logins with a token that is unknown/ }]);
  t.equal(refused.length, 1);
});

void t.test('the list of events can be asked for each of them', async (t) => {
  const fixture = await startFixture(t);
  const asked = [...deedTypes.map((type) => `type=${type}`), ...Object.values(deedKinds).map((kind) => `kind=${kind}`)];
  for (const query of asked) t.match(await call(fixture, 'GET', `${base}/events?${query}`), { status: 200 }, query);
  t.same(
    deedTypes.filter((type) => !eventTypes.includes(type)),
    [],
  );
  t.same(
    Object.values(deedKinds).filter((kind) => !otherKinds.includes(kind)),
    [],
  );
});

void t.test(
  'requests that a role does not allow, and readings of the history, are noted with who made them',
  async (t) => {
    const fixture = await startFixture(t);
    for (let n = 0; n < 3; n++) await call(fixture, 'GET', `${base}/tokens`, 'operator');
    await call(fixture, 'GET', `${base}/events`, 'viewer');
    await call(fixture, 'GET', `${base}/events?limit=1`, 'viewer');
    await call(fixture, 'GET', `${base}/history?gateway=eu/infra/web`, 'admin');
    await call(fixture, 'GET', `${base}/gateways`, 'viewer');
    await fixture.control.stop();
    const counted = (await deeds(fixture)).filter(({ type }) => type === 'requests-denied' || type === 'history-read');
    const of = { from: '127.0.0.1' };
    const read = { ...of, type: 'history-read', outcome: 'success' };
    t.match(counted, [
      {
        ...{ ...of, type: 'requests-denied', outcome: 'denied', subject: 'admin' },
        ...{
          actor: { name: 'test operator', role: 'operator' },
          reason: /^denied 3 requests that need the role admin,/,
        },
      },
      {
        ...read,
        actor: { name: 'test viewer' },
        subject: 'GET /api/v1/events',
        reason: /^read the history 2 times by/,
      },
      { ...read, actor: { name: 'test admin' }, subject: 'GET /api/v1/history' },
    ]);
    t.equal(counted.length, 3, 'what is no history is not counted');
  },
);

void t.test('what control was told is noted when it differs', async (t) => {
  const fixture = await startFixture(t);
  const replica = await startReplica(t, fixture.databaseUrl);
  const settings = (await deeds(fixture)).filter(({ type }) => type === 'settings-changed');
  t.match(settings, [{ subject: 'control', reason: 'starts for the first time', settings: { forgetNodesAfter: /./ } }]);
  t.equal(settings.length, 1, 'a replica that was told the same says nothing');
  t.notMatch(JSON.stringify(settings), /postgres|nats:/, 'nothing secret');
  await replica.stop();
});
