// Tests who sees texts about people, in answers and in the stream of changes, and what can be asked for.
import t from 'tap';
import { changesPath } from '#libs/api/endpoint.ts';
import type { Role } from '#libs/api/role.ts';
import { erasedName, privateIdOf, withheldName } from '#libs/events/private-text.ts';
import { base, call } from '../testing/api-client.ts';
import { type Fixture, startFixture } from '../testing/control-fixture.ts';

const gateway = 'eu/infra/web';
const salt = Buffer.alloc(32, 1);
const odd = 'ann "the\\rock"';
const [ann, erased] = [privateIdOf(salt, odd), privateIdOf(salt, 'bob')];

async function fill({ writer }: Fixture): Promise<void> {
  await writer.pool.query('insert into private_texts (id, salt, text) values ($1, $2, $3)', [ann, salt, odd]);
  const command = (id: string, name: string, message: string) => ({
    ...{ id, type: 'release', cluster: 'eu', kind: 'Gateway', namespace: 'infra', name: 'web' },
    ...{ manager: name, operation: 'operator' },
    data: {
      ...{ v: 2, id, type: 'release', gateway, actor: { name, role: 'operator' }, from: name, reason: 'why not' },
      outcome: { result: 'refused', code: 'not-pinned', message },
    },
  });
  const deed = { type: 'person-erased', cluster: '', kind: 'Person', namespace: '', manager: ann, operation: 'admin' };
  await writer.commit({
    gateways: [{ gateway, entries: {} }],
    events: [
      command('c1', ann, `it serves version 3 since then by ${ann} (so)`),
      command('c2', erased, 'no'),
      { ...deed, id: 'd', name: erased, data: {} },
    ],
  });
  await writer.pool.query('update snapshots set actor = $1', [ann]);
}

async function listed(fixture: Fixture, role: Role, query = ''): Promise<readonly unknown[]> {
  return (await call(fixture, 'GET', `${base}/events?order=asc&${query}`, role)).body['items'];
}

/** Reads the stream until the gateways came. */
async function firstGateways({ url, tokens }: Fixture, role: Role): Promise<string> {
  const response = await fetch(`${url}${changesPath}`, { headers: { authorization: `Bearer ${tokens[role]}` } });
  let text = '';
  for await (const chunk of response.body ?? []) {
    text += Buffer.from(chunk).toString('utf8');
    if (/event: gateways\ndata: .*\n\n/.test(text)) break;
  }
  return /event: gateways\ndata: (.*)\n\n/.exec(text)?.[1] ?? '';
}

void t.test('everybody sees who it was, unless they were erased', async (t) => {
  const fixture = await startFixture(t);
  await fill(fixture);
  const events = await listed(fixture, 'viewer');
  t.match(events, [
    { changedBy: { manager: odd }, from: odd, outcome: { message: `it serves version 3 since then by ${odd} (so)` } },
    { changedBy: { manager: erasedName(erased) }, from: erasedName(erased) },
    { type: 'person-erased', name: erasedName(erased), changedBy: { manager: odd } },
  ]);
  t.strictSame(await listed(fixture, 'viewer', `manager=${encodeURIComponent(odd)}`), [events[0], events[2]]);
  t.strictSame(await listed(fixture, 'viewer', `manager=${withheldName(ann)}`), [events[0], events[2]]);
  t.strictSame(await listed(fixture, 'viewer', `manager=${erasedName(erased)}`), [events[1]]);
  t.strictSame(await listed(fixture, 'viewer', 'manager=bob'), [], 'nobody knows any more that it was bob');
  t.strictSame(await listed(fixture, 'viewer', 'manager=nobody'), []);
  t.match(JSON.parse(await firstGateways(fixture, 'viewer')), { items: [{ actor: odd }] });
});

void t.test('names can be kept from viewers, who tell people apart all the same', async (t) => {
  const fixture = await startFixture(t, undefined, { personalDataFor: 'operator' });
  await fill(fixture);
  const events = await listed(fixture, 'viewer');
  t.match(events, [{ changedBy: { manager: withheldName(ann) }, from: withheldName(ann) }, {}, {}]);
  t.notMatch(JSON.stringify(events), /rock|private:/);
  t.strictSame(
    await listed(fixture, 'viewer', `manager=${encodeURIComponent(odd)}`),
    [],
    'asking does not tell either',
  );
  t.strictSame(await listed(fixture, 'viewer', `manager=${withheldName(ann)}`), [events[0], events[2]]);
  t.match(await listed(fixture, 'operator', `manager=${withheldName(ann)}`), [{ from: odd }, {}]);
  t.match(await firstGateways(fixture, 'viewer'), withheldName(ann));
  t.match(JSON.parse(await firstGateways(fixture, 'admin')), { items: [{ actor: odd }] });
});
