// Describes a row of the table of events, as a transaction appends it.
import type { LoggedEvent } from '#libs/events/event-leaf.ts';

/** Says what its leaf says; the time of recording is the transaction's. */
export type EventRow = Omit<LoggedEvent, 'recordedAt'> & { readonly seq: string; readonly batch: string };
