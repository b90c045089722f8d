import t from 'tap';
import { ago, count, cut, renderTable } from './table.ts';

await t.test('columns are as wide as their widest cell and lines have no trailing blanks', async (t) => {
  const rows = [
    { name: 'eu', objects: 21 },
    { name: 'us-east', objects: 7 },
  ];
  const text = renderTable(
    [
      { title: 'CLUSTER', cell: (row: (typeof rows)[number]) => row.name },
      { title: 'OBJECTS', cell: (row) => String(row.objects), align: 'right' },
      { title: 'NOTE', cell: () => '' },
    ],
    rows,
  );
  t.equal(text, ['CLUSTER  OBJECTS  NOTE', 'eu            21', 'us-east        7'].join('\n'));
});

await t.test('a cell cannot move the cursor', async (t) => {
  const text = renderTable([{ title: 'A', cell: (row: string) => row }], ['x\u001B[2J\ny']);
  t.equal(text, 'A\nx [2J y');
});

await t.test('lines are cut to the terminal', async (t) => {
  t.equal(renderTable([{ title: 'A', cell: (row: string) => row }], ['abcdefgh'], 5), 'A\nabcd…');
  t.equal(cut('abc', 3), 'abc');
});

await t.test('ages use the largest fitting unit', async (t) => {
  const now = new Date('2026-01-02T00:00:00Z');
  t.equal(ago('2026-01-01T23:59:59.900Z', now), 'now');
  t.equal(ago('2026-01-01T23:59:18Z', now), '42s');
  t.equal(ago('2026-01-01T23:53:00Z', now), '7m');
  t.equal(ago('2026-01-01T21:00:00Z', now), '3h');
  t.equal(ago('2025-12-20T00:00:00Z', now), '13d');
  t.equal(ago(null, now), '-');
});

await t.test('counts agree with their noun', async (t) => {
  t.equal(count(1, 'node'), '1 node');
  t.equal(count(0, 'node'), '0 nodes');
  t.equal(count(2, 'entry', 'entries'), '2 entries');
});
