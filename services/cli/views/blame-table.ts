// Shows the fields of an object as a table: when each got its value, by whom, and the value.
import type { z } from 'zod';
import type { objectBlame } from '#libs/api/models/history.ts';
import { fieldText } from './field-text.ts';
import { type Column, type Look, tableOr } from './table.ts';

type Field = z.output<typeof objectBlame>['fields'][number];

const columns: readonly Column<Field>[] = [
  { title: 'SEQ', align: 'right', cell: ({ event }) => event?.seq ?? 'older' },
  { title: 'AT', cell: ({ event }) => event?.recordedAt ?? '-' },
  { title: 'BY', cell: ({ event }) => event?.changedBy?.manager ?? '-' },
  { title: 'FIELD', cell: fieldText },
];

/** Writes the table of fields, in their order. */
export function blameTable(fields: readonly Field[], look: Look): string {
  return tableOr('no such field', columns, fields, look);
}
