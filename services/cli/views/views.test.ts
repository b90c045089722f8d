import t from 'tap';
import { gateway, result } from '../testing/small-fleet.ts';
import { commandText, previewText } from './command-text.ts';
import { diffText } from './diff-text.ts';
import { fieldLine } from './field-text.ts';
import { gatewayState, nodesText } from './gateway-table.ts';
import { historyTable } from './history-table.ts';
import { routeTable } from './route-table.ts';

await t.test('a gateway in a word: live, pinned, held back, deleted', async (t) => {
  t.equal(gatewayState(gateway), 'live');
  t.equal(gatewayState({ ...gateway, pinned: true }), 'pinned');
  t.equal(gatewayState({ ...gateway, pinned: true, head: 6 }), 'pinned, 2 waiting');
  t.equal(gatewayState({ ...gateway, alarm: 'too many' }), 'held back');
  t.equal(gatewayState({ ...gateway, deleted: true }), 'deleted');
  t.equal(nodesText({ connected: 3, applied: 1, rejected: 1, unknown: 1 }), '1/4, 1 rejected, 1 unknown');
});

await t.test('what a command did', async (t) => {
  t.equal(
    commandText('rollback', result),
    [
      'eu/platform/shared serves the content of version 3 again, as version 6, and is pinned, in place of version 5',
      '  applied by 1 of 1 node in 12 ms',
      '  later changes wait as candidates until: fleetgate release eu/platform/shared',
    ].join('\n'),
  );
  t.equal(
    commandText('release', { ...result, nodes: [], ms: null, complete: false }),
    'eu/platform/shared is released and serves version 6, in place of version 5\n  decided in 4 ms',
  );
});

await t.test('what a rollback would do, and the command that does just that', async (t) => {
  const preview = {
    gateway: 'eu/platform/shared',
    serving: 7,
    pinned: false,
    to: 4,
    digest: 'd',
    refused: null,
    unready: [],
  };
  t.match(previewText(preview), /to do it: +fleetgate rollback eu\/platform\/shared --to 4 --expect 7$/);
  const unready = ['rule 0 of HTTPRoute shop/web: Service shop/cart port 80 does not exist: answered 503'];
  t.match(
    previewText({ ...preview, unready }),
    /pinned\n  ! rule 0 of HTTPRoute shop\/web: Service shop\/cart port 80/,
  );
  t.match(commandText('rollback', { ...result, unready }), /12 ms\n  ! rule 0 of HTTPRoute shop\/web: Service/);
  t.match(previewText({ ...preview, refused: 'it is pinned' }), /would be refused$/);
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

await t.test('a history shows when a change was recorded, and beside it a claim that is far off', async (t) => {
  const event = {
    ...{ seq: '7', id: 'x', type: 'applied', cluster: 'eu', kind: 'HTTPRoute', namespace: 'shop', name: 'shop' },
    ...{ uid: 'u', at: '2026-11-28T10:00:00.000Z', recordedAt: '2026-11-28T10:00:00.020Z', generation: 2, to: null },
    ...{ changedBy: { manager: 'folder/root', operation: 'Update' }, reason: null, from: null, outcome: null },
    ticket: null,
    confirmation: null,
    ...{ certainty: 'manager only' as const, requests: [], claim: null },
    truncated: false,
    changes: [{ path: 'spec.hostnames[0]', before: 'a', after: 'b' }],
  };
  const look = { width: 200, now: new Date('2026-11-28T11:00:00Z') };
  t.match(
    historyTable([event], look),
    /2026-11-28T10:00:00\.020Z  applied  folder\/root  manager only  ~ spec\.hostnames\[0\]: a → b/,
  );
  t.notMatch(historyTable([event], look), 'its cluster says');
  const forged = historyTable([{ ...event, at: '2020-01-01T00:00:00.000Z' }], look);
  t.match(forged, /2026-11-28T10:00:00\.020Z  applied/);
  t.match(forged, 'its cluster says that it was changed at 2020-01-01T00:00:00.000Z');
  const told = historyTable([{ ...event, reason: 'slow cart', ticket: 'OPS-1' }], look);
  t.match(told, /a → b\n *because: OPS-1 slow cart/, 'why stands below what was changed');
  const late = { result: 'expired' as const, replaced: null, message: 'too late' };
  const command = { ...event, type: 'rollback', to: 3, reason: 'errors', outcome: late, changes: [] };
  t.match(historyTable([command], look), /rollback to 3, expired  folder\/root  manager only  too late/);
});

await t.test('problems of routes stand beside the rest where they fit, else below it', async (t) => {
  const problems = [
    'BackendNotFound: rule 0: Service shop/crat does not exist',
    'IdenticalMatch: rule 1 can never match',
  ];
  const route = {
    ...{ cluster: 'eu', kind: 'HTTPRoute', namespace: 'shop', name: 'shop', hostnames: ['shop.example'], rules: 2 },
    ...{ parents: [], accepted: true, problems, changedBy: null, changedAt: '2026-11-28T10:00:00Z', seq: '1' },
    ...{ recordedAt: '2026-11-28T10:00:00Z', generation: 1 },
    ...{ certainty: 'unknown' as const, requests: [], claim: null },
  };
  const now = new Date('2026-11-28T11:00:00Z');
  t.match(routeTable([route], { now, width: undefined }, ''), /1h  BackendNotFound: .*; IdenticalMatch: /);
  const narrow = routeTable([route], { now, width: 80 }, '').split('\n');
  t.ok(
    narrow.every((line) => line.length <= 80),
    'no line is wider than the terminal',
  );
  const text = narrow.map((line) => line.trim()).join(' ');
  for (const problem of problems) t.match(text, `! eu/HTTPRoute/shop/shop  ${problem}`);
});
