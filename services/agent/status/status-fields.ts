// Names what a status is to those who merge and write it.

/** Holds a status by its fields. */
export type StatusFields = Readonly<Record<string, unknown>>;
