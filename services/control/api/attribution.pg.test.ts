// Tests that every read says who did something and how far that is known: never more than what was told, the surest of
// what was told, and the same in lists, histories, blame and routes; and that it is found by users and tools.
import t, { type Test } from 'tap';
import type { ChangeEvent } from '#libs/events/change-event.ts';
import { attributed, request, traced } from '#libs/testing/given/change-facts.ts';
import * as shop from '../../projector/testing/shop.ts';
import { TestWriter } from '../../projector/testing/test-writer.ts';
import { base, call, json } from '../testing/api-client.ts';
import { type Fixture, startFixture } from '../testing/control-fixture.ts';

async function begin(test: Test, flags?: Readonly<Record<string, string>>): Promise<[Fixture, TestWriter]> {
  const fixture = await startFixture(test, undefined, flags);
  return [fixture, await TestWriter.open(test, {}, undefined, fixture.databaseUrl)];
}

async function items(fixture: Fixture, path: string): Promise<readonly Record<string, unknown>[]> {
  return json.array().parse((await call(fixture, 'GET', `${base}${path}`)).body['items']);
}

/** Lists what is said of changes of routes: `name certainty user,user`. */
async function listed(fixture: Fixture, query = ''): Promise<readonly string[]> {
  const events = await items(fixture, `/events?order=asc&kind=HTTPRoute&${query}`);
  return events.map(({ name, certainty, requests }) => {
    const users = json
      .array()
      .parse(requests)
      .map(({ user }) => user);
    return [name, certainty, ...(users.length === 0 ? [] : [users.join()])].join(' ');
  });
}

void t.test('the surest that was told holds, of those the newest; else the manager, else nobody', async (t) => {
  const [fixture, db] = await begin(t);
  const named = shop.route('manager', 1);
  const [verified, review, oneOf, waited] = ['verified', 'review', 'one-of', 'waited'].map((name) =>
    shop.route(name, 1),
  );
  if (verified === undefined || review === undefined || oneOf === undefined || waited === undefined) return;
  await db.append(...shop.platform(), named, verified, review, oneOf, waited, {
    ...shop.route('nobody', 1),
    actor: null,
  });
  await db.append(attributed(verified, 'unknown'), attributed(waited, 'unknown'));
  await db.append(attributed(verified, 'verified', request('alice')));
  await db.append(attributed(verified, 'admission', request('carol', { auditId: 'review' })));
  await db.append(attributed(review, 'admission', request('carol', { auditId: 'review', sourceIPs: [] })));
  await db.append(attributed(oneOf, 'one-of', request('dan'), request('erin')));
  const all = [
    'manager manager only',
    'verified verified alice',
    'review admission carol',
    'one-of one of dan,erin',
    'waited manager only',
    'nobody unknown',
  ];
  t.strictSame(await listed(fixture), all);
  t.strictSame(await listed(fixture, 'by=alice'), [all[1]]);
  t.strictSame(await listed(fixture, 'by=erin'), [all[3]]);
  t.strictSame(await listed(fixture, 'by=carol'), [all[2]], 'not where somebody surer is known');
  t.strictSame(await listed(fixture, 'by=test'), all.slice(0, 5), 'the manager');
  t.strictSame(await listed(fixture, 'by=nobody'), []);
  t.strictSame(await listed(fixture, 'tool=kubectl'), all.slice(1, 4));
  t.strictSame((await items(fixture, '/events?type=attributed')).length, 6, 'alone only where asked for');
});

void t.test('who impersonates, all that is known of a request, and a claim, in every read', async (t) => {
  const [fixture, db] = await begin(t);
  const route = shop.route('a', 1);
  const bob = { username: 'bob', uid: '', groups: ['dev'] };
  await db.append(...shop.platform(), route);
  await db.append(
    attributed(route, 'verified', request('alice', { impersonatedUser: bob, fieldManager: 'kubectl-edit' })),
    traced(route, { initiatedBy: { username: 'carol', automated: false } }),
  );
  const said = {
    certainty: 'verified',
    changedBy: { manager: 'test', operation: 'Update' },
    requests: [
      {
        ...{ role: null, user: 'bob', uid: '', groups: ['dev'], impersonator: 'alice', tool: 'kubectl' },
        ...{ userAgent: 'kubectl/v1.36.3 (linux/amd64) kubernetes/abcdef0', sourceAddresses: ['192.0.2.7'] },
        ...{ auditId: request('alice').auditId, verb: 'patch', at: '2026-01-01T00:00:00.000Z' },
        fieldManager: 'kubectl-edit',
      },
    ],
    claim: {
      ...{ tool: 'argocd', application: 'Application argocd/shop', commit: null },
      revision: '3f2a9c41d0b7e5f6a8c9d0e1f2a3b4c5d6e7f809',
      initiatedBy: { username: 'carol', automated: false },
      source: 'annotation argocd.argoproj.io/tracking-id',
    },
  };
  t.match(await items(fixture, '/events?kind=HTTPRoute'), [said]);
  t.match(await items(fixture, '/events?tool=argocd'), [said]);
  t.match(await items(fixture, '/objects/eu/HTTPRoute/shop/a/history'), [said]);
  t.equal(
    (await items(fixture, '/objects/eu/HTTPRoute/shop/a/history')).length,
    1,
    'facts are no events of the object',
  );
  t.match((await call(fixture, 'GET', `${base}/objects/eu/HTTPRoute/shop/a/blame`)).body, {
    fields: [{ event: said }],
  });
  t.match(await items(fixture, `/history?gateway=${shop.gateway}`), [{ events: [said] }]);
  t.match(await items(fixture, '/routes?q=a'), [said]);
});

void t.test('of a deletion: who asked for it, and who removed the last finalizer', async (t) => {
  const [fixture, db] = await begin(t);
  const gone: ChangeEvent = { ...shop.routeGone('a', 2), actor: null };
  const controller = { username: 'system:serviceaccount:shop:cleaner', uid: 'c', groups: ['system:serviceaccounts'] };
  await db.append(...shop.platform(), shop.route('a', 1), gone);
  t.match(await listed(fixture, 'type=deleted'), ['a unknown']);
  await db.append(
    attributed(
      gone,
      'verified',
      request('alice', { role: 'asked', verb: 'delete' }),
      request('cleaner', { role: 'finalizer', user: controller }),
    ),
  );
  const [event] = await items(fixture, '/events?type=deleted');
  t.match(event, {
    certainty: 'verified',
    requests: [
      { role: 'asked', user: 'alice', verb: 'delete' },
      { role: 'finalizer', user: controller.username },
    ],
  });
  t.strictSame(await listed(fixture, `by=${controller.username}`), [`a verified alice,${controller.username}`]);
});

void t.test('an object that came back as it was, an early fact, and commands', async (t) => {
  const [fixture, db] = await begin(t);
  const route = shop.route('a', 1);
  await db.append(attributed(route, 'verified', request('alice')));
  await db.append(...shop.platform(), route, { ...shop.routeGone('a', 2), actor: null });
  await db.append(route);
  await db.decide(shop.command({ type: 'rollback', to: 1 }));
  const [alice, unknown] = ['a verified alice', 'a unknown'];
  t.strictSame(await listed(fixture), [alice, unknown, alice], 'the same write');
  t.strictSame(await listed(fixture, 'by=alice'), [alice, alice]);
  t.match(await items(fixture, '/events?type=rollback'), [{ certainty: 'verified', requests: [], claim: null }]);
});

void t.test('users are withheld from roles that may not see people; groups and tools are not', async (t) => {
  const [fixture, db] = await begin(t, { personalDataFor: 'admin' });
  const route = shop.route('a', 1);
  await db.append(...shop.platform(), route, attributed(route, 'verified', request('alice')));
  const [event] = await items(fixture, '/events?kind=HTTPRoute');
  t.notMatch(JSON.stringify(event), /alice|192\.0\.2\.7/);
  t.match(event, { requests: [{ user: /^person-/, uid: /^person-/, groups: ['deployers', 'system:authenticated'] }] });
  t.strictSame(await listed(fixture, 'by=alice'), [], 'asking does not tell either');
  const [{ user } = { user: '' }] = json.array().parse(event?.['requests']);
  t.strictSame((await listed(fixture, `by=${user}`)).length, 1);
});
