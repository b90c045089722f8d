// Says what a report tells of each change, as texts: the columns of its CSV and the rows of its HTML. Pure.
import { authorText } from '../views/author-text.ts';
import { eventDeed, eventObject } from '../views/event-table.ts';
import { fieldLine } from '../views/field-text.ts';
import type { ReportedChange } from './change-reads.ts';

/** What stands where the history does not say it. */
const notKnown = 'not known';

/** What a report tells of each change. */
export const changeColumns: readonly (readonly [title: string, cell: (change: ReportedChange) => string])[] = [
  ['seq', ({ event }) => event.seq],
  ['recorded', ({ event }) => event.recordedAt],
  ['claimed', ({ event }) => event.at],
  ['what', ({ event }) => eventDeed(event)],
  ['object', ({ event }) => eventObject(event)],
  ['requester', requesterOf],
  ['author', authorOf],
  ['certainty', certaintyOf],
  ['reason', ({ event }) => event.reason ?? ''],
  ['ticket', ({ event }) => event.ticket ?? ''],
  ['approver', ({ approver }) => approver ?? ''],
  ['outcome', ({ outcome }) => outcome],
  ['why not', ({ event }) => event.outcome?.message ?? ''],
  ['difference', differenceOf],
  ['versions', ({ versions }) => versions.map(({ gateway, version }) => `${gateway}@${version}`).join('\n')],
  ['nodes', ({ versions }) => versions.map(({ applied }) => String(applied?.nodes ?? 0)).join('\n')],
  ['applied by the first', ({ versions }) => versions.map(({ applied }) => applied?.first ?? notKnown).join('\n')],
  ['applied by the last', ({ versions }) => versions.map(({ applied }) => applied?.last ?? notKnown).join('\n')],
  ['refused by nodes', ({ versions }) => versions.flatMap(({ refused }) => refused?.reasons ?? []).join('\n')],
  ['rolled back by', rollbacksOf],
];

/** Says who asked for a command. */
export function requesterOf({ requester }: ReportedChange): string {
  return requester ?? notKnown;
}

/** Says who did it: of a change who asked the API server for it. */
export function authorOf({ event }: ReportedChange): string {
  const author = authorText(event);
  return author === '-' ? notKnown : author;
}

/** Says how far the author is known. */
export function certaintyOf({ event }: ReportedChange): string {
  return event.certainty;
}

function differenceOf({ event }: ReportedChange): string {
  if (event.type === 'deleted') return 'the whole object went';
  const isNew = event.changes.some(({ path, before }) => path === 'apiVersion' && before === undefined);
  if (isNew) return 'the whole object came';
  return [...event.changes.map(fieldLine), ...(event.truncated ? ['…'] : [])].join('\n');
}

function rollbacksOf({ versions }: ReportedChange): string {
  return versions
    .flatMap(({ gateway, rolledBackBy: back }) =>
      back === null
        ? []
        : [`${gateway}@${back.version} at ${back.at} by ${back.actor ?? notKnown}: ${back.reason ?? ''}`],
    )
    .join('\n');
}
