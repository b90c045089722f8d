import t from 'tap';
import { cluster, gateway, node, now, overview } from '../testing/small-fleet.ts';
import { LiveOverview } from './live-overview.ts';
import { describeChanges } from './overview-changes.ts';
import { overviewText } from './overview-text.ts';

await t.test('the overview: tables, and the number of routes', async (t) => {
  const text = overviewText(overview, { now, width: undefined });
  t.match(text, /^eu +connected +folder +3 +2s +0$/m);
  t.match(text, /^eu\/platform\/shared +4 +live +2\/2 +14 +kubectl +1m$/m);
  t.match(text, /^2 routes$/m);
  const restores = [{ recordedAt: '2026-01-01T00:00:00Z', reason: 'the backup was older' }];
  const restored = overviewText({ ...overview, restores }, { now, width: undefined });
  t.match(restored, /^RESTORED at 2026-01-01T00:00:00Z: the backup was older \(docs\/backup-and-restore.md\)$/m);
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
