// Shows commands that wait to be confirmed as a table: what would be done, by whom it was asked for, until when.
import type { Approval } from '../client/approval-reads.ts';
import { type Column, type Look, tableOr } from './table.ts';

const asked: readonly Column<Approval>[] = [
  { title: 'ID', cell: ({ id }) => id },
  { title: 'GATEWAY', cell: ({ gateway }) => gateway },
  { title: 'COMMAND', cell: requestText },
  { title: 'SERVING', align: 'right', cell: ({ serving }) => String(serving) },
  { title: 'BY', cell: ({ requestedBy }) => requestedBy },
  { title: 'UNTIL', cell: ({ until }) => until },
];
const decided: readonly Column<Approval>[] = [
  { title: 'STATE', cell: ({ state }) => state },
  { title: 'DECIDED BY', cell: ({ decidedBy }) => decidedBy ?? '-' },
];
const why: Column<Approval> = {
  title: 'WHY',
  cell: ({ ticket, reason, decisionReason }) =>
    [ticket, reason, decisionReason === null ? null : `(${decisionReason})`].filter((text) => text !== null).join(' '),
};

/** Writes the table of requests, in their order; `all` = with what became of them. */
export function approvalTable(approvals: readonly Approval[], all: boolean, look: Look): string {
  const columns = all ? [...asked, ...decided, why] : [...asked, why];
  return tableOr(all ? 'nothing was requested' : 'nothing waits to be confirmed', columns, approvals, look);
}

/** Says what would be done: `rollback to 3`. */
export function requestText({ command, to }: Pick<Approval, 'command' | 'to'>): string {
  return to === null ? command : `${command} to ${to}`;
}
