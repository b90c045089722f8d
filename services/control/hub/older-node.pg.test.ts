// A node of an older build beside one of this build, with a real Postgres and real WebSockets: what wants consent goes
// to the one that knows how to ask, and of the other it is stored why not.
import t from 'tap';
import { eventually } from '#libs/testing/eventually.ts';
import { startFixture, TestNode } from '../testing/control-fixture.ts';
import { firstEntries, ruleEntry } from '../testing/some-entries.ts';

const gateway = 'eu/infra/web';

/** Says what a node of an older build says. */
class OlderNode extends TestNode {
  override send(message: Parameters<TestNode['send']>[0]): void {
    if (message.type !== 'hello') return super.send(message);
    const { understands, ...older } = message;
    t.ok(understands, 'a node of this build says what it understands');
    return super.send(older);
  }
}

void t.test('a version that wants consent is withheld from a node that would not ask', async (t) => {
  const fixture = await startFixture(t);
  const { writer, control, tokens } = fixture;
  const older = new OlderNode('older');
  const newer = new TestNode('newer');
  for (const node of [older, newer]) await node.connect(control.port, tokens.node);
  await writer.commit({ gateways: [{ gateway, entries: firstEntries }] });
  for (const node of [older, newer]) await node.serves(gateway, 1);
  const key = 'rule/HTTPRoute/shop/web/0';
  const auth = { type: 'external-auth', protocol: 'grpc', backend: { key: 'b' }, allowedHeaders: [], bodyMax: 0 };
  const wanting = Object.assign({}, ruleEntry('web', '/', 'b'), { filters: [auth] });
  await writer.commit({ gateways: [{ gateway, entries: { [key]: wanting } }] });
  await newer.serves(gateway, 2);
  const reasons = async (): Promise<unknown> => {
    const { rows } = await writer.pool.query(
      'select version, rejected_version, rejected_reasons from node_gateways where node = $1 and gateway = $2',
      ['older', gateway],
    );
    return rows[0];
  };
  await eventually(async () => JSON.stringify(await reasons()).includes('does not know external-auth'));
  t.match(await reasons(), { version: 1, rejected_version: 2 });
  t.equal(older.snapshots.length, 1, 'it was not sent');
  await writer.commit({ gateways: [{ gateway, entries: { [key]: ruleEntry('web', '/', 'b') } }] });
  for (const node of [older, newer]) await node.serves(gateway, 3);
});
