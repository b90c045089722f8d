// What became of each change, on real rows: versions, the nodes that applied or refused them, and rollbacks past them.
import t from 'tap';
import { eventually } from '#libs/testing/eventually.ts';
import { applied } from '#libs/testing/given/change-events.ts';
import { localDoer } from '#libs/runtime/postgres/deeds.ts';
import { openPostgres } from '#libs/runtime/postgres/postgres.ts';
import { testLogger } from '#libs/testing/peers/throwaway.ts';
import { createToken } from '../access/tokens.ts';
import { base, json } from '../testing/api-client.ts';
import { TestNode, startReplica } from '../testing/control-fixture.ts';
import * as shop from '../../projector/testing/shop.ts';
import { TestWriter } from '../../projector/testing/test-writer.ts';

void t.test('what became of changes', async (t) => {
  const db = await TestWriter.open(t);
  const postgres = openPostgres({ url: db.url, log: testLogger() });
  const { token } = await createToken(postgres.db, { name: 'auditor', role: 'viewer' }, localDoer());
  const { token: nodeToken } = await createToken(postgres.db, { name: 'node', role: 'node' }, localDoer());
  await postgres.close();
  const { port } = await startReplica(t, db.url);
  const get = async (query: string) => {
    const headers = { authorization: `Bearer ${token}` };
    const response = await fetch(`http://127.0.0.1:${port}${base}/report?${query}`, { headers });
    return { status: response.status, body: json.parse(await response.json()) };
  };

  const node = new TestNode('n1');
  await node.connect(port, nodeToken);
  await db.append(...shop.platform(), shop.route('a', 1));
  await node.serves(shop.gateway, 1);
  await db.append(shop.route('a', 2));
  await node.serves(shop.gateway, 2);
  node.mood = 'reject';
  await db.append(shop.route('a', 3), shop.route('b', 3));
  const refusals = `select refusals from version_applications where version = 3 and refusals > 0`;
  await eventually(async () => (await db.rows(refusals)).length > 0);
  node.mood = 'apply';
  await db.decide(shop.command({ type: 'rollback', to: 1 }));
  await node.serves(shop.gateway, 4);
  await db.append(applied({ kind: 'Namespace', metadata: { name: 'none', namespace: '' } }));
  await eventually(async () => (await db.rows('select 1 from version_applications where version = 4')).length > 0);

  const { body } = await get('order=asc');
  const changes: readonly Record<string, unknown>[] = body['items'];
  const of = (seq: string): unknown => changes.find(({ event }) => json.parse(event)['seq'] === seq);
  t.match(of('5'), {
    event: { name: 'a', changes: [{ path: 'spec.rules[0].matches[0].path.value', before: '/v1', after: '/v2' }] },
    outcome: 'rolled back',
    requester: null,
    approver: null,
    versions: [{ version: 2, applied: { nodes: 1 }, refused: null, rolledBackBy: { version: 4, reason: 'a test' } }],
  });
  t.match(of('6'), {
    outcome: 'rolled back',
    versions: [{ version: 3, applied: null, refused: { reasons: ['mood'] } }],
  });
  t.match(of('8'), {
    event: { type: 'rollback', to: 1 },
    outcome: 'done',
    versions: [{ version: 4, cause: 'rollback', applied: { nodes: 1 }, rolledBackBy: null }],
  });
  t.match(of('9'), { outcome: 'no version', versions: [] });
  t.match(of('4'), { versions: [{ version: 1, rolledBackBy: null }], outcome: 'applied' });

  const sample = (seed: string, size = 4): Promise<string> =>
    get(`sample=${size}&seed=${seed}`).then((one) =>
      one.body['items'].map((item: unknown) => json.parse(json.parse(item)['event'])['seq']).join(),
    );
  t.equal(await sample('x'), await sample('x'), 'drawn again');
  const drawn = new Set(await Promise.all(['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'].map((seed) => sample(seed))));
  t.ok(drawn.size > 3, 'seeds draw differently');
  t.equal((await sample('x', 1000)).split(',').length, changes.length, 'all, where so many are wanted');
  for (const bad of ['sample=3', 'seed=x', 'sample=3&seed=x&cluster=eu', 'sample=0&seed=x', 'what=some', 'bodies=true'])
    t.equal((await get(bad)).status, 400, bad);
});
