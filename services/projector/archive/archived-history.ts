// Opens what left the database, for whoever folds the whole history.
import type { ClientBase } from 'pg';
import { openPlace } from '../places/open-place.ts';
import type { ArchivedHistory, EventRow } from '../store/history.ts';
import { archivedEvents, beyondDatabase, readArchived } from './archived-events.ts';
import type { ArchivedEvent } from './bundle.ts';

interface OpenedArchive extends ArchivedHistory {
  /** The events with their leaves. */
  readonly leaves: () => AsyncIterable<readonly ArchivedEvent[]>;
}

/** Opens the place that is named; undefined = nothing left. Throws FleetgateError 'archive' where none is named. */
export async function openArchivedHistory(
  client: ClientBase,
  name: string | undefined,
): Promise<OpenedArchive | undefined> {
  const archived = await readArchived(client);
  if (archived.last === 0) return undefined;
  if (name === undefined) throw beyondDatabase(archived);
  const place = openPlace(name, process.env);
  return {
    last: archived.last,
    async *rows() {
      for await (const events of archivedEvents(place, archived.last)) yield events.map(toRow);
    },
    leaves: () => archivedEvents(place, archived.last),
  };
}

function toRow({ seq, batch, type, recordedAt, data }: ArchivedEvent): EventRow {
  return { seq: String(seq), batch: String(batch), type, recorded_at: new Date(recordedAt), data };
}
