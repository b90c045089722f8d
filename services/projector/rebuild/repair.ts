// Repairs an event that cannot be read. Nothing is updated or deleted: a deed is noted, the projector appends it, and
// from then on the event is read as the deed says, or says nothing.
import type { ClientBase } from 'pg';
import type { DeedEvent } from '#libs/events/deed-event.ts';
import { isRecord } from '#libs/gateway/fields/record.ts';
import { hashObject } from '#libs/gateway/object-hash.ts';
import type { KubeObject } from '#libs/gateway/object.ts';
import { fail } from '#libs/runtime/errors.ts';
import { localDoer, noteDeedBy } from '#libs/runtime/postgres/deeds.ts';
import { parseStoredEvent } from '../store/history.ts';

/** What a deed's reason may have. */
const reasonMax = 4096;

/**
 * Notes the repair of event `seq` and says what it comes to. Throws FleetgateError 'event-readable' where there is
 * nothing to repair, 'not-found' where there is no such event, 'event-unreadable' where it cannot be mended and is not
 * to be set aside.
 */
export async function repairEvent(
  client: ClientBase,
  { seq, setAside, reason }: { readonly seq: number; readonly setAside: boolean; readonly reason: string | undefined },
): Promise<string> {
  const { rows } = await client.query<{ seq: string; type: string; data: string }>(
    'select seq, type, data from events where seq = $1',
    [seq],
  );
  const [row] = rows;
  if (row === undefined) throw fail('not-found', `event ${seq}`, { hint: 'See `fleetgate rebuild --verify`.' });
  const problem = parseStoredEvent(row);
  if (typeof problem !== 'string') throw fail('event-readable', `event ${seq}`);
  const repaired = mend(row.data);
  const left = repaired === undefined ? problem : parseStoredEvent({ ...row, data: repaired });
  if (typeof left === 'string' && !setAside) throw fail('event-unreadable', left);
  const deed: DeedEvent = {
    v: 1,
    type: 'event-repaired',
    id: `event-repaired:${seq}:${new Date().toISOString()}`,
    at: new Date().toISOString(),
    subject: String(seq),
    reason: (reason ?? problem).slice(0, reasonMax),
    ...(typeof left === 'string' || repaired === undefined ? {} : { repaired }),
    ...localDoer(),
  };
  await noteDeedBy(client, deed);
  return deed.repaired === undefined
    ? `event ${seq} will be set aside, as soon as a projector leads: ${problem}`
    : `event ${seq} will be read with the hash of its object, as soon as a projector leads: ${problem}`;
}

/** Gives the text of an event with the hash that its object has; undefined where it is no object. */
function mend(data: string): string | undefined {
  try {
    const json: unknown = JSON.parse(data);
    if (!isRecord(json)) return undefined;
    const { object } = json;
    return JSON.stringify({ ...json, hash: isKubeObject(object) ? hashObject(object) : '' });
  } catch {
    return undefined;
  }
}

function isKubeObject(value: unknown): value is KubeObject {
  return isRecord(value) && isRecord(value['metadata']);
}
