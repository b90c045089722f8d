// Tests with a real Postgres and real WebSocket clients which nodes count, and why each left.
import t from 'tap';
import { eventually } from '#libs/testing/eventually.ts';
import { base, call } from '../testing/api-client.ts';
import { type Fixture, TestNode, startFixture } from '../testing/control-fixture.ts';
import { firstEntries } from '../testing/some-entries.ts';

const gateway = 'eu/infra/web';

interface StoredNode {
  readonly connected: boolean;
  readonly version: number | null;
}

async function stored({ writer }: Fixture, node: string): Promise<StoredNode | undefined> {
  const { rows } = await writer.pool.query<StoredNode>(
    `select n.connected, g.version from nodes n left join node_gateways g on g.node = n.node and g.gateway = $2
      where n.node = $1`,
    [node, gateway],
  );
  return rows[0];
}

interface Departure {
  readonly node: string;
  readonly cause: string;
  readonly reason: string;
  readonly actor: string | null;
  readonly role: string | null;
}

async function departures({ writer }: Fixture): Promise<readonly Departure[]> {
  const { rows } = await writer.pool.query<Departure>(
    'select node, cause, reason, actor, role from departed_nodes order by at',
  );
  return rows;
}

void t.test('a node counts until it says goodbye, is removed, or was silent for long', async (t) => {
  const fixture = await startFixture(t);
  const { writer, control, tokens } = fixture;
  await writer.commit({ gateways: [{ gateway, entries: firstEntries }] });
  const [polite, killed, stays] = [new TestNode('polite'), new TestNode('killed'), new TestNode('stays')];
  for (const node of [polite, killed, stays]) await node.connect(control.port, tokens.node);
  for (const node of [polite, killed, stays]) await node.serves(gateway, 1);
  await eventually(async () => (await stored(fixture, 'polite'))?.version === 1);

  polite.send({ type: 'goodbye' });
  polite.send(polite.session.ping('down'));
  await eventually(async () => (await stored(fixture, 'polite')) === undefined);
  await polite.disconnect();
  await killed.disconnect();
  await eventually(async () => (await stored(fixture, 'killed'))?.connected === false);
  t.equal((await stored(fixture, 'killed'))?.version, 1, 'what it served last is still known');
  t.equal(await stored(fixture, 'polite'), undefined, 'nothing brings it back');

  const remove = (node: string, role: 'viewer' | 'operator', query = '') =>
    call(fixture, 'DELETE', `${base}/nodes/${node}${query}`, role);
  t.match(await remove('killed', 'viewer'), { status: 403 });
  t.match(await remove('stays', 'operator'), { status: 409, body: { error: { code: 'conflict' } } });
  t.match(await remove('nobody', 'operator'), { status: 404 });
  t.match(await remove('killed', 'operator', '?reason=disk%20broke'), { status: 200, body: { node: 'killed' } });
  t.equal(await stored(fixture, 'killed'), undefined);

  await writer.pool.query(`insert into nodes values
    ('day', '1', '{}', '["*/*/*"]', '[]', 'dead', false, 'live', now(), now() - interval '25 hours'),
    ('hour', '1', '{}', '["*/*/*"]', '[]', 'dead', false, 'live', now(), now() - interval '23 hours')`);
  stays.send(stays.session.ping('live'));
  await eventually(async () => (await stored(fixture, 'day')) === undefined);
  t.ok(await stored(fixture, 'hour'), 'a day is the default');
  t.same(await departures(fixture), [
    { node: 'polite', cause: 'goodbye', reason: 'it stopped, together with its Envoy', actor: null, role: null },
    { node: 'killed', cause: 'removed', reason: 'disk broke', actor: 'test operator', role: 'operator' },
    { node: 'day', cause: 'silent', reason: 'it was not heard of for 1 d', actor: null, role: null },
  ]);

  await killed.connect(control.port, tokens.node);
  await eventually(async () => (await stored(fixture, 'killed'))?.connected);
  t.pass('one that was removed counts again when it is back');
});
