// The fleet as it was, by the API: what its parameters may be, its pages, and its edges.
import t from 'tap';
import { startFixture } from '../testing/control-fixture.ts';
import { base, call } from '../testing/api-client.ts';
import { fillFleet, gateway } from '../testing/fleet-sample.ts';

void t.test('the fleet as it was', async (t) => {
  const fixture = await startFixture(t);
  const before = await call(fixture, 'GET', `${base}/at/routes?at=2026-01-01T00:00:00Z`, 'viewer');
  t.match(before.body, { items: [], next: null, moment: { seq: '0', recordedAt: null } }, 'an empty history');
  await fillFleet(fixture);
  const get = (path: string) => call(fixture, 'GET', `${base}${path}`, 'viewer');

  t.match((await get(at('#1'))).body, {
    items: [{ gateway, serving: 1, head: 1, pinned: false, deleted: false, cause: 'change' }],
    moment: { asked: '#1' },
  });
  const { rows } = await fixture.writer.pool.query<{ seq: string; recorded_at: Date; type: string }>(
    'select seq, recorded_at, type from events order by seq desc limit 1',
  );
  const last = rows[0]?.recorded_at.toISOString() ?? '';
  for (const text of [`${gateway}@3`, last, '2099-01-01T00:00:00Z', `#${rows[0]?.seq}`]) {
    const { body } = await get(at(text));
    t.match(body['items'], [{ gateway, serving: 3, head: 3, pinned: true, cause: 'rollback' }], text);
    t.equal(body['moment'].seq, rows[0]?.seq);
  }
  t.match((await get(at(`${gateway}@2`))).body['items'], [{ serving: 2, pinned: false }]);
  t.match((await get(at('1999-01-01T00:00:00Z'))).body['items'], []);
  const routes: readonly { readonly name: string }[] = (await get(at('#1', 'routes'))).body['items'];
  t.match(
    routes.find(({ name }) => name === 'web'),
    { kind: 'HTTPRoute', seq: '1', servedBy: [{ gateway, version: 1 }] },
  );

  for (const [text, status] of [
    ['#999999', 404],
    [`${gateway}@9`, 404],
    ['eu/infra/none@1', 404],
    ['', 400],
    ['yesterday', 400],
    ['#', 400],
    ['#1; drop table events', 400],
    ['2026-13-01T00:00:00Z', 400],
    [`${gateway}@`, 400],
    ["' or 1=1 --", 400],
  ] as const) {
    for (const what of ['routes', 'gateways']) t.equal((await get(at(text, what))).status, status, `${what} ${text}`);
  }
  t.equal((await get('/at/routes')).status, 400, 'a time is needed');
  t.equal((await get(`${at('#1', 'routes')}&accepted=true`)).status, 400, 'what is not known cannot be asked for');
  t.equal((await get(`${at('#1')}&cluster=eurpoe`)).status, 404);
  t.equal((await get(`${at('#1')}&after=x`)).status, 400);
});

function at(text: string, what = 'gateways'): string {
  return `/at/${what}?at=${encodeURIComponent(text)}`;
}
