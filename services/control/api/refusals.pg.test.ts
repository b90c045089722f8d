// What the API does not know, it refuses: an answer that leaves out what was asked for would be believed.
import t, { type Test } from 'tap';
import type { Role } from '#libs/api/role.ts';
import { startFixture } from '../testing/control-fixture.ts';
import { base, call } from '../testing/api-client.ts';
import { fillFleet } from '../testing/fleet-sample.ts';
import { endpointTable } from './endpoint-table.ts';

async function filledFleet(t: Test) {
  const fixture = await startFixture(t);
  await fillFleet(fixture);
  return {
    fixture,
    get: (path: string, role: Role = 'viewer') => call(fixture, 'GET', `${base}${path}`, role),
  };
}

void t.test('a parameter of the query that is not known is refused, at every endpoint', async (t) => {
  const { fixture, get } = await filledFleet(t);
  for (const { method, path } of endpointTable) {
    const target = path
      .replace(':cluster', 'eu')
      .replace(':namespace', 'infra')
      .replace(':name', 'web')
      .replace(':kind', 'Gateway')
      .replace(':version', '1')
      .replace(':id', 'c1')
      .replace(':node', 'n1');
    const body = method === 'POST' ? {} : undefined;
    t.match(
      await call(fixture, method, `${target}?nobody-knows=1`, 'admin', body),
      { status: 400, body: { error: { code: 'bad-request', message: /unknown in the query: "nobody-knows"/ } } },
      `${method} ${path}`,
    );
  }
  t.match((await get('/changes?gateway=eu/infra/web')).body, { error: { message: /none is known here/ } });
  t.match((await get('/events?verb=x&actor=alice')).body, {
    error: {
      message:
        'unknown in the query: "verb", "actor"; known are after, order, cluster, kind, namespace, name, type, ' +
        'manager, by, tool, since, until, host, path, gateway, bodies, limit',
    },
  });
  t.match(
    await call(fixture, 'POST', `${base}/gateways/eu/infra/web/rollback?to=1`, 'operator', {}),
    { status: 400, body: { error: { message: 'unknown in the query: "to"; none is known here' } } },
    'a command does nothing else than what was asked for',
  );
});

void t.test('a place that the fleet does not have is not found, where a list would be empty', async (t) => {
  const { get } = await filledFleet(t);
  const cases = [
    ['/routes?cluster=eux', 'there is no cluster eux', 'Did you mean eu or us?'],
    ['/gateways?cluster=nowhere', 'there is no cluster nowhere', 'GET /api/v1/clusters lists the clusters.'],
    ['/events?cluster=eux', 'there is no cluster eux', 'Did you mean eu or us?'],
    ['/routes?namespace=shpo', 'there is no namespace shpo', 'Did you mean shop?'],
    ['/routes?cluster=eu&namespace=shpo', 'there is no namespace shpo', 'Did you mean shop?'],
    ['/routes?gateway=eu/infra/wbe', 'there is no gateway eu/infra/wbe', 'GET /api/v1/gateways lists them.'],
  ] as const;
  for (const [path, message, hint] of cases)
    t.match(await get(path), { status: 404, body: { error: { code: 'not-found', message, hint } } }, path);
  for (const path of ['/routes?cluster=us', '/routes?namespace=infra', '/gateways?q=nothing', '/routes?manager=nobody'])
    t.match(await get(path), { status: 200, body: { items: [] } }, `${path} is there, and empty`);
});

void t.test('a request that is too long is refused in the same form', async (t) => {
  const { get } = await filledFleet(t);
  const tooLong = await get(`/routes?q=${'x'.repeat(20_000)}`);
  t.match(tooLong, { status: 431, body: { error: { code: 'headers-too-large', hint: /16 KiB/ } } });
  t.match(await get(`/routes?after=${'x'.repeat(10_000)}`), { status: 400 });
});

void t.test('times and numbers are what they look like', async (t) => {
  const { get } = await filledFleet(t);
  const all = (await get('/events?order=asc')).body['items'].length;
  t.ok(all > 0);
  for (const since of ['0070-05-01T02:52:15.8271+23:45', '0001-01-01T00:00:00-23:59', '2000-02-29T23:59:59.123456789Z'])
    t.equal(
      (await get(`/events?since=${encodeURIComponent(since)}`)).body['items'].length,
      all,
      `everything is since ${since}`,
    );
  for (const until of ['9999-12-31T23:59:59.999+23:59', '2999-01-01T00:00:00+15:59'])
    t.equal((await get(`/events?until=${encodeURIComponent(until)}`)).body['items'].length, all, until);
  for (const time of ['0000-01-01T00:00:00Z', '0001-01-01T00:00:00+23:59', '9999-12-31T23:59:59-23:59', '2026-01-01'])
    for (const name of ['since', 'until'])
      t.match(await get(`/events?${name}=${encodeURIComponent(time)}`), { status: 400 }, `${name} ${time}`);
  for (const number of ['', ' 1', '0x10', '1e1', '1.0', '+1', '٣', '99999999999'])
    for (const path of ['/events?limit=', '/gateways/eu/infra/web/diff?from=', '/gateways/eu/infra/web/diff?to='])
      t.match(await get(`${path}${encodeURIComponent(number)}`), { status: 400 }, `${path}"${number}"`);
  for (const key of ['x', '', '1e3', '-1', '99999999999']) {
    const cursor = Buffer.from(JSON.stringify([key])).toString('base64url');
    const path = `/gateways/eu/infra/web/snapshots?after=${cursor}`;
    t.match(await get(path), { status: 400, body: { error: { message: 'query.after: not a cursor' } } }, key);
  }
});
