// For tests: computes the log of the history anew from the rows of events, and names what is stored of it otherwise.
import type { ClientBase } from 'pg';
import { leafOfEvent } from '#libs/events/event-leaf.ts';
import { type LoggedRow, loggedColumns, toLoggedEvent } from '#libs/runtime/postgres/logged-events.ts';
import { emptyFrontier, extendFrontier, rootOf } from '#libs/tlog/frontier.ts';
import { hashLeaf } from '#libs/tlog/tree-hash.ts';

interface StoredTile {
  readonly level: number;
  readonly index: string;
  readonly hashes: Buffer;
}

/** Compares; none when everything fits. */
export async function logDifferences(client: ClientBase): Promise<readonly string[]> {
  const { rows } = await client.query<LoggedRow & { leaf: Buffer }>(
    `select ${loggedColumns}, leaf from events order by seq`,
  );
  const differences: string[] = [];
  const leaves = rows.map((row, index) => {
    const leaf = hashLeaf(leafOfEvent(toLoggedEvent(row)));
    if (Number(row.seq) !== index + 1) differences.push(`event ${row.seq} is number ${index + 1}`);
    if (!leaf.equals(row.leaf)) differences.push(`event ${row.seq} has another leaf`);
    return leaf;
  });
  const { frontier, tiles } = extendFrontier(emptyFrontier, leaves);
  const projector = await client.query<{ log_size: string; log_root: Buffer }>(
    'select log_size, log_root from projector',
  );
  const [stored] = projector.rows;
  if (Number(stored?.log_size) !== frontier.size) differences.push(`size ${stored?.log_size}, not ${frontier.size}`);
  if (stored?.log_root.equals(rootOf(frontier)) !== true) differences.push('another root');
  const found = await client.query<StoredTile>('select level, index, hashes from log_tiles');
  const byPlace = new Map(found.rows.map(({ level, index, hashes }) => [`${level}/${index}`, hashes]));
  for (const { level, index, hashes } of tiles) {
    if (byPlace.get(`${level}/${index}`)?.equals(hashes) !== true) differences.push(`another tile ${level}/${index}`);
    byPlace.delete(`${level}/${index}`);
  }
  for (const place of byPlace.keys()) differences.push(`tile ${place} is not full`);
  return differences;
}
