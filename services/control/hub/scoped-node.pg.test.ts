// Nodes with tokens that an agent derived: they may be what the token says, and nothing else.
import t from 'tap';
import { deriveToken } from '#libs/runtime/scoped-token.ts';
import { eventually } from '#libs/testing/eventually.ts';
import { TestNode, startFixture } from '../testing/control-fixture.ts';
import { firstEntries } from '../testing/some-entries.ts';

const gateway = 'eu/infra/web';

void t.test('a node with a derived token serves what the token names, under a name that it names', async (t) => {
  const { control, tokens, writer } = await startFixture(t);
  const token = deriveToken(tokens.provisioner, { node: 'eu.infra.web-*', serves: [gateway] });
  const node = new TestNode('eu.infra.web-1', [gateway]);
  await node.connect(control.port, token);
  await writer.commit({ gateways: [{ gateway, entries: firstEntries }] });
  await node.serves(gateway, 1);

  for (const [name, serves, reason] of [
    ['eu.infra.web-2', ['*/*/*'], /does not let a node serve \*\/\*\/\*/],
    ['eu.infra.web-2', ['*/*/*?tier=edge'], /does not let a node serve \*\/\*\/\*\?tier=edge/],
    ['eu.infra.web-2', [gateway, 'eu/infra/other'], /does not let a node serve eu\/infra\/other/],
    ['eu.infra.other-1', [gateway], /is not for a node of the name eu\.infra\.other-1/],
  ] as const) {
    const other = new TestNode(name, serves);
    await other.connect(control.port, token);
    await eventually(() => other.closed !== null);
    t.match(other.closed, { code: 4401, reason });
    t.same(other.messages, [], 'it is told nothing');
  }
  t.equal(node.closed, null);

  const narrow = new TestNode('eu.infra.web-3', [`${gateway}?tier=edge`]);
  await narrow.connect(control.port, token);
  await writer.relabel(gateway, { tier: 'edge' });
  await narrow.serves(gateway, 1);
  t.equal(narrow.closed, null, 'a selector narrows what the token allows');
});

void t.test('a provisioner token opens nothing itself, and its end is the end of the nodes', async (t) => {
  const { control, tokens, writer } = await startFixture(t);
  await t.rejects(new TestNode('n1').connect(control.port, tokens.provisioner), /403/);
  const foreign = deriveToken('fg_unknown', { node: '*', serves: ['*/*/*'] });
  await t.rejects(new TestNode('n1').connect(control.port, foreign), /401/);
  const node = new TestNode('n1', [gateway]);
  await node.connect(control.port, deriveToken(tokens.provisioner, { node: '*', serves: ['eu/*/*'] }));
  await writer.pool.query(`update tokens set revoked_at = now() where role = 'provisioner'`);
  await writer.pool.query(`notify fleetgate_tokens`);
  await eventually(() => node.closed !== null);
  t.equal(node.closed?.code, 4401);
});
