import t from 'tap';
import { cluster, gateway, node, now, overview } from '../testing/small-fleet.ts';
import { LiveOverview } from './live-overview.ts';
import { describeChanges } from './overview-changes.ts';
import { overviewText } from './overview-text.ts';
import type { Projector } from '../views/projector-lines.ts';

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

await t.test('projectors: which one leads and since when, and who is to blame when none does', (t) => {
  const projector: Projector = {
    projector: 'a/1',
    host: 'a',
    pid: 7,
    version: '0.1.0',
    status: 'leading',
    leads: true,
    since: '2026-01-01T23:00:00Z',
    lastSeen: '2026-01-01T23:59:59Z',
    ageMs: 1000,
    leaseUntil: '2026-01-02T00:00:14Z',
    problems: [],
  };
  t.match(textOf(projector), /^projector a\/1 \(process 7\): leading since 2026-01-01T23:00:00Z \(1h\)$/m);
  t.notMatch(textOf(projector), /!/);
  t.match(textOf({ ...projector, problems: ['NATS is disconnected.'] }), /^! projector a\/1: NATS is disconnected\.$/m);
  t.match(textOf(), /^! No projector runs\. /m);
  t.end();
});

await t.test('a leader that hangs is named, and not the agents that it does not hear', (t) => {
  const hung: Projector = {
    projector: 'a/1',
    host: 'a',
    pid: 7,
    version: '0.1.0',
    status: 'silent',
    leads: false,
    since: '2026-01-01T23:59:00Z',
    lastSeen: '2026-01-01T23:59:00Z',
    ageMs: 60_000,
    leaseUntil: '2026-01-01T23:59:15Z',
    problems: [],
  };
  const text = textOf(hung);
  t.match(text, /^projector a\/1 \(process 7\): silent, last heard 2026-01-01T23:59:00Z \(1m ago\)$/m);
  t.match(text, /^! Projector a\/1 \(process 7\) leads no longer: it does not answer\. Changes wait/m);
  t.end();
});

function textOf(...projectors: readonly Projector[]): string {
  return overviewText({ ...overview, projectors }, { now, width: undefined });
}
