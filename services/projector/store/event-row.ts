// Describes a row of the table of events, as a transaction appends it.

export interface EventRow {
  readonly seq: string;
  readonly batch: string;
  readonly id: string;
  readonly type: string;
  readonly cluster: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly manager: string | null;
  readonly operation: string | null;
  readonly at: string;
  readonly data: string;
}
