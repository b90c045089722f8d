// Shows events of any objects as a table: when, what, about what, by whom, and what came of it or why.
import { authorText, claimText } from './author-text.ts';
import type { HistoryEvent } from '../client/event-reads.ts';
import { type Column, type Look, tableOr } from './table.ts';

const columns: readonly Column<HistoryEvent>[] = [
  { title: 'SEQ', align: 'right', cell: ({ seq }) => seq },
  { title: 'AT', cell: ({ recordedAt }) => recordedAt },
  { title: 'WHAT', cell: eventDeed },
  { title: 'ABOUT', cell: eventObject },
  { title: 'BY', cell: authorText },
  { title: 'CERTAINTY', cell: ({ certainty }) => certainty },
  { title: 'WHY', cell: (event) => [whyText(event), claimText(event)].filter((text) => text !== '').join('; ') },
];

/** Writes the table of events, in their order. */
export function eventTable(events: readonly HistoryEvent[], look: Look): string {
  return tableOr('no events', columns, events, look);
}

/** Says what was done: `rollback to 3, refused`. */
export function eventDeed({ type, to, outcome, confirmation }: HistoryEvent): string {
  const { command = type, bypassed = false } = confirmation ?? {};
  const what = command === type ? type : `${type} ${command}`;
  const asked = `${what}${to === null ? '' : ` to ${to}`}${bypassed ? ' without confirmation' : ''}`;
  return outcome === null || outcome.result === 'done' || outcome.result === 'denied'
    ? asked
    : `${asked}, ${outcome.result}`;
}

/** Says what it was done to: `eu/HTTPRoute/shop/shop`. */
export function eventObject({ cluster, kind, namespace, name }: HistoryEvent): string {
  return [cluster, kind, namespace, name].filter((part) => part !== '').join('/');
}

/** Says why it was done, with the ticket that asked for it; '' where nobody said. */
export function whyText(event: Pick<HistoryEvent, 'reason' | 'outcome' | 'ticket'>): string {
  return [event.ticket, eventReason(event)].filter((text) => text !== null).join(' ');
}

/** Says why it was done, or why not; null where nobody said. */
export function eventReason({ reason, outcome }: Pick<HistoryEvent, 'reason' | 'outcome'>): string | null {
  return outcome?.message ?? reason;
}
