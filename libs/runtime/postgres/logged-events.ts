// Reads rows of the history as the log of the history takes them: every column, and times as exact as they are stored.
import type { LoggedEvent } from '#libs/events/event-leaf.ts';

/** The columns to select from `events`. */
export const loggedColumns = `seq, batch, id, type, cluster, kind, namespace, name, uid, manager, operation,
  to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US') as at,
  to_char(recorded_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US') as "recordedAt", data`;

/** Is a row of these columns. */
export type LoggedRow = LoggedEvent & { readonly seq: string; readonly batch: string };

/** Gives the row with its times as leaves have them: in milliseconds, or microseconds where there are some. */
export function toLoggedEvent(row: LoggedRow): LoggedEvent {
  return { ...row, at: timeOf(row.at), recordedAt: timeOf(row.recordedAt) };
}

function timeOf(text: string): string {
  return `${text.endsWith('000') ? text.slice(0, -3) : text}Z`;
}
