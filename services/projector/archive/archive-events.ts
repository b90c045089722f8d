// Moves old events into an archive: bundles are written, read back, and compared with the tree of the log; only then
// do the rows leave, some thousands in one transaction with a deed that says so.
import type { ClientBase } from 'pg';
import { fail } from '#libs/runtime/errors.ts';
import { localDoer, noteDeedBy } from '#libs/runtime/postgres/deeds.ts';
import { type LoggedRow, loggedColumns } from '#libs/runtime/postgres/logged-events.ts';
import { tileWidth } from '#libs/tlog/tiles.ts';
import type { LogPlace } from '../places/place.ts';
import { EventLog } from '../store/event-log.ts';
import { readArchived } from './archived-events.ts';
import { readBundle, writeBundle } from './bundle.ts';

/** Bundles whose rows leave in one transaction. */
const bundlesMax = 32;

/** Says what left. */
interface EventsArchived {
  readonly first: number;
  readonly last: number;
  /** Rows that are not in the database any more; the others stay, because something needs them. */
  readonly gone: number;
}

/** Archives the events that were recorded before `before`; undefined where no whole bundle is. */
export async function archiveEvents(
  client: ClientBase,
  place: LogPlace,
  before: Date,
  onProgress: (last: number) => void,
): Promise<EventsArchived | undefined> {
  const { problems, size } = await EventLog.open(client);
  if (problems[0] !== undefined) throw fail('log-differs', problems[0]);
  const { rows } = await client.query<{ last: string | null }>(
    'select max(seq) as last from event_index where recorded_at < $1',
    [before],
  );
  const first = (await readArchived(client)).last + 1;
  const old = Math.min(Number(rows[0]?.last ?? 0), size - tileWidth);
  const last = Math.floor(old / tileWidth) * tileWidth;
  if (last < first) return undefined;
  let gone = 0;
  for (let from = first; from <= last; from += bundlesMax * tileWidth) {
    const to = Math.min(from + bundlesMax * tileWidth - 1, last);
    for (let index = (from - 1) / tileWidth; index * tileWidth < to; index++) await keepBundle(client, place, index);
    await place.seal(`events ${from} to ${to}`);
    gone += await drop(client, place, from, to);
    onProgress(to);
  }
  return { first, last, gone };
}

/** Writes a bundle, and compares what can be read of it with the tree. */
async function keepBundle(client: ClientBase, place: LogPlace, index: number): Promise<void> {
  const first = index * tileWidth + 1;
  const { rows } = await client.query<LoggedRow>(
    `select ${loggedColumns} from events where seq between $1 and $2 order by seq`,
    [first, first + tileWidth - 1],
  );
  if (rows.length !== tileWidth)
    throw fail('log-differs', `an event of ${first} to ${first + tileWidth - 1} is missing`);
  await writeBundle(place, index, rows);
  const tiles = await client.query<{ hashes: Buffer }>('select hashes from log_tiles where level = 0 and index = $1', [
    index,
  ]);
  const kept = Buffer.concat((await readBundle(place, index)).map(({ hash }) => hash));
  if (tiles.rows[0]?.hashes.equals(kept) !== true)
    throw fail('log-differs', `events ${first} to ${first + tileWidth - 1} are not those of the log`);
}

async function drop(client: ClientBase, place: LogPlace, from: number, to: number): Promise<number> {
  await client.query('begin');
  try {
    const { rows } = await client.query<{ gone: string; root: string }>(
      `select archive_events($1, $2, $3) as gone, (select encode(log_root, 'hex') from projector where id = 1) as root`,
      [from, to, place.name],
    );
    const gone = Number(rows[0]?.gone ?? 0);
    await noteDeedBy(client, {
      v: 1,
      type: 'history-archived',
      id: `history-archived:${from}-${to}`,
      at: new Date().toISOString(),
      subject: `${from}-${to}`,
      reason: `moved events ${from} to ${to} into ${place.name}, of the log with the root ${rows[0]?.root}`,
      ...localDoer(),
    });
    await client.query('commit');
    return gone;
  } catch (error) {
    await client.query('rollback');
    throw error;
  }
}
