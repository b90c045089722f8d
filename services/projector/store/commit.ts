// Writes one transaction of the projector as one SQL statement: fence, events, what is known now, versions, statuses,
// discovery, checkpoint, notice. It costs one round trip and one flush. A writer whose epoch is over changes nothing
// and learns it from the empty answer.
import type { ClientBase } from 'pg';
import { sections } from './sections/commit-sections.ts';
import type { Cell, Section, WrittenRows } from './sections/section.ts';

/** Says that another projector has raised the epoch: this one must write no more. */
export class FenceLost extends Error {
  override readonly name = 'FenceLost';
}

/**
 * Says how far the stream has been read: the stream's creation time tells one stream from its successor, and the time
 * at which the last message was stored (nanoseconds since 1970; null = not known) tells it from an older copy of
 * itself.
 */
export interface Checkpoint {
  readonly streamCreated: string | null;
  readonly streamSeq: number;
  readonly storedAt: string | null;
}

/**
 * Writes the rows and the checkpoint under the epoch, all or nothing; answers the commit number. Events go with what
 * they add to the log. Throws FenceLost.
 */
export async function commit(
  client: ClientBase,
  fence: { readonly epoch: string; readonly checkpoint: Checkpoint; readonly recordedAt: Date },
  rows: WrittenRows,
): Promise<string> {
  const { streamCreated, streamSeq, storedAt } = fence.checkpoint;
  const { name, text, values } = buildStatement(
    [streamCreated, streamSeq, fence.epoch, fence.recordedAt, storedAt],
    rows,
  );
  const result = await client.query<{ commit: string }>({ name, text, values });
  const [row] = result.rows;
  if (row === undefined) throw new FenceLost(`epoch ${fence.epoch} is over`);
  return row.commit;
}

/** Moves the checkpoint over messages that said nothing new. Throws FenceLost. */
export async function commitCheckpoint(client: ClientBase, epoch: string, checkpoint: Checkpoint): Promise<void> {
  const result = await client.query({
    name: 'projector_checkpoint',
    text: `update projector set stream_created = $1, stream_seq = $2, stream_stored_at = $4
            where id = 1 and epoch = $3`,
    values: [checkpoint.streamCreated, checkpoint.streamSeq, epoch, checkpoint.storedAt],
  });
  if (result.rowCount === 0) throw new FenceLost(`epoch ${epoch} is over`);
}

// The set of sections with rows decides the text: few sets occur, so each is prepared once per connection.
function buildStatement(
  fence: readonly unknown[],
  rows: WrittenRows,
): { name: string; text: string; values: readonly unknown[] } {
  const { log } = rows;
  const expressions: string[] = [];
  const values = log === undefined ? [...fence] : [...fence, log.size, log.root];
  let present = 0;
  for (const [index, section] of sections.entries()) {
    const columns = toColumns(section, rows);
    if (columns === undefined) continue;
    present += 2 ** index;
    expressions.push(`${section.name} as (${sectionText(section, values.length + 1)})`);
    values.push(...columns);
  }
  const logged = log === undefined ? '' : ', log_size = $6, log_root = $7';
  // Postgres takes names of 63 bytes, fewer than the numbers of all sections have.
  const name = `${log === undefined ? 'projector_commit' : 'projector_append'}_${present.toString(36)}`;
  const fenced = `fence as (
    update projector set commit = commit + 1, stream_created = $1, stream_seq = $2, stream_stored_at = $5${logged}
     where id = 1 and epoch = $3
    returning commit, $4::timestamptz as recorded_at)`;
  const text = `with ${[fenced, ...expressions].join(', ')}
    select commit::text as commit, pg_notify('fleetgate_commit', commit::text) from fence`;
  return { name, text, values };
}

function sectionText(section: Section, parameter: number): string {
  const columns = Object.entries(section.columns);
  const arrays = columns.map(([, type], index) => `$${parameter + index}::${type}[]`);
  const rows = `fence, unnest(${arrays.join(', ')}) as r(${columns.map(([name]) => name).join(', ')})`;
  return section.sql.replace(':rows', () => rows).replace(':at', 'fence.recorded_at');
}

/** Turns the rows into one array per column; undefined = there are no rows. */
function toColumns(section: Section, rows: WrittenRows): readonly Cell[][] | undefined {
  const columns: Cell[][] = Object.keys(section.columns).map(() => []);
  let some = false;
  for (const row of section.rows(rows)) {
    some = true;
    for (const [index, cell] of row.entries()) columns[index]?.push(cell);
  }
  return some ? columns : undefined;
}
