// Names what a status is to those who merge and write it.

/** The fields of a status. */
export type StatusFields = Readonly<Record<string, unknown>>;
