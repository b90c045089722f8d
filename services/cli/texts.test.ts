import t from 'tap';
import { diffText } from './commands/diff.ts';
import { nodesText, stateOf } from './commands/gateways.ts';
import { describeFailure } from './failure.ts';
import { fieldLine } from './views/field-text.ts';
import { type CommandResult, commandText } from './client/gateway-command.ts';
import { LiveOverview } from './views/live-overview.ts';
import { type Overview, describeChanges, overviewText, whatIsMissing } from './views/overview.ts';
import { ServerEventReader } from './client/server-events.ts';
import { fail } from '#libs/runtime/errors.ts';

const now = new Date('2026-01-02T00:00:00Z');

const gateway: Overview['gateways'][number] = {
  gateway: 'eu/platform/shared',
  cluster: 'eu',
  namespace: 'platform',
  name: 'shared',
  serving: 4,
  head: 4,
  pinned: false,
  deleted: false,
  alarm: null,
  digest: 'd',
  entries: 14,
  cause: 'change',
  actor: 'kubectl',
  reason: null,
  at: '2026-01-01T23:59:00Z',
  nodes: { connected: 2, applied: 2, rejected: 0, unknown: 0 },
  labels: {},
};
const cluster: Overview['clusters'][number] = {
  name: 'eu',
  uid: 'u',
  status: 'connected',
  firstSeen: '2026-01-01T00:00:00Z',
  agent: {
    version: '0.1.0',
    source: 'folder',
    synced: true,
    problems: [],
    objects: 20,
    lastSeen: '2026-01-01T23:59:58Z',
    ageMs: 2000,
  },
  objects: { Gateway: 1, HTTPRoute: 2 },
};
const node: Overview['nodes'][number] = {
  node: 'local',
  status: 'connected',
  version: '0.1.0',
  envoy: 'live',
  labels: {},
  serves: ['*/*/*'],
  addresses: ['127.0.0.1'],
  replica: 'r',
  firstSeen: '2026-01-01T00:00:00Z',
  lastSeen: '2026-01-01T23:59:58Z',
  ageMs: 2000,
  gateways: [],
};
const overview: Overview = { clusters: [cluster], gateways: [gateway], nodes: [node], refusedRoutes: [] };
const result: CommandResult = {
  id: 'i',
  gateway: 'eu/platform/shared',
  version: 6,
  seq: '40',
  decidedMs: 4.4,
  complete: true,
  ms: 12.3,
  nodes: [{ node: 'local', state: 'applied', ms: 12.3, tookMs: 2, reasons: [] }],
};

await t.test('a gateway in a word: live, pinned, held back, deleted', async (t) => {
  t.equal(stateOf(gateway), 'live');
  t.equal(stateOf({ ...gateway, pinned: true }), 'pinned');
  t.equal(stateOf({ ...gateway, pinned: true, head: 6 }), 'pinned, 2 waiting');
  t.equal(stateOf({ ...gateway, alarm: 'too many' }), 'held back');
  t.equal(stateOf({ ...gateway, deleted: true }), 'deleted');
  t.equal(nodesText({ connected: 3, applied: 1, rejected: 1, unknown: 1 }), '1/3, 1 rejected, 1 unknown');
});

await t.test('what a command did', async (t) => {
  t.equal(
    commandText('rollback', result, 3),
    [
      'eu/platform/shared serves the content of version 3 again, as version 6, and is pinned',
      '  applied by 1 of 1 node in 12 ms',
      '  later changes wait as candidates until: fleetgate release eu/platform/shared',
    ].join('\n'),
  );
  t.equal(
    commandText('release', { ...result, nodes: [], ms: null, complete: false }, undefined),
    'eu/platform/shared is released and serves version 6\n  decided in 4 ms',
  );
});

await t.test('a difference: entries, and the fields of those that changed', async (t) => {
  const fields = [
    { path: 'action.backends[0].key', before: 'backend/eu/shop/catalog/80', after: 'backend/eu/shop/catalog-next/80' },
    { path: 'filters[0]', after: { type: 'x' } },
    { path: 'name', before: 'old' },
  ];
  const items = [
    { key: 'backend/eu/shop/catalog-next/80', change: 'added' as const, before: null, after: {}, fields: [] },
    { key: 'rule/HTTPRoute/shop/shop/1', change: 'changed' as const, before: {}, after: {}, fields },
  ];
  const diff = { gateway: 'eu/platform/shared', from: 3, to: 4, added: 1, removed: 0, changed: 1, items, next: null };
  t.equal(
    diffText(diff),
    [
      'eu/platform/shared  version 3 → 4: 1 added, 0 removed, 1 changed',
      '',
      '+ backend/eu/shop/catalog-next/80',
      '~ rule/HTTPRoute/shop/shop/1',
      '    ~ action.backends[0].key: backend/eu/shop/catalog/80 → backend/eu/shop/catalog-next/80',
      '    + filters[0]: {"type":"x"}',
      '    - name: old',
    ].join('\n'),
  );
  t.equal(diffText({ ...diff, items: [] }), 'eu/platform/shared  version 3 and 4 are the same');
  t.equal(fieldLine({ path: 'a', before: 'x\u001B[2J', after: 1 }), '~ a: x [2J → 1', 'a value cannot move the cursor');
});

await t.test('the overview: tables, and what keeps the fleet from being ready', async (t) => {
  const text = overviewText(overview, now);
  t.match(text, /^eu +connected +folder +3 +2s +0$/m);
  t.match(text, /^eu\/platform\/shared +4 +live +2\/2 +14 +kubectl +1m$/m);
  t.match(text, /^2 routes$/m);
  t.same(whatIsMissing(overview, ['eu']), []);
  t.same(whatIsMissing(overview, ['us']), ['cluster us is not read yet']);
  const late = { ...gateway, nodes: { ...gateway.nodes, applied: 1 } };
  t.same(whatIsMissing({ ...overview, gateways: [late] }, ['eu']), ['eu/platform/shared is not applied by every node']);
  t.same(whatIsMissing({ ...overview, nodes: [] }, ['eu']), ['no node is connected']);
});

await t.test('changes between two looks become sentences', async (t) => {
  t.same(describeChanges(overview, overview), []);
  const next = { ...gateway, serving: 5, head: 5, nodes: { ...gateway.nodes, applied: 1 } };
  const agent = cluster.agent && { ...cluster.agent, problems: ['shop.yaml:3: no kind'] };
  const after = { ...overview, gateways: [next], clusters: [{ ...cluster, agent }] };
  t.same(describeChanges(overview, after), [
    'cluster eu: shop.yaml:3: no kind',
    'gateway eu/platform/shared: version 5 serves on 1 of 2 nodes',
  ]);
  const pinned = { ...gateway, pinned: true, head: 7 };
  t.same(describeChanges(overview, { ...overview, gateways: [pinned] }), [
    'gateway eu/platform/shared: version 7 waits, pinned to 4',
  ]);
  t.same(describeChanges(overview, { ...overview, gateways: [] }), ['gateway eu/platform/shared: deleted']);
});

await t.test('the stream of changes: nothing before everything was said once, then the newest', async (t) => {
  const live = new LiveOverview();
  const say = (event: string, all: boolean, items: readonly unknown[]): void =>
    live.take({ event, data: JSON.stringify({ all, items }) });
  say('clusters', true, [cluster]);
  say('gateways', true, [gateway]);
  t.equal(live.overview, undefined);
  say('nodes', true, [node]);
  t.same(live.overview, overview);
  say('gateways', false, [{ ...gateway, serving: 5 }]);
  t.equal(live.overview?.gateways[0]?.serving, 5);
  say('gateways', false, [{ ...gateway, deleted: true }]);
  t.same(live.overview?.gateways, []);
});

await t.test('server-sent events come in any pieces', async (t) => {
  const reader = new ServerEventReader();
  t.same(reader.read('event: nodes\ndata: {"a"'), []);
  t.same(reader.read(':1}\n\n: alive\n\ndata: x\ndata: y\n'), [{ event: 'nodes', data: '{"a":1}' }]);
  t.same(reader.read('\n'), [{ event: 'message', data: 'x\ny' }]);
});

await t.test('a failure: what, remedy, exit code; a stack for bugs only', async (t) => {
  t.same(describeFailure(fail('not-found', 'no gateway is called "x"', { hint: 'Did you mean y?' })), {
    exitCode: 3,
    text: 'fleetgate: there is no such thing: no gateway is called "x"\n  Did you mean y?\n',
  });
  t.equal(describeFailure(fail('control-unreachable', 'x')).exitCode, 5);
  t.match(describeFailure(new TypeError('x is undefined')), { exitCode: 1, text: /a bug.*\n[^]*at / });
});
