// Tests which versions and heads a batch makes after a given history.
import t from 'tap';
import type { GatewayCommand } from '#libs/events/operator-event.ts';
import { Projection } from './projection.ts';
import { decideOperator } from '#libs/projection/versions/operator-decision.ts';
import { digestOf } from '#libs/snapshot/digest.ts';
import {
  accept,
  base,
  gateway,
  Given,
  id,
  operation,
  release,
  rollback,
  route,
  routes,
} from '#libs/testing/given/given-history.ts';
import { applied, deleted } from '#libs/testing/given/change-events.ts';

void t.test('versions follow the content', async (t) => {
  const given = new Given();
  const first = given.apply([...base, route('a')]);
  t.strictSame(given.head(), [1, 1, false, false, null]);
  t.strictSame(
    first.versions.map(({ version, cause, ofVersion, entryCount, changes }) => [
      version,
      cause,
      ofVersion,
      entryCount,
      changes.length,
    ]),
    [[1, 'change', null, 3, 3]],
  );
  t.equal(first.versions[0]?.digest, digestOf(given.content(1).entries));
  t.strictSame(given.apply([route('a')]).versions, [], 'equal content is no version');
  t.strictSame(
    given.apply([{ ...route('a'), metadata: { name: 'a', namespace: 'infra', labels: { x: 'y' } } }]).versions,
    [],
  );
  const second = given.apply([route('a', '/new')]);
  t.strictSame(
    second.versions[0]?.changes.map(({ key }) => key),
    ['rule/HTTPRoute/infra/a/0'],
  );
  t.equal(second.entries.size, 1);
  const there = given.apply([route('b')], [route('b')]);
  t.strictSame([there.versions, there.gateways], [[], []], 'what comes and goes in one batch leaves nothing');
});

void t.test('a deleted Gateway is a version without entries, and goes on when it comes back', async (t) => {
  const given = new Given();
  given.apply([...base, route('a')]);
  const gone = given.apply([], [gateway()]);
  t.strictSame(given.head(), [2, 2, false, true, null]);
  t.equal(gone.versions[0]?.entryCount, 0);
  t.ok(gone.statuses.some((one) => one.kind === 'Gateway' && one.status === null));
  t.strictSame(
    gone.statuses.find((one) => one.kind === 'HTTPRoute')?.status,
    { parents: [] },
    'the route has no parent of ours any more',
  );
  given.apply([gateway()]);
  t.strictSame(given.head(), [3, 3, false, false, null]);
  t.equal(given.content(3).digest, given.content(1).digest);
});

void t.test(
  'a rollback serves old content as a new version and pins; candidates follow; a release lets go',
  async (t) => {
    const given = new Given();
    given.apply([...base, route('a', '/1')]);
    given.apply([route('a', '/2')]);
    const back = given.apply([], [], [rollback(1)]);
    t.strictSame([back.versions[0]?.cause, back.versions[0]?.ofVersion], ['rollback', 1]);
    t.equal(back.versions[0]?.digest, given.content(1).digest);
    t.strictSame(given.head(), [3, 3, true, false, null]);
    t.strictSame(given.apply([route('a', '/2')]).versions, [], 'nothing changed, so there is no candidate');
    given.apply([route('a', '/4')]);
    t.strictSame(given.head(), [4, 3, true, false, null]);
    given.apply([route('a', '/5')]);
    t.strictSame(given.head(), [5, 3, true, false, null]);
    const released = given.apply([], [], [release]);
    t.strictSame([released.versions, given.head()], [[], [5, 5, false, false, null]], 'the candidate serves as it is');
  },
);

void t.test('a release without a candidate makes a version of what is asked for now', async (t) => {
  const given = new Given();
  given.apply([...base, route('a', '/1')]);
  given.apply([route('a', '/2')]);
  given.apply([], [], [rollback(1)]);
  const released = given.apply([], [], [release]);
  t.equal(released.versions[0]?.cause, 'release');
  t.strictSame(given.head(), [4, 4, false, false, null]);
  t.equal(given.content(4).digest, given.content(2).digest);
});

void t.test('a commit makes at most one version of a gateway', async (t) => {
  const given = new Given();
  given.apply([...base, route('a', '/1')]);
  given.apply([route('a', '/2')]);
  t.strictSame(given.apply([route('a', '/3')], [], [rollback(1)]).versions.length, 1);
  t.strictSame(given.head(), [3, 3, true, false, null]);
  t.strictSame(
    given.apply([route('a', '/4')], [], [release]).versions.map(({ cause }) => cause),
    ['release'],
  );
  t.strictSame(given.head(), [4, 4, false, false, null]);
  const both = given.apply([], [], [rollback(1), release]);
  t.strictSame([both.versions, given.head()], [[], [4, 4, false, false, null]], 'the last decision counts');
});

void t.test('a rollback brings a deleted Gateway back until it is released', async (t) => {
  const given = new Given();
  given.apply([...base, route('a')]);
  given.apply([], [gateway()]);
  given.apply([], [], [rollback(1)]);
  t.strictSame(given.head(), [3, 3, true, false, null]);
  given.apply([], [], [release]);
  t.strictSame(given.head(), [4, 4, false, true, null]);
});

void t.test('commands are decided against what is known', async (t) => {
  const given = new Given({ removedMin: 3, removedRoutesMin: 0 });
  const decide = (command: GatewayCommand): unknown => {
    const standing = { versions: given.digests(), servedBy, now: Date.parse('2026-06-01T00:00:00Z') };
    const decided = decideOperator(given.projection.gatewayHead(id), command, standing);
    if (decided.outcome.result !== 'done') return decided.outcome.code;
    return decided.type === 'rollback' ? decided.to : 'ok';
  };
  const servedBy = { actor: 'bob', at: '2026-05-31T10:00:00Z', reason: 'errors', ofVersion: 1 };
  const back: GatewayCommand = { ...operation, type: 'rollback', to: null };
  t.equal(decide(back), 'unknown-gateway');
  given.apply([...base, route('a', '/1')]);
  t.equal(decide(back), 'no-earlier-version');
  t.equal(decide(release), 'not-pinned');
  t.equal(decide(accept), 'nothing-held');
  given.apply([route('a', '/2')]);
  t.equal(decide(back), 1);
  t.equal(decide(rollback(2)), 2, 'a gateway may be pinned where it is');
  t.equal(decide(rollback(9)), 'unknown-version');
  given.apply([], [], [rollback(1)]);
  t.equal(decide(back), 'pinned', 'going back twice would bring back what the first went away from');
  t.equal(decide(rollback(2)), 2, 'unless the version is named');
  t.equal(decide({ ...release, expect: 2 }), 'changed');
  t.equal(decide({ ...release, expect: 2, force: true }), 'ok');
  t.equal(decide({ ...release, expect: 3 }), 'ok');
  t.equal(decide({ ...release, expiresAt: '2026-05-31T23:59:59.999Z' }), 'expired');
  t.equal(decide({ ...operation, type: 'rollback', to: 2, digest: 'of another history' }), 'another-content');
  t.equal(decide(release), 'ok');
  given.apply([], [], [release]);
  given.apply(routes(4));
  given.apply([], routes(4));
  t.equal(decide(accept), 'ok');
});

void t.test('stale and repeated events change nothing', async (t) => {
  const given = new Given();
  given.apply(base);
  const old = applied(route('a', '/old'), 'eu', '9');
  const now = applied(route('a', '/now'), 'eu', '10');
  t.notOk(given.projection.knows(now));
  given.fold([now]);
  t.ok(given.projection.knows(now));
  t.ok(given.projection.knows(old), '9 is before 10 as a number');
  t.strictSame(given.fold([old]).versions, []);
  t.notOk(given.projection.knows({ ...old, resourceVersion: 'opaque' }), 'what cannot be compared is taken');
  t.notOk(given.projection.knows({ ...old, via: 'relist' }), 'a relist is believed');
  t.ok(given.projection.knows({ ...deleted(route('a'), 'eu', '11'), uid: 'another' }));
  given.fold([deleted(route('a'), 'eu', '11')]);
  t.ok(given.projection.knows(deleted(route('a'), 'eu', '12')));
});

void t.test('a loaded projection says nothing new and goes on as the one before', async (t) => {
  const given = new Given({ removedMin: 3, removedRoutesMin: 0 });
  given.apply([...base, ...routes(5)]);
  given.apply([], routes(4));
  const head = given.projection.gatewayHead(id);
  if (head === undefined) throw new Error('the gateway has a head');
  const again = new Projection({ limits: { removedMin: 3, removedRoutesMin: 0 } });
  const objects = [...base, route('r4')].map((one) => {
    const { hash, object } = applied(one, 'eu', '1');
    return { cluster: 'eu', hash, object: object ?? Object(null) };
  });
  again.load({
    objects,
    slices: [],
    sealed: [],
    gateways: [{ ...head, content: given.content(1), since: 1 }],
    nodes: [],
  });
  t.strictSame(again.gatewayHead(id), head);
  t.strictSame(again.statuses('eu', undefined, 100), given.projection.statuses('eu', undefined, 100));
  const batch = { events: [{ seq: 9n, event: accept }], slices: [], sealed: [] };
  t.strictSame(
    again.apply(batch, () => given.content(1)),
    given.projection.apply(batch, () => given.content(1)),
  );
});

void t.test('pages are ordered and complete', async (t) => {
  const given = new Given();
  given.apply([...base, ...routes(7)]);
  for (const page of [
    (after: string | undefined) => given.projection.inventory('eu', after, 4),
    (after: string | undefined) => given.projection.statuses('eu', after, 4),
  ]) {
    const sizes: number[] = [];
    for (let after: string | undefined, more = true; more;) {
      const { items, next } = page(after);
      sizes.push(items.length);
      after = next;
      more = next !== undefined;
    }
    t.ok(sizes.length > 1);
    t.ok(sizes.slice(0, -1).every((size) => size === 4));
  }
  t.strictSame(given.projection.inventory('us', undefined, 10), { items: [] });
  t.strictSame(
    given.projection.inventory('eu', undefined, 2).items.map(({ key, generation }) => [key, generation]),
    [
      ['Gateway/infra/web', 1],
      ['GatewayClass//f', 1],
    ],
  );
});
