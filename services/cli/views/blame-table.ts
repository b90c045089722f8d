// Shows the fields of an object as a table: when each got its value, by whom, and the value.
import type { z } from 'zod';
import type { objectBlame } from '#libs/api/models/history.ts';
import { authorText, claimText } from './author-text.ts';
import { whyText } from './event-table.ts';
import { fieldText } from './field-text.ts';
import { type Column, type Look, tableOr } from './table.ts';

type Field = z.output<typeof objectBlame>['fields'][number];

const who: readonly Column<Field>[] = [
  { title: 'SEQ', align: 'right', cell: ({ event }) => event?.seq ?? 'older' },
  { title: 'AT', cell: ({ event }) => event?.recordedAt ?? '-' },
  { title: 'BY', cell: ({ event }) => (event === null ? '-' : authorText(event)) },
  { title: 'CERTAINTY', cell: ({ event }) => event?.certainty ?? '-' },
];
const why: Column<Field> = {
  title: 'WHY',
  cell: ({ event }) =>
    event === null ? '' : [whyText(event), claimText(event)].filter((text) => text !== '').join('; '),
};
const field: Column<Field> = { title: 'FIELD', cell: fieldText };

/** Writes the table of fields, in their order; with reasons where some change has one. */
export function blameTable(fields: readonly Field[], look: Look): string {
  const isSaid = fields.some((one) => why.cell(one) !== '');
  return tableOr('no such field', isSaid ? [...who, why, field] : [...who, field], fields, look);
}
