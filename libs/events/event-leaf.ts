// Says which bytes of an event are a leaf of the log of the history (version 1). They are canonical JSON of everything
// that its row says; its data stands there as a hash, so that a leaf gives away no object, and holds however data is
// stored.
import { hash } from 'node:crypto';

/** Holds the row of an event in the history, from which its leaf is made. */
export interface LoggedEvent {
  /** Contiguous from 1; the index of the leaf is one less. */
  readonly seq: number | bigint | string;
  readonly batch: number | bigint | string;
  /** As it is stored; '#' and the sequence number, which end it where another event has the same, are no part of it. */
  readonly id: string;
  readonly type: string;
  readonly cluster: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly manager: string | null;
  readonly operation: string | null;
  /** RFC 3339 in UTC: as `toISOString` writes it, with six digits of the second only where microseconds are known. */
  readonly at: string;
  readonly recordedAt: string;
  /** The stored text. */
  readonly data: string;
}

/** Gives the text of the leaf, whose UTF-8 bytes are hashed. */
export function leafOfEvent(event: LoggedEvent): string {
  return leafText(event, hash('sha256', event.data));
}

/** Gives the text from the row and the lower-case hex SHA-256 of the UTF-8 bytes of its data. */
export function leafText(event: Omit<LoggedEvent, 'data'>, data: string): string {
  // The fields stand in the order of canonical JSON; no value is nested.
  return JSON.stringify({
    at: event.at,
    batch: Number(event.batch),
    cluster: event.cluster,
    data,
    id: leafId(event),
    kind: event.kind,
    manager: event.manager,
    name: event.name,
    namespace: event.namespace,
    operation: event.operation,
    recordedAt: event.recordedAt,
    seq: Number(event.seq),
    type: event.type,
    uid: event.uid,
    v: 1,
  });
}

function leafId({ id, seq }: Pick<LoggedEvent, 'id' | 'seq'>): string {
  const suffix = `#${seq}`;
  return id.endsWith(suffix) ? id.slice(0, -suffix.length) : id;
}
