// Shows the versions of a gateway as a table: which one serves, what made each, and by whom.
import type { z } from 'zod';
import type { snapshotSummary } from '#libs/api/models/snapshot.ts';
import { type Column, type Look, ago, tableOr } from './table.ts';

type Snapshot = z.output<typeof snapshotSummary>;

/** Writes the table of versions. */
export function snapshotTable(versions: readonly Snapshot[], look: Look): string {
  return tableOr('no versions yet', columns(look.now), versions, look);
}

function columns(now: Date): readonly Column<Snapshot>[] {
  return [
    { title: 'VERSION', align: 'right', cell: ({ version }) => String(version) },
    { title: '', cell: ({ serving, head }) => (serving ? 'serving' : head ? 'candidate' : '') },
    { title: 'CHANGES', align: 'right', cell: ({ changes }) => String(changes) },
    { title: 'ENTRIES', align: 'right', cell: ({ entries }) => String(entries) },
    { title: 'CAUSE', cell: ({ cause, ofVersion }) => (ofVersion === null ? cause : `${cause} to ${ofVersion}`) },
    {
      title: 'BY',
      cell: ({ actor, approver }) => (approver === null ? (actor ?? '-') : `${actor ?? '-'}, confirmed by ${approver}`),
    },
    { title: 'AGE', align: 'right', cell: ({ at }) => ago(at, now) },
    { title: 'DIGEST', cell: ({ digest }) => digest.slice(0, 12) },
    { title: 'REASON', cell: ({ reason }) => reason ?? '' },
  ];
}
