// Streams the events that left the database from where they went, in their order.
import type { ClientBase } from 'pg';
import { fail } from '#libs/runtime/errors.ts';
import { tileWidth } from '#libs/tlog/tiles.ts';
import type { LogPlace } from '../places/place.ts';
import { type ArchivedEvent, findBundle, readBundle } from './bundle.ts';

/** Names what left the database: events from 1 to `last`, in the place of the newest part. */
interface ArchivedRange {
  /** 0 = nothing left. */
  readonly last: number;
  readonly place: string;
  /** When the newest of them was recorded at the latest. */
  readonly at: string;
}

/** Reads how far the history was archived. */
export async function readArchived(client: Pick<ClientBase, 'query'>): Promise<ArchivedRange> {
  const { rows } = await client.query<{ last: string; place: string; at: Date }>(
    'select last, place, at from archives order by first desc limit 1',
  );
  const [row] = rows;
  return row === undefined
    ? { last: 0, place: '', at: '' }
    : { last: Number(row.last), place: row.place, at: row.at.toISOString() };
}

/** Gives the events up to a number, or all that there are, from the first or from another; 256 at a time. */
export async function* archivedEvents(
  place: LogPlace,
  last: number,
  from = 1,
): AsyncGenerator<readonly ArchivedEvent[]> {
  for (let index = Math.floor((from - 1) / tileWidth); index * tileWidth < last; index++) {
    const events = await (last === Number.MAX_SAFE_INTEGER ? findBundle : readBundle)(place, index);
    if (events === undefined) return;
    yield events.filter(({ seq }) => seq >= from && seq <= last);
  }
}

/** Says that a question needs what left the database. */
export function beyondDatabase({ last, place }: ArchivedRange): Error {
  return fail('archive', `events 1 to ${last} are in the archive ${place}`, {
    hint: `Give --archive ${place === '' ? 'PLACE' : place}.`,
  });
}
