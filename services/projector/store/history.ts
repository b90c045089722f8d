// Reads the history as it was folded: its events in order, transaction by transaction, streamed.
import type { ClientBase } from 'pg';
import { parseJson } from '#libs/gateway/fields/parse-json.ts';
import { factTypes } from '#libs/events/change-fact.ts';
import { type DeedEvent, type RemovalEvent, deedTypes, isRemoval } from '#libs/events/deed-event.ts';
import { carriedOut, operatorTypes } from '#libs/events/operator-event.ts';
import { parseChangeEvent } from '#libs/events/parse-change-event.ts';
import { parseDeedEvent } from '#libs/events/parse-deed-event.ts';
import { parseOperatorEvent } from '#libs/events/parse-operator-event.ts';
import { parseRestoreEvent } from '#libs/events/parse-restore-event.ts';
import { type Parsed, describeProblem } from '#libs/gateway/problem.ts';
import type { ContentOf, VersionContent } from '#libs/projection/versions/gateway-head.ts';
import type { FoldedEvent } from '#libs/projection/versions/projection-change.ts';
import type { Row } from '#libs/runtime/postgres/database.ts';
import { pagesOf } from './cursor.ts';
import { readVersionContent } from './version-content.ts';

/** Holds the events of one transaction. */
export interface HistoryBatch {
  /** Sequence number of the last event of the transaction. */
  readonly seq: string;
  readonly recordedAt: string;
  readonly folded: readonly FoldedEvent[];
  /** Sentences about events of the transaction that cannot be read: nothing of them is folded. */
  readonly unreadable: readonly string[];
  /** The same of those that a repair sets aside. */
  readonly setAside: readonly string[];
  /** Sentences about events that are read in the place of what was stored. */
  readonly repaired: readonly string[];
}

export type EventRow = Pick<Row<'events'>, 'seq' | 'batch' | 'type' | 'recorded_at' | 'data'>;

/** The events that left the database, from the first to `last`. */
export interface ArchivedHistory {
  readonly last: number;
  readonly rows: () => AsyncIterable<readonly EventRow[]>;
}

interface HistorySpan {
  /** Undefined = to the end. */
  readonly lastSeq?: string;
  /** Undefined = everything is in the database. */
  readonly archived?: ArchivedHistory | undefined;
}

/** They change no version: what was done to the fleet itself, what became of nodes, and who asked for changes. */
export const unfoldedTypes: readonly string[] = [
  ...deedTypes.filter((type) => type !== 'cluster-removed'),
  ...factTypes,
  'node-left',
];
const decidedTypes: ReadonlySet<string> = new Set(operatorTypes);

/**
 * Gives every transaction of the history, from the first; those after event `lastSeq` are left out, and the one that
 * holds it ends with it. What changes nothing is left out, and what cannot be read is named. The client must be in a
 * transaction.
 */
export async function* historyBatches(
  client: ClientBase,
  { lastSeq, archived }: HistorySpan = {},
): AsyncGenerator<HistoryBatch> {
  const repairs = await readRepairs(client);
  let batch = newBatch('', '');
  for await (const rows of storedEvents(client, lastSeq, archived)) {
    for (const row of rows) {
      if (row.batch !== batch.seq) {
        if (!isEmpty(batch)) yield batch;
        batch = newBatch(row.batch, row.recorded_at.toISOString());
      }
      const event = parseStoredEvent(row);
      const repair = typeof event === 'string' ? repairs.get(row.seq) : undefined;
      if (typeof event !== 'string') batch.folded.push(event);
      else if (repair === undefined) batch.unreadable.push(event);
      else readRepaired(row, repair, event, batch);
    }
  }
  if (!isEmpty(batch)) yield batch;
}

/** Gives the rows that are folded: those that left the database first, then what is in it. */
async function* storedEvents(
  client: ClientBase,
  lastSeq: string | undefined,
  archived: ArchivedHistory | undefined,
): AsyncGenerator<readonly EventRow[]> {
  const isWanted = ({ seq, type }: EventRow): boolean =>
    !unfoldedTypes.includes(type) && (lastSeq === undefined || BigInt(seq) <= BigInt(lastSeq));
  if (archived !== undefined) for await (const rows of archived.rows()) yield rows.filter(isWanted);
  const query = `
    select seq, batch, type, recorded_at, data from events
     where type <> all($1) and seq > $2 and ($3::bigint is null or seq <= $3) order by seq`;
  yield* pagesOf<EventRow>(client, query, [unfoldedTypes, archived?.last ?? 0, lastSeq ?? null]);
}

interface GrowingBatch extends HistoryBatch {
  readonly folded: FoldedEvent[];
  readonly unreadable: string[];
  readonly setAside: string[];
  readonly repaired: string[];
}

function newBatch(seq: string, recordedAt: string): GrowingBatch {
  return { seq, recordedAt, folded: [], unreadable: [], setAside: [], repaired: [] };
}

function isEmpty({ folded, unreadable, setAside }: HistoryBatch): boolean {
  return folded.length === 0 && unreadable.length === 0 && setAside.length === 0;
}

/** Gives the newest repair of each event by its number. */
async function readRepairs(client: ClientBase): Promise<ReadonlyMap<string, DeedEvent>> {
  const { rows } = await client.query<{ data: string }>(
    `select data from events where type = 'event-repaired' order by seq`,
  );
  const deeds = rows.flatMap(({ data }) => {
    const parsed = parseDeedEvent(parseJson(data));
    return parsed.ok ? [parsed.value] : [];
  });
  return new Map(deeds.map((deed) => [deed.subject, deed]));
}

/** Reads an event in the place of what was stored, or leaves it out where the repair sets it aside. */
function readRepaired(row: EventRow, { repaired, reason }: DeedEvent, problem: string, batch: GrowingBatch): void {
  const event = repaired === undefined ? undefined : parseStoredEvent({ ...row, data: repaired });
  if (event === undefined) batch.setAside.push(`event ${row.seq} is set aside: ${reason}`);
  else if (typeof event === 'string') batch.unreadable.push(`${problem}; its repair: ${event}`);
  else {
    batch.folded.push(event);
    batch.repaired.push(`event ${row.seq} is read as it was repaired: ${reason}`);
  }
}

/** Reads from what is stored the contents that a batch's rollbacks go back to. */
export async function contentsFor(client: ClientBase, { folded }: Pick<HistoryBatch, 'folded'>): Promise<ContentOf> {
  const contents = new Map<string, VersionContent>();
  for (const { event } of folded) {
    if (event.type === 'restored' || event.type === 'cluster-removed' || 'object' in event) continue;
    const command = carriedOut(event);
    if (command?.type !== 'rollback' || command.to === null) continue;
    const { gateway, to } = command;
    const content = await readVersionContent(client, gateway, to);
    if (content !== undefined) contents.set(`${gateway} ${to}`, content);
  }
  return (gateway, version) => {
    const content = contents.get(`${gateway} ${version}`);
    if (content === undefined) throw new Error(`version ${version} of ${gateway} is not stored`);
    return content;
  };
}

function parserOf(type: string): (json: unknown) => Parsed<FoldedEvent['event']> {
  if (type === 'restored') return parseRestoreEvent;
  if (type === 'cluster-removed') return parseRemoval;
  return decidedTypes.has(type) ? parseOperatorEvent : parseChangeEvent;
}

function parseRemoval(json: unknown): Parsed<RemovalEvent> {
  const parsed = parseDeedEvent(json);
  if (!parsed.ok) return parsed;
  const { value } = parsed;
  return isRemoval(value)
    ? { ok: true, value }
    : { ok: false, problems: [{ path: 'type', message: 'is another deed' }] };
}

/** Reads a stored event, or says why it cannot be read. */
export function parseStoredEvent({ seq, type, data }: Pick<EventRow, 'seq' | 'type' | 'data'>): FoldedEvent | string {
  const json = parseJson(data);
  if (json === undefined) return `event ${seq} cannot be read: it is no JSON`;
  const parsed = parserOf(type)(json);
  if (parsed.ok) return { seq: BigInt(seq), event: parsed.value };
  return `event ${seq} cannot be read: ${parsed.problems.map(describeProblem).join('; ')}`;
}
