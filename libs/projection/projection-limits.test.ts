// Given a history, when a batch takes much away, makes a gateway large or ends it, then it is held back or is not.
import t from 'tap';
import type { ChangeEvent } from '#libs/events/change-event.ts';
import { accept, base, gateway, Given, id, rollback, route, routes } from '#libs/testing/given/given-history.ts';
import { applied, deleted, type Manifest } from '#libs/testing/given/change-events.ts';

void t.test(
  'a commit that removes most rules is held back until they are back or an operator accepts it',
  async (t) => {
    const given = new Given({ removedMin: 3, removedRoutesMin: 0 });
    given.apply([...base, ...routes(5)]);
    t.strictSame(given.apply([], routes(2)).versions.length, 1, 'two are under the minimum');
    const held = given.fold([missed(gateway(), '10')]);
    t.strictSame([held.versions, given.head()], [[], [2, 2, false, false, 'alarm']]);
    t.match(held.gateways[0]?.alarm, /^held back: 3 of 3 rules, of 3 routes, would go at once, and at most 50 % may; /);
    given.fold([applied(gateway(), 'eu', '11')]);
    t.strictSame(given.head(), [2, 2, false, false, null], 'the alarm clears itself');
    given.fold([missed(gateway(), '12')]);
    const accepted = given.apply([], [], [accept]);
    t.strictSame([accepted.versions.length, given.head()], [1, [3, 3, false, true, null]]);
  },
);

void t.test('a Gateway that is deleted before the agent’s eyes is gone at once, held back or pinned', async (t) => {
  const given = new Given();
  given.apply([...base, ...routes(6)]);
  given.apply([], routes(5));
  t.strictSame(given.head(), [1, 1, false, false, 'alarm'], 'a namespace goes object by object');
  const gone = given.apply([], [gateway()]);
  t.strictSame([gone.versions.length, given.head()], [1, [2, 2, false, true, null]]);
  const pinned = new Given();
  pinned.apply([...base, route('a')]);
  pinned.apply([], [], [rollback(1)]);
  pinned.apply([], [gateway()]);
  t.strictSame(pinned.head(), [3, 3, false, true, null]);
});

void t.test('a Gateway with another uid begins anew', async (t) => {
  const given = new Given();
  given.apply([...base, ...routes(6)]);
  given.fold([missed(gateway(), '20')]);
  t.strictSame(given.head(), [1, 1, false, false, 'alarm'], 'what a relist misses may come back');
  given.fold([applied(other(gateway()), 'eu', '21'), ...routes(4).map((one) => deleted(one, 'eu', '22'))]);
  t.strictSame(given.head(), [2, 2, false, false, null], 'and what is there now is served');
  given.apply([], [], [rollback(1)]);
  t.strictSame(given.head(), [3, 3, true, false, null]);
  given.fold([applied(gateway(), 'eu', '30')]);
  t.strictSame(given.head(), [4, 4, false, false, null], 'a pin was the old object’s');
});

void t.test('limits hold for small gateways, and not for a team that deletes its two routes', async (t) => {
  const many = new Given();
  many.apply([...base, ...routes(42)]);
  many.apply([], routes(41));
  t.strictSame(many.head(), [1, 1, false, false, 'alarm'], '41 of 42 routes');
  const rules = [1, 2, 3, 4].map((n) => ({
    matches: [{ path: { value: `/${n}` } }],
    backendRefs: [{ name: 'a', port: 80 }],
  }));
  const [one, two, rest] = ['one', 'two', 'rest'].map((name) => ({
    ...route(name),
    spec: { ...Object(route(name)['spec']), rules },
  }));
  const team = new Given();
  team.apply([...base, ...[one, two, rest].flatMap((made) => made ?? [])]);
  team.apply(
    [],
    [one, two].flatMap((made) => made ?? []),
  );
  t.strictSame(team.head(), [2, 2, false, false, null], 'eight of twelve rules, of two routes');
});

void t.test('a Gateway sets its limits by annotations', async (t) => {
  const given = new Given();
  given.apply(base);
  given.apply([annotated({ 'fleetgate.dev/removed-share-max': '1' }), ...routes(42)]);
  t.match(given.projection.gatewayHead(id)?.limits, { removedShareMax: 1, removedMin: 5, removedRoutesMin: 3 });
  given.apply([], routes(41));
  t.strictSame(given.head(), [3, 3, false, false, null]);
  const wrong = new Given({ entriesMax: 100 });
  const bad = { 'fleetgate.dev/removed-min': 'few', 'fleetgate.dev/entries-max': '1000' };
  wrong.apply(base);
  wrong.apply([annotated(bad), ...routes(2)]);
  t.match(
    wrong.projection.gatewayHead(id)?.limits,
    { entriesMax: 100, removedMin: 5 },
    'the fleet’s sizes are the most',
  );
  t.match(
    wrong.conditions('Gateway', 'web')[0],
    /metadata\.annotations\[fleetgate\.dev\/removed-min\]: must be a whole number/,
  );
});

void t.test('what is held back stays held while other things change', async (t) => {
  const given = new Given({ removedMin: 3, removedRoutesMin: 0 });
  given.apply([...base, ...routes(5)]);
  given.apply([], routes(4));
  t.strictSame(given.head(), [1, 1, false, false, 'alarm']);
  t.strictSame(given.apply([route('new')]).versions, []);
  const back = given.apply(routes(2));
  t.strictSame([back.versions.length, given.head()], [1, [2, 2, false, false, null]], 'now only two of five go');
  t.ok(back.entries.size >= 1, 'the entry that was held comes with its version');
});

void t.test('too many entries and too many bytes are held back; shrinking is not', async (t) => {
  const given = new Given({ entriesMax: 4 });
  given.apply([...base, ...routes(2)]);
  given.apply([route('c'), route('d')]);
  t.strictSame(given.head(), [1, 1, false, false, 'alarm']);
  given.apply([], [], [accept]);
  t.strictSame(given.head(), [2, 2, false, false, null]);
  given.apply([], [route('d')]);
  t.strictSame(given.head(), [3, 3, false, false, null], 'five entries are over the limit, but fewer than before');
  const bytes = new Given({ bytesMax: 100 });
  const first = bytes.apply([...base, route('a')]);
  t.strictSame(bytes.head(), [1, 1, false, false, 'alarm'], 'even a first version');
  t.equal(first.versions[0]?.entryCount, 0);
});

/** The event of a relist that did not find an object. */
function missed(manifest: Manifest, resourceVersion: string): ChangeEvent {
  return { ...deleted(manifest, 'eu', resourceVersion), via: 'relist' };
}

function other(manifest: Manifest): Manifest {
  return { ...manifest, metadata: { ...Object(manifest['metadata']), uid: 'b' } };
}

function annotated(annotations: Readonly<Record<string, string>>): Manifest {
  return { ...gateway(), metadata: { name: 'web', namespace: 'infra', annotations } };
}
