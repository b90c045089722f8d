// Takes the deeds that others noted in Postgres into the history: reads the notes and makes their rows.
import type { ClientBase } from 'pg';
import type { DeedEvent } from '#libs/events/deed-event.ts';
import { parseDeedEvent } from '#libs/events/parse-deed-event.ts';
import { describeProblem } from '#libs/gateway/problem.ts';
import type { Logger } from '#libs/runtime/log.ts';
import { type CommitRows, buildCommitRows, deedRow, noChange } from './commit-rows.ts';

const deedsMax = 500;

/** Reads the notes in the order in which they were written; one that cannot be read is told and left where it is. */
export async function readNotedDeeds(client: ClientBase, log: Logger): Promise<readonly DeedEvent[]> {
  const { rows } = await client.query<{ id: string; data: string }>(
    'select id, data from deeds order by noted_at, id limit $1',
    [deedsMax],
  );
  return rows.flatMap(({ id, data }) => {
    const parsed = parseDeedEvent(JSON.parse(data));
    if (parsed.ok) return [parsed.value];
    log.error({ deed: id, problems: parsed.problems.map(describeProblem) }, 'a note of a deed cannot be read');
    return [];
  });
}

/** Makes the rows of one transaction that appends the events and takes the notes away. */
export function buildDeedRows(
  events: readonly { readonly seq: bigint; readonly event: DeedEvent }[],
  deedsTaken: readonly string[],
): CommitRows {
  const batch = events.at(-1)?.seq.toString() ?? '';
  const rows = events.map(({ seq, event }) => deedRow(seq, batch, event));
  return { ...buildCommitRows([], [], noChange), events: rows, deedsTaken };
}
