// Reads the fields of an object, each with the event that gave it its value.
import type { Kysely } from 'kysely';
import type { z } from 'zod';
import type { objectBlame } from '#libs/api/models/history.ts';
import { isRecord } from '#libs/gateway/fields/record.ts';
import type { ObjectName } from '#libs/gateway/object-key.ts';
import type { Database } from '#libs/runtime/postgres/database.ts';
import { Blame } from './blame.ts';
import { objectOf, readObjectEvents, toEvent } from './events.ts';

const pageSize = 200;
const pagesMax = 50;

type EventRow = Awaited<ReturnType<typeof readObjectEvents>>[number];

/** Reads back from the newest event to the last one that is needed; undefined = the object was never there. */
export async function readBlame(
  db: Kysely<Database>,
  name: ObjectName,
): Promise<z.input<typeof objectBlame> | undefined> {
  let before: string | undefined;
  let blame: Blame<EventRow> | undefined;
  let deleted = false;
  for (let page = 0; page < pagesMax && blame?.isDone !== true; page++) {
    const rows = await readObjectEvents(db, name, before, pageSize);
    for (const row of rows.slice(0, pageSize)) {
      if (row.type === 'deleted' && blame === undefined) {
        deleted = true;
        blame = new Blame<EventRow>(objectOf(row.previous));
      } else if (row.type === 'applied') {
        const object = objectOf(row.data);
        const previous = objectOf(row.previous);
        blame ??= new Blame<EventRow>(object);
        // Another object of the name gave this one nothing.
        blame.take(row, uidOf(previous) === uidOf(object) ? previous : undefined);
      }
    }
    if (rows.length <= pageSize) break;
    before = rows[pageSize - 1]?.seq;
  }
  if (blame === undefined) return undefined;
  const fields = blame.fields().map(({ path, value, event }) => ({
    path,
    value,
    event: event === undefined ? null : toEvent(event),
  }));
  return { deleted, fields };
}

function uidOf({ metadata }: Readonly<Record<string, unknown>>): unknown {
  return isRecord(metadata) ? metadata['uid'] : undefined;
}
