// Tells what one change ran: an event of a fleet's history, or an object of a folder of manifests that comes last.
import type { ClientBase } from 'pg';
import type { EngineRecord } from '#libs/derivation/recorder.ts';
import { erasedName, privateIdsIn, replacePrivateIds } from '#libs/events/private-text.ts';
import { toLocalKey, toObjectKey } from '#libs/gateway/object-key.ts';
import { Projection } from '#libs/projection/projection.ts';
import type { FoldedEvent, ProjectionChange } from '#libs/projection/versions/projection-change.ts';
import { fail } from '#libs/runtime/errors.ts';
import { type ReplayOptions, type WantedEvent, replayEvent } from '../../projector/replay/replay.ts';
import { withClient } from '../../projector/store/one-client.ts';
import { noLimits, noVersion, readFolderEvents, toBatch, type WrittenEvent } from '../manifests/folder-events.ts';
import { type ObjectName, objectNameText } from '../names/object-name.ts';

export interface StagesReport extends EngineRecord {
  /** Says in words what was folded. */
  readonly change: string;
  /** The event's number in the history; null = it is of manifests. */
  readonly seq: string | null;
  /** How many events were folded before, unrecorded. */
  readonly before: number;
  readonly versions: readonly { readonly gateway: string; readonly version: number; readonly changes: number }[];
  /** Keys of the objects whose status changed. */
  readonly statuses: readonly string[];
  /** Keys of what changed beside the versions: endpoints, TLS material, CA certificates. */
  readonly discovery: readonly string[];
}

/** Replays an event of the history. Throws FleetgateError 'postgres-unreachable' or 'not-found'. */
export async function historyStages(
  databaseUrl: string,
  wanted: WantedEvent,
  options: ReplayOptions,
): Promise<StagesReport> {
  return withClient({ url: databaseUrl, name: 'fleetgate stages' }, async (client) => {
    const { seq, event, before, record, change } = await replayEvent(client, wanted, options);
    const said = await revealed(client, describe(event));
    return { change: `event ${seq}: ${said}`, seq, before, ...outcome(change), ...record };
  });
}

/**
 * Folds a folder of manifests as one cluster: all at once, or first the others and then, recorded, the object `last`.
 * `now` gives milliseconds. Throws FleetgateError 'folder' or 'not-found'.
 */
export async function manifestStages(
  folder: string,
  cluster: string,
  last: ObjectName | undefined,
  now: () => number,
): Promise<StagesReport> {
  const { written } = await readFolderEvents(folder, cluster);
  const isLast = ({ event }: WrittenEvent): boolean => last === undefined || toLocalKey(event) === toLocalKey(last);
  const [earlier, recorded] = [written.filter((one) => !isLast(one)), written.filter(isLast)];
  if (last !== undefined && recorded.length === 0)
    throw fail('not-found', `the manifests in ${folder} have no ${objectNameText({ ...last, cluster })}`, {
      hint: 'Name an object of the folder: Kind/namespace/name.',
    });
  const projection = new Projection({ limits: noLimits });
  projection.apply(toBatch(earlier), noVersion);
  const batch = toBatch(recorded, earlier.length + 1);
  const { value, record } = projection.record(now, () => projection.apply(batch, noVersion));
  const what =
    last === undefined ? `all of ${folder}, as cluster ${cluster}` : `applied ${objectNameText({ ...last, cluster })}`;
  return { change: what, seq: null, before: earlier.length, ...outcome(value), ...record };
}

function outcome({
  versions,
  statuses,
  discovery,
}: ProjectionChange): Pick<StagesReport, 'versions' | 'statuses' | 'discovery'> {
  return {
    versions: versions.map(({ gateway, version, changes }) => ({ gateway, version, changes: changes.length })),
    statuses: statuses.map(toObjectKey),
    discovery: discovery.map(({ key }) => key),
  };
}

/** Names people: who reads the database may read their names there. */
async function revealed(client: ClientBase, text: string): Promise<string> {
  const { rows } = await client.query<{ id: string; text: string }>(
    'select id, text from private_texts where id = any($1)',
    [privateIdsIn(text)],
  );
  const texts = new Map(rows.map((row) => [row.id, row.text]));
  return replacePrivateIds(text, (id) => texts.get(id) ?? erasedName(id));
}

function describe(event: FoldedEvent['event']): string {
  if (event.type === 'restored') return `restored at ${event.at}: ${event.reason}`;
  if (event.type === 'cluster-removed') return `${event.reason}, at ${event.at}`;
  if (!('kind' in event)) return `${event.type} of ${event.gateway} by ${event.actor.name} at ${event.at}`;
  const by = event.actor === null ? '' : ` by ${event.actor.manager}`;
  return `${event.type} ${objectNameText(event)}${by} at ${event.at}`;
}
