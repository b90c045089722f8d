// Nodes that select gateways by label: with a real Postgres and real WebSocket clients that check every digest.
import t from 'tap';
import { eventually } from '#libs/testing/eventually.ts';
import { type Fixture, TestNode, startFixture } from '../testing/control-fixture.ts';
import { backendEntry, certificate, endpointsAt, firstEntries } from '../testing/some-entries.ts';

const gateway = 'eu/infra/web';
const endpointsKey = 'endpoints/eu/shop/web/80';
const tlsKey = 'tls/eu/infra/cert';

/** The version of the gateway that a node is known to serve. */
async function stored({ writer }: Fixture, node: string): Promise<number | undefined> {
  const { rows } = await writer.pool.query<{ version: number }>(
    'select version from node_gateways where node = $1 and gateway = $2',
    [node, gateway],
  );
  return rows[0]?.version;
}

void t.test('labels of a gateway: a node that selects by them gets it, and loses it', async (t) => {
  const fixture = await startFixture(t);
  const { writer, control, tokens } = fixture;
  await writer.commit({
    gateways: [{ gateway, entries: firstEntries }],
    discovery: { [endpointsKey]: endpointsAt('10.0.0.1'), [tlsKey]: certificate },
  });
  const other = 'eu/infra/other';
  await writer.commit({ gateways: [{ gateway: other, entries: firstEntries }] });
  const edge = new TestNode('edge', ['*/*/*?tier=edge,!test', other]);
  const rest = new TestNode('rest', ['eu/*/web?tier!=edge']);
  await edge.connect(control.port, tokens.node);
  await rest.connect(control.port, tokens.node);
  await Promise.all([edge.serves(other, 1), rest.serves(gateway, 1)]);
  t.equal(edge.entries(gateway).size, 0, 'without the label nothing comes');

  await writer.relabel(gateway, { tier: 'edge' });
  await edge.serves(gateway, 1);
  t.same(edge.entries(gateway), writer.entriesOf(gateway));
  await eventually(() => rest.entries(gateway).size === 0);
  await eventually(async () => (await stored(fixture, 'rest')) === undefined);
  await eventually(() => Object.keys(rest.discovery).length === 0);
  t.pass('the other node serves nothing of it, and does not count as serving it');

  await writer.commit({
    gateways: [{ gateway, entries: { 'backend/eu/shop/new/80': backendEntry('new') }, labels: { tier: 'edge' } }],
  });
  await edge.serves(gateway, 2);
  t.equal(rest.entries(gateway).size, 0, 'later versions do not reach it');

  await edge.disconnect();
  await writer.relabel(gateway, { tier: 'edge', test: '' });
  await edge.connect(control.port, tokens.node);
  await eventually(() => edge.entries(gateway).size === 0);
  await eventually(async () => (await stored(fixture, 'edge')) === undefined);
  t.equal(edge.entries(other).size, 3, 'a label that changed while it was away');
  t.ok(tlsKey in edge.discovery, 'what another gateway needs stays');

  await writer.relabel(gateway, {});
  await rest.serves(gateway, 2);
  t.same(rest.entries(gateway), writer.entriesOf(gateway), 'back again');
  await eventually(async () => (await stored(fixture, 'rest')) === 2);
  await Promise.all([edge.disconnect(), rest.disconnect()]);
});
