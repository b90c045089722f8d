// Reads the rows of events in their order and gives the leaf of each, as it follows from the row and as it is stored.
import { hash } from 'node:crypto';
import type { ClientBase } from 'pg';
import { leafText } from '#libs/events/event-leaf.ts';
import { type BinaryRow, copyRows } from '../store/binary-copy.ts';

/** Is a row, and what it is in the log. */
export interface LoggedRow {
  readonly seq: number;
  /** The text whose hash is the leaf, as it follows from the row. */
  readonly leaf: string;
  /** The hash of the leaf, as it was stored with the row. */
  readonly stored: Uint8Array;
}

const columns =
  'seq, batch, at, recorded_at, id, type, cluster, kind, namespace, name, uid, manager, operation, data, leaf';
/** Postgres counts microseconds from the year 2000. */
const epochMs = Date.UTC(2000, 0, 1);

/** Begins a look at one moment of the database, whatever is written meanwhile; `rollback` ends it. */
export async function beginReading(client: ClientBase): Promise<void> {
  await client.query('begin transaction isolation level repeatable read read only');
}

/** Reads the events from one number to another, or to the last. The client must have begun reading. */
export function readLeaves(
  client: ClientBase,
  fromSeq: number,
  toSeq = Number.MAX_SAFE_INTEGER,
): AsyncGenerator<readonly LoggedRow[]> {
  const query = `select ${columns} from events where seq between ${fromSeq} and ${toSeq} order by seq`;
  return copyRows(client, query, toLogged);
}

function toLogged(row: BinaryRow): LoggedRow {
  const [seq, batch, at, recordedAt, ...texts] = row;
  const [id, type, cluster, kind, namespace, name, uid, manager, operation, data, leaf] = texts;
  const number = bigintOf(seq);
  const event = {
    seq: number,
    batch: bigintOf(batch),
    at: timeOf(bigintOf(at)),
    recordedAt: timeOf(bigintOf(recordedAt)),
    id: textOf(id),
    type: textOf(type),
    cluster: textOf(cluster),
    kind: textOf(kind),
    namespace: textOf(namespace),
    name: textOf(name),
    uid: textOf(uid),
    manager: manager?.toString() ?? null,
    operation: operation?.toString() ?? null,
  };
  return {
    seq: Number(number),
    leaf: leafText(event, hash('sha256', data ?? '')),
    stored: Uint8Array.prototype.slice.call(leaf ?? Buffer.of()),
  };
}

function textOf(column: Buffer | null | undefined): string {
  return column?.toString() ?? '';
}

function bigintOf(column: Buffer | null | undefined): bigint {
  return column?.length === 8 ? column.readBigInt64BE() : 0n;
}

/** Writes a time as leaves have it: with milliseconds, or microseconds where it has some. */
function timeOf(microseconds: bigint): string {
  const rest = ((microseconds % 1000n) + 1000n) % 1000n;
  const date = new Date(Number((microseconds - rest) / 1000n) + epochMs);
  // A row may say `infinity`, or a year that no calendar has.
  if (Number.isNaN(date.getTime())) return `${microseconds}`;
  const text = date.toISOString();
  return rest === 0n ? text : `${text.slice(0, -1)}${`${rest}`.padStart(3, '0')}Z`;
}
