// Reads the rows of events in their order and gives the leaf of each, as it follows from the row and as it is stored.
import { hash } from 'node:crypto';
import type { ClientBase } from 'pg';
import { leafText } from '#libs/events/event-leaf.ts';
import { hashLeaf } from '#libs/tlog/tree-hash.ts';
import { type BinaryRow, copyRows } from '../store/binary-copy.ts';

/** Is a row, and what it is in the log. */
export interface LoggedRow {
  readonly seq: number;
  /** The text of the leaf, as it follows from the row, and its hash. */
  readonly leaf: string;
  readonly hash: Uint8Array;
  /** The hash that was stored with the row; undefined = the same. */
  readonly stored: Uint8Array | undefined;
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
  const [id, type, cluster, kind, namespace, name, uid, manager, operation, data, stored] = texts;
  const number = integerOf(seq);
  const event = {
    seq: number,
    batch: integerOf(batch),
    at: timeOf(integerOf(at)),
    recordedAt: timeOf(integerOf(recordedAt)),
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
  const leaf = leafText(event, hash('sha256', data ?? ''));
  const own = hashLeaf(leaf);
  return { seq: number, leaf, hash: own, stored: isSame(own, stored) ? undefined : Buffer.from(stored ?? '') };
}

function isSame(own: Buffer, stored: Buffer | null | undefined): boolean {
  return stored !== null && stored !== undefined && own.equals(stored);
}

function textOf(column: Buffer | null | undefined): string {
  return column?.toString() ?? '';
}

/** Reads a number of eight bytes; one that no event has stays apart from those that some have. */
function integerOf(column: Buffer | null | undefined): number {
  return column?.length === 8 ? column.readInt32BE() * 2 ** 32 + column.readUInt32BE(4) : 0;
}

/** Texts of seconds, up to the point: many events share them. */
const seconds = new Map<number, string>();
const secondsMax = 10_000;

/** Writes a time as leaves have it: with milliseconds, or microseconds where it has some. */
function timeOf(microseconds: number): string {
  const second = Math.floor(microseconds / 1_000_000);
  const rest = String(microseconds - second * 1_000_000).padStart(6, '0');
  const text = seconds.get(second) ?? secondText(second);
  // A row may say `infinity`, or a year that no calendar has.
  if (text === '') return `${microseconds}`;
  return `${text}.${rest.endsWith('000') ? rest.slice(0, 3) : rest}Z`;
}

function secondText(second: number): string {
  const date = new Date(second * 1000 + epochMs);
  const text = Number.isNaN(date.getTime()) ? '' : date.toISOString().slice(0, -'.000Z'.length);
  if (seconds.size > secondsMax) seconds.clear();
  seconds.set(second, text);
  return text;
}
