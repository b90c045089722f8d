// Entries of a projector that knows more filters than this node: what the node cannot do may be what protects, so that
// the requests are refused. Real requests through a real Envoy.
import t from 'tap';
import { listenerEntry, ruleEntry } from '#libs/testing/given/entries.ts';
import { startServedGateway } from '#libs/testing/peers/served-gateway.ts';

const gateway = await startServedGateway(t);
const newer: { readonly filters: never } = JSON.parse('{"filters":[{"type":"limit","perSecond":1}]}');

async function statusOf(host: string): Promise<number> {
  return (await gateway.ask({ host })).status;
}

void t.test('a filter of a type that is not known refuses what it is on, and nothing else', async (t) => {
  const serve = async (...entries: Parameters<typeof gateway.serve>[1][]): Promise<void> =>
    gateway.serve(t, ...entries);
  const plain = ruleEntry({ name: 'plain', hosts: ['plain.test'] });
  await serve(plain, ruleEntry({ name: 'rule', hosts: ['rule.test'], ...newer }));
  t.equal(await statusOf('plain.test'), 200);
  t.equal(await statusOf('rule.test'), 500, 'on a rule');
  const [key, entry] = ruleEntry({ name: 'backend', hosts: ['backend.test'] });
  const action = entry.action.type === 'forward' ? entry.action : { type: 'forward' as const, backends: [] };
  const backends = action.backends.map((backend) => ({ ...backend, ...newer }));
  await serve(plain, [key, { ...entry, action: { ...action, backends } }]);
  t.equal(await statusOf('plain.test'), 200);
  t.equal(await statusOf('backend.test'), 500, 'on a backend');
  await serve(plain, listenerEntry({ port: gateway.port, ...newer }));
  t.equal(await statusOf('plain.test'), 500, 'on a listener');
  await serve(plain, listenerEntry({ port: gateway.port }));
  t.equal(await statusOf('plain.test'), 200, 'and it goes on without');
});
