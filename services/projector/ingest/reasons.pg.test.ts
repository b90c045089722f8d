// Tests against a real Postgres that the history says why a change was made: only of the change that set the
// annotation, whatever the agent says, over transactions and restarts, and without touching what is served.
import t from 'tap';
import { applied } from '#libs/testing/given/change-events.ts';
import { changeSubject } from '#libs/events/subjects.ts';
import type { ChangeEvent } from '#libs/events/change-event.ts';
import * as shop from '../testing/shop.ts';
import { TestWriter } from '../testing/test-writer.ts';
import { parseMessage } from './message.ts';

const reason = 'fleetgate.dev/reason';
const ticket = 'fleetgate.dev/ticket';
const reasonsSql = `select seq, data::json->>'reason' as reason, data::json->>'ticket' as ticket
                      from events where kind = $1 order by seq`;

function told(version: number, path: number, annotations: Readonly<Record<string, string>>): ChangeEvent {
  const { object, cluster } = shop.route('a', path);
  const metadata = { name: 'a', namespace: 'shop', generation: path, annotations };
  return applied({ kind: 'HTTPRoute', metadata, spec: object?.['spec'] }, cluster, `${version}`);
}

void t.test('a reason is of the change that set it, and of no later one', async (t) => {
  const db = await TestWriter.open(t);
  await db.append(...shop.platform(), told(1, 1, { [reason]: 'a new shop' }));
  // Both in one transaction, the second with the same words.
  await db.append(
    told(2, 2, { [reason]: 'slow cart', [ticket]: 'OPS-7' }),
    told(3, 3, { [reason]: 'slow cart', [ticket]: 'OPS-7' }),
  );
  await db.reopen();
  await db.append(told(4, 4, { [reason]: 'slow cart', [ticket]: 'OPS-7' }));
  await db.append(told(5, 4, { [reason]: 'slower cart' }), shop.routeGone('a', 6));
  await db.append({ ...told(7, 4, { [reason]: 'slower cart' }), reason: 'forged', ticket: 'forged' });
  t.strictSame((await db.client.query(reasonsSql, ['HTTPRoute'])).rows, [
    { seq: '4', reason: 'a new shop', ticket: null },
    { seq: '5', reason: 'slow cart', ticket: 'OPS-7' },
    { seq: '6', reason: null, ticket: null },
    { seq: '7', reason: null, ticket: null },
    { seq: '8', reason: 'slower cart', ticket: null },
    { seq: '9', reason: null, ticket: null },
    { seq: '10', reason: 'slower cart', ticket: null },
  ]);
  const versions = await db.rows<{ reason: string }>('select version, seq, reason from snapshots order by version');
  t.match(versions[1], { version: 2, reason: 'applied HTTPRoute shop/a (OPS-7 slow cart), applied HTTPRoute shop/a' });
  const entries = await db.rows<{ json: string }>('select json from entries');
  t.notOk(
    entries.some(({ json }) => json.includes('cart') || json.includes('OPS-7')),
    'nothing of it is served',
  );
});

void t.test('a change of the reason alone is an event, and no version', async (t) => {
  const db = await TestWriter.open(t);
  await db.append(...shop.platform(), told(1, 1, {}));
  await db.append(told(2, 1, { [reason]: 'written down later' }));
  t.match((await db.client.query(reasonsSql, ['HTTPRoute'])).rows, [{}, { seq: '5', reason: 'written down later' }]);
  t.match(await db.rows('select version from snapshots'), [{ version: 1 }]);
});

void t.test('of the annotations of a Secret only these are in the history', async (t) => {
  const db = await TestWriter.open(t);
  const sent = shop.secret(1);
  const { object } = sent;
  if (object === null) throw new Error('no object');
  const annotations = { [reason]: 'renewed', leak: 'top secret' };
  const leaking = { ...sent, object: { ...object, metadata: { ...object.metadata, annotations } } };
  const read = parseMessage(changeSubject('eu'), Buffer.from(JSON.stringify(leaking)));
  if (read.type !== 'change') throw new Error('not read');
  await db.append(read.event);
  t.match((await db.client.query(reasonsSql, ['Secret'])).rows, [{ reason: 'renewed' }]);
  const [row] = await db.rows<{ data: string }>('select data from events');
  t.notMatch(row?.data, 'top secret');
});
