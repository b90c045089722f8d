// Keeps the right edge of the log of the history: a Merkle tree whose leaves are the events, as libs/tlog has it. What
// a transaction appends is a leaf for each event, the tiles that they fill, and the new size and root.
//
// When it is opened, the edge is read from what is stored, and compared with it. What does not fit is told, and the log
// goes on from the rows: whoever holds an older checkpoint sees that they are not what they were.
import assert from 'node:assert/strict';
import type { ClientBase } from 'pg';
import { leafOfEvent } from '#libs/events/event-leaf.ts';
import {
  type Frontier,
  type FullTile,
  edgeSources,
  emptyFrontier,
  extendFrontier,
  restoreFrontier,
  rootOf,
} from '#libs/tlog/frontier.ts';
import { hashBytes, hashLeaf } from '#libs/tlog/tree-hash.ts';
import type { Row } from '#libs/runtime/postgres/database.ts';
import { type LoggedRow, loggedColumns, toLoggedEvent } from '#libs/runtime/postgres/logged-events.ts';
import type { CommitRows } from './commit-rows.ts';

/** What the events of one transaction add to the log. */
export interface LogGrowth {
  /** Of each event, in their order. */
  readonly leaves: readonly Uint8Array[];
  readonly tiles: readonly FullTile[];
  /** How many events there are with them. */
  readonly size: number;
  readonly root: Uint8Array;
}

const tileBytes = 256 * hashBytes;
const problemsMax = 10;

/** Knows the right edge. What it gives must be written in its order, or it must be thrown away. */
export class EventLog {
  /** Sentences about what is stored and is not what was appended. */
  readonly problems: readonly string[];
  #frontier: Frontier;

  constructor(frontier: Frontier = emptyFrontier, problems: readonly string[] = []) {
    this.#frontier = frontier;
    this.problems = problems;
  }

  /** Reads the edge. Nothing else may append meanwhile. */
  static async open(client: ClientBase): Promise<EventLog> {
    const { rows } = await client.query<Pick<Row<'projector'>, 'log_size' | 'log_root'> & { readonly last: string }>(
      `select log_size, log_root, (select coalesce(max(seq), 0) from events) as last from projector where id = 1`,
    );
    const [logged] = rows;
    if (logged === undefined) throw new Error('the table projector is empty');
    const [recorded, last] = [Number(logged.log_size), Number(logged.last)];
    const problems: string[] = [];
    if (recorded !== last) problems.push(`the log has ${recorded} events, and the last that is stored is ${last}`);
    // A number that was given is not given again, whatever became of its event.
    const size = Math.max(recorded, last);
    const frontier = await readEdge(client, size, problems);
    const root = Buffer.from(rootOf(frontier));
    if (recorded === last && !root.equals(logged.log_root))
      problems.push(
        `the root of ${size} events is ${root.toString('hex')}, and was ${logged.log_root.toString('hex')}`,
      );
    return new EventLog(frontier, problems.slice(0, problemsMax));
  }

  /** Counts the events. */
  get size(): number {
    return this.#frontier.size;
  }

  /** Appends events; undefined where there are none. */
  append(events: CommitRows['events'], recordedAt: Date): LogGrowth | undefined {
    const [first] = events;
    if (first === undefined) return undefined;
    assert.equal(Number(first.seq), this.size + 1, 'events are numbered without a gap');
    const recorded = recordedAt.toISOString();
    const leaves = events.map((event) => hashLeaf(leafOfEvent({ ...wellFormed(event), recordedAt: recorded })));
    const { frontier, tiles } = extendFrontier(this.#frontier, leaves);
    this.#frontier = frontier;
    return { leaves, tiles, size: frontier.size, root: rootOf(frontier) };
  }
}

type EventRow = CommitRows['events'][number];

/** Gives the row as Postgres keeps it, which has no lone surrogates. JSON text has none either way. */
function wellFormed(row: EventRow): EventRow {
  return {
    ...row,
    id: row.id.toWellFormed(),
    cluster: row.cluster.toWellFormed(),
    kind: row.kind.toWellFormed(),
    namespace: row.namespace.toWellFormed(),
    name: row.name.toWellFormed(),
    uid: row.uid.toWellFormed(),
    manager: row.manager?.toWellFormed() ?? null,
    operation: row.operation?.toWellFormed() ?? null,
  };
}

async function readEdge(client: ClientBase, size: number, problems: string[]): Promise<Frontier> {
  const { leaves: count, tiles: runs } = edgeSources(size);
  const leaves = await readLeaves(client, { from: size - count + 1, to: size }, problems);
  const tiles: Pick<FullTile, 'level' | 'hashes'>[] = [];
  for (const { level, first, count: tileCount } of runs) {
    const { rows } = await client.query<Pick<Row<'log_tiles'>, 'index' | 'hashes'>>(
      'select index, hashes from log_tiles where level = $1 and index >= $2 and index < $3',
      [level, first, first + tileCount],
    );
    const byIndex = new Map(rows.map(({ index, hashes }) => [Number(index), hashes]));
    for (let index = first; index < first + tileCount; index++) {
      const hashes = byIndex.get(index);
      if (hashes?.length !== tileBytes) problems.push(`tile ${index} of level ${level} of the log is missing`);
      tiles.push({ level, hashes: hashes?.length === tileBytes ? hashes : Buffer.alloc(tileBytes) });
    }
  }
  return restoreFrontier(size, leaves, tiles);
}

/** Gives the hash of each leaf, as it was stored; zeros stand for one that is missing. */
async function readLeaves(
  client: ClientBase,
  { from, to }: { readonly from: number; readonly to: number },
  problems: string[],
): Promise<readonly Uint8Array[]> {
  const { rows } = await client.query<LoggedRow & { readonly leaf: Buffer }>(
    `select ${loggedColumns}, leaf from events where seq between $1 and $2`,
    [from, to],
  );
  const bySeq = new Map(rows.map((row) => [Number(row.seq), row]));
  const leaves: Uint8Array[] = [];
  for (let seq = from; seq <= to; seq++) {
    const row = bySeq.get(seq);
    if (row === undefined) problems.push(`event ${seq} is missing`);
    else if (!hashLeaf(leafOfEvent(toLoggedEvent(row))).equals(row.leaf))
      problems.push(`event ${seq} is not what it was when it was appended`);
    leaves.push(row === undefined || row.leaf.length !== hashBytes ? Buffer.alloc(hashBytes) : row.leaf);
  }
  return leaves;
}
