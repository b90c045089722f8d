// Shows the events of one object as a table: when, what, by whom, and a line for each changed field.
import type { z } from 'zod';
import type { objectEvent } from '#libs/api/models/history.ts';
import { authorText, claimText, requestLines } from './author-text.ts';
import { eventDeed, whyText } from './event-table.ts';
import { fieldLine } from './field-text.ts';
import { type Column, type Look, tableOr } from './table.ts';

type ObjectEvent = z.output<typeof objectEvent>;

interface Line {
  readonly seq: string;
  readonly at: string;
  readonly what: string;
  readonly by: string;
  readonly certainty: string;
  readonly change: string;
}

const columns: readonly Column<Line>[] = [
  { title: 'SEQ', align: 'right', cell: ({ seq }) => seq },
  { title: 'AT', cell: ({ at }) => at },
  { title: 'WHAT', cell: ({ what }) => what },
  { title: 'BY', cell: ({ by }) => by },
  { title: 'CERTAINTY', cell: ({ certainty }) => certainty },
  { title: 'CHANGES', cell: ({ change }) => change },
];

/** Writes the table of an object's events, in their order. */
export function historyTable(events: readonly ObjectEvent[], look: Look): string {
  return tableOr('nothing', columns, events.flatMap(linesOf), look);
}

/** Gives a line for the event, and one more for each further change. */
function linesOf(event: ObjectEvent): readonly Line[] {
  const changes = isWhole(event) ? ['the whole object'] : event.changes.map(fieldLine);
  if (event.truncated) changes.push('…');
  const [first = '', ...more] = changes;
  if (isFarOff(event)) more.unshift(`its cluster says that it was changed at ${event.at}`);
  const why = whyText(event);
  const isOfObject = event.type === 'applied' || event.type === 'deleted';
  if (isOfObject && why !== '') more.unshift(`because: ${why}`);
  more.push(...requestLines(event), ...[claimText(event)].filter((text) => text !== ''));
  const change = isOfObject || why === '' ? first : why;
  return [
    {
      ...{ seq: event.seq, at: event.recordedAt, what: eventDeed(event), by: authorText(event) },
      ...{ certainty: event.certainty, change },
    },
    ...more.map((line) => ({ seq: '', at: '', what: '', by: '', certainty: '', change: line })),
  ];
}

/** What an agent tells within this time was told at once. */
const tellingMaxMs = 60_000;

/** Says whether the time that the cluster claims is another than the one at which the change was recorded. */
function isFarOff({ at, recordedAt }: ObjectEvent): boolean {
  return Math.abs(Date.parse(recordedAt) - Date.parse(at)) > tellingMaxMs;
}

/** Says whether the object came or went: its fields are no news then. */
function isWhole({ type, changes }: ObjectEvent): boolean {
  return type === 'deleted' || changes.some(({ path, before }) => path === 'apiVersion' && before === undefined);
}
