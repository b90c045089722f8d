import t from 'tap';
import { controllerName } from '#libs/gateway/kinds.ts';
import { condition, timed } from '../testing/conditions.ts';
import { changesOnlyCounts, mergeStatus } from './merge-status.ts';

const then = '2026-01-01T00:00:00Z';
const now = '2026-06-01T00:00:00Z';

const ref = (name: string): Readonly<Record<string, unknown>> => ({
  group: 'gateway.networking.k8s.io',
  kind: 'Gateway',
  name,
});
const theirs = {
  parentRef: ref('g'),
  controllerName: 'example.com/other',
  conditions: [timed('Accepted', 'False', then)],
};

void t.test('parents: ours are replaced in place, others stay as they are', async (t) => {
  const live = {
    parents: [
      {
        parentRef: ref('a'),
        controllerName,
        conditions: [timed('Accepted', 'True', then), timed('Old', 'True', then)],
      },
      theirs,
      { parentRef: ref('gone'), controllerName, conditions: [timed('Accepted', 'True', then)] },
    ],
  };
  const desired = {
    parents: [
      { parentRef: ref('b'), controllerName, conditions: [condition('Accepted', 'True')] },
      {
        parentRef: { name: 'a' },
        controllerName,
        conditions: [condition('Accepted', 'True', { message: 'new' }), condition('ResolvedRefs', 'False')],
      },
    ],
  };
  const merged = mergeStatus(live, desired, now);
  t.same(merged, {
    parents: [
      {
        parentRef: ref('a'),
        controllerName,
        conditions: [
          condition('Accepted', 'True', { message: 'new', lastTransitionTime: then }),
          timed('ResolvedRefs', 'False', now),
        ],
      },
      theirs,
      { parentRef: ref('b'), controllerName, conditions: [timed('Accepted', 'True', now)] },
    ],
  });
  t.equal(mergeStatus({ ...merged }, desired, 'later'), null, 'what was written is not written again');
});

void t.test('parents: nothing of ours to say and nothing there', async (t) => {
  t.equal(mergeStatus({}, { parents: [] }, now), null);
  t.equal(mergeStatus({ parents: [theirs] }, { parents: [] }, now), null);
  t.same(
    mergeStatus({ parents: [theirs, { parentRef: ref('a'), controllerName, conditions: [] }] }, { parents: [] }, now),
    {
      parents: [theirs],
    },
  );
});

void t.test('a list of others’ entries that is full stays', async (t) => {
  const full = Array.from({ length: 16 }, (_, i) => ({
    ancestorRef: ref(`g${i}`),
    controllerName: 'x.com/y',
    conditions: [],
  }));
  const desired = {
    ancestors: [{ ancestorRef: ref('ours'), controllerName, conditions: [condition('Accepted', 'True')] }],
  };
  t.equal(mergeStatus({ ancestors: full }, desired, now), null);
  t.match(mergeStatus({ ancestors: full.slice(1) }, desired, now), {
    ancestors: [...full.slice(1), desired.ancestors[0]],
  });
});

void t.test('lastTransitionTime changes with the status only', async (t) => {
  const live = { conditions: [timed('Accepted', 'True', then), timed('Programmed', 'Unknown', then)] };
  const desired = {
    conditions: [condition('Accepted', 'True', { reason: 'Other' }), condition('Programmed', 'True')],
  };
  t.same(mergeStatus(live, desired, now), {
    conditions: [
      condition('Accepted', 'True', { reason: 'Other', lastTransitionTime: then }),
      timed('Programmed', 'True', now),
    ],
  });
});

void t.test('a Gateway: conditions of ours that vanish go, foreign ones and other fields stay', async (t) => {
  const live = {
    attachedListenerSets: 3,
    addresses: [{ type: 'IPAddress', value: '10.0.0.1' }],
    conditions: [timed('Conflicted', 'True', then), timed('example.com/Audited', 'True', then)],
    listeners: [
      { name: 'http', attachedRoutes: 1, conditions: [timed('Accepted', 'True', then)] },
      { name: 'old', attachedRoutes: 1, conditions: [] },
    ],
  };
  const desired = {
    addresses: [{ value: '10.0.0.1' }],
    conditions: [condition('Accepted', 'True')],
    listeners: [
      {
        name: 'http',
        attachedRoutes: 2,
        supportedKinds: [{ kind: 'HTTPRoute' }],
        conditions: [condition('Accepted', 'True')],
      },
    ],
  };
  const merged = mergeStatus(live, desired, now);
  t.same(merged, {
    conditions: [timed('example.com/Audited', 'True', then), timed('Accepted', 'True', now)],
    listeners: [
      {
        name: 'http',
        attachedRoutes: 2,
        supportedKinds: [{ group: 'gateway.networking.k8s.io', kind: 'HTTPRoute' }],
        conditions: [timed('Accepted', 'True', then)],
      },
    ],
  });
  t.equal(mergeStatus({ ...live, ...merged }, desired, 'later'), null);
});

void t.test('a live status that is no status at all is replaced', async (t) => {
  const desired = { conditions: [condition('Accepted', 'True')], parents: [{ parentRef: ref('a'), conditions: [] }] };
  for (const live of [
    { conditions: 'no', parents: 7 },
    { conditions: [null, 1], parents: { a: 1 } },
  ]) {
    t.same(mergeStatus(live, desired, now), {
      conditions: [timed('Accepted', 'True', now)],
      parents: [{ parentRef: ref('a'), controllerName, conditions: [] }],
    });
  }
});

void t.test('what changes no more than how many are attached', async (t) => {
  const live = {
    attachedListenerSets: 1,
    conditions: [timed('Accepted', 'True', then)],
    listeners: [{ name: 'http', attachedRoutes: 1, conditions: [] }],
  };
  const listener = { name: 'http', attachedRoutes: 2, conditions: [] };
  t.ok(changesOnlyCounts(live, { attachedListenerSets: 2, listeners: [listener] }));
  t.notOk(changesOnlyCounts(live, { listeners: [{ ...listener, name: 'other' }] }));
  t.notOk(changesOnlyCounts(live, { listeners: [listener, listener] }));
  t.notOk(changesOnlyCounts(live, { listeners: [listener], conditions: [timed('Accepted', 'False', then)] }));
  t.notOk(changesOnlyCounts({}, { listeners: [listener] }), 'a first status is no count');
});
