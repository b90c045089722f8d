// Reads the history as it was folded: its events in order, transaction by transaction, streamed.
import type { ClientBase } from 'pg';
import { deedTypes } from '#libs/events/deed-event.ts';
import { isDone } from '#libs/events/operator-event.ts';
import { parseChangeEvent } from '#libs/events/parse-change-event.ts';
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
}

type EventRow = Pick<Row<'events'>, 'seq' | 'batch' | 'type' | 'recorded_at' | 'data'>;

/** They change no version: what was done to the fleet itself, and what became of nodes. */
const unfoldedTypes: readonly string[] = [...deedTypes, 'node-left'];
const commandTypes = new Set(['rollback', 'release', 'accept']);

/**
 * Gives every transaction of the history, from the first; those after event `lastSeq` are left out, and the one that
 * holds it ends with it. What changes nothing is left out, and what cannot be read is named. The client must be in a
 * transaction.
 */
export async function* historyBatches(client: ClientBase, lastSeq?: string): AsyncGenerator<HistoryBatch> {
  let batch = newBatch('', '');
  const until = lastSeq === undefined ? '' : 'and seq <= $2';
  const query = `
    select seq, batch, type, recorded_at, data from events where type <> all($1) ${until} order by seq`;
  const values = lastSeq === undefined ? [unfoldedTypes] : [unfoldedTypes, lastSeq];
  for await (const rows of pagesOf<EventRow>(client, query, values)) {
    for (const row of rows) {
      if (row.batch !== batch.seq) {
        if (!isEmpty(batch)) yield batch;
        batch = newBatch(row.batch, row.recorded_at.toISOString());
      }
      const event = parseStoredEvent(row);
      if (typeof event === 'string') batch.unreadable.push(event);
      else batch.folded.push(event);
    }
  }
  if (!isEmpty(batch)) yield batch;
}

type GrowingBatch = HistoryBatch & { readonly folded: FoldedEvent[]; readonly unreadable: string[] };

function newBatch(seq: string, recordedAt: string): GrowingBatch {
  return { seq, recordedAt, folded: [], unreadable: [] };
}

function isEmpty({ folded, unreadable }: HistoryBatch): boolean {
  return folded.length === 0 && unreadable.length === 0;
}

/** Reads from what is stored the contents that a batch's rollbacks go back to. */
export async function contentsFor(client: ClientBase, { folded }: Pick<HistoryBatch, 'folded'>): Promise<ContentOf> {
  const contents = new Map<string, VersionContent>();
  for (const { event } of folded) {
    if (event.type !== 'rollback' || event.to === null || !isDone(event)) continue;
    const content = await readVersionContent(client, event.gateway, event.to);
    if (content !== undefined) contents.set(`${event.gateway} ${event.to}`, content);
  }
  return (gateway, version) => {
    const content = contents.get(`${gateway} ${version}`);
    if (content === undefined) throw new Error(`version ${version} of ${gateway} is not stored`);
    return content;
  };
}

function parserOf(type: string): (json: unknown) => Parsed<FoldedEvent['event']> {
  if (type === 'restored') return parseRestoreEvent;
  return commandTypes.has(type) ? parseOperatorEvent : parseChangeEvent;
}

/** Reads a stored event, or says why it cannot be read. */
function parseStoredEvent({ seq, type, data }: EventRow): FoldedEvent | string {
  const json = parseJson(data);
  if (json === undefined) return `event ${seq} cannot be read: it is no JSON`;
  const parsed = parserOf(type)(json);
  if (parsed.ok) return { seq: BigInt(seq), event: parsed.value };
  return `event ${seq} cannot be read: ${parsed.problems.map(describeProblem).join('; ')}`;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
