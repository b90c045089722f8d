// Builds the rows that one transaction writes from folded events, before any SQL.
import type { ChangeEvent } from '#libs/events/change-event.ts';
import { type DeedEvent, deedKinds } from '#libs/events/deed-event.ts';
import type { NodeEvent } from '#libs/events/node-event.ts';
import { changeMessageId } from '#libs/events/subjects.ts';
import type { OperatorEvent } from '#libs/events/operator-event.ts';
import type { RestoreEvent } from '#libs/events/restore-event.ts';
import type { FoldedEvent, ProjectionChange } from '#libs/projection/versions/projection-change.ts';
import type { NewVersion } from '#libs/projection/versions/gateway-head.ts';
import { type Origin, originOf } from './origin.ts';
import type { EventRow } from './event-row.ts';
import { type FactRows, changesOf } from './facts.ts';
import type { PrivateText } from './private-texts.ts';
import { type MentionRows, noMentions } from './mention-rows.ts';
import { parsePlaceKey, toObjectKey } from '#libs/gateway/object-key.ts';

interface ObjectKey {
  readonly cluster: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

interface ObjectRow extends ObjectKey {
  readonly uid: string;
  readonly hash: string;
  readonly seq: string;
  readonly manager: string | null;
  readonly operation: string | null;
  readonly at: string;
  /** Canonical JSON of the object. */
  readonly data: string;
}

interface SliceRow {
  readonly cluster: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly hash: string;
  readonly resourceVersion: string;
  readonly data: string;
}

export interface VersionRow extends NewVersion, Origin {
  /** Sequence number of the last event that was folded into it. */
  readonly seq: string;
  /** When it was made; null = with this transaction. */
  readonly at: string | null;
}

interface ChangedCluster {
  readonly name: string;
  readonly shown: string | null;
  readonly removedAt: string | null;
}

export interface CommitRows extends FactRows {
  readonly clusters: readonly { readonly name: string; readonly uid: string }[];
  /** Clusters that are shown by another name from now on, were removed, or taken on again. */
  readonly changedClusters: readonly ChangedCluster[];
  /** Clusters that an event removes: of what is known of them nothing stays. */
  readonly emptiedClusters: readonly { readonly cluster: string; readonly seq: string }[];
  readonly events: readonly EventRow[];
  readonly objects: readonly ObjectRow[];
  readonly objectsGone: readonly ObjectKey[];
  readonly slices: readonly SliceRow[];
  readonly slicesGone: readonly ObjectKey[];
  readonly versions: readonly VersionRow[];
  readonly entries: ProjectionChange['entries'];
  readonly gateways: ProjectionChange['gateways'];
  readonly statuses: ProjectionChange['statuses'];
  readonly discovery: ProjectionChange['discovery'];
  /** Texts about people that the events name for the first time. */
  readonly privateTexts: readonly PrivateText[];
  /** What objects begin and cease to mention. */
  readonly mentions: MentionRows;
  /** Ids of the notes whose deeds are in the history with this transaction. */
  readonly deedsTaken: readonly string[];
}

export const noChange: ProjectionChange = {
  versions: [],
  entries: new Map(),
  gateways: [],
  statuses: [],
  discovery: [],
};

/**
 * Makes the rows of folded events and slices, with what the projection made of them. An object's last event in the
 * batch is what is kept.
 */
export function buildCommitRows(
  folded: readonly FoldedEvent[],
  slices: readonly ChangeEvent[],
  change: ProjectionChange,
  clusters: CommitRows['clusters'] = [],
): CommitRows {
  const batch = folded.at(-1)?.seq.toString() ?? '';
  const objects = new Map<string, { row: ObjectRow; gone: boolean }>();
  const ids = new Set<string>();
  const events = folded.map(({ seq, event }) => {
    if (event.type === 'restored') return restoreRow(seq, batch, event);
    if (event.type === 'cluster-removed') return deedRow(seq, batch, event);
    if (!('object' in event)) return operatorRow(seq, batch, event);
    objects.set(toObjectKey(event), { row: objectRow(seq, event), gone: event.object === null });
    return changeRow(seq, batch, event, ids);
  });
  const lastSlices = new Map(slices.map((slice) => [toObjectKey(slice), slice]));
  const kept = [...objects.values()];
  return {
    clusters,
    changedClusters: [],
    emptiedClusters: [],
    events,
    objects: kept.filter(({ gone }) => !gone).map(({ row }) => row),
    objectsGone: kept.filter(({ gone }) => gone).map(({ row }) => row),
    slices: [...lastSlices.values()].filter(({ object }) => object !== null).map(sliceRow),
    slicesGone: [...lastSlices.values()].filter(({ object }) => object === null),
    versions: change.versions.map((version) => ({ ...version, ...originOf(version, folded), seq: batch, at: null })),
    entries: change.entries,
    gateways: change.gateways,
    statuses: change.statuses,
    discovery: change.discovery,
    facts: [],
    names: [],
    changes: changesOf(folded),
    privateTexts: [],
    mentions: noMentions,
    deedsTaken: [],
  };
}

function changeRow(seq: bigint, batch: string, event: ChangeEvent, ids: Set<string>): EventRow {
  const id = changeMessageId(event);
  const unique = ids.has(id) ? `${id}#${seq}` : id;
  ids.add(id);
  const { sealed: _, ...facts } = event;
  return {
    seq: seq.toString(),
    batch,
    id: unique,
    type: event.type,
    cluster: event.cluster,
    kind: event.kind,
    namespace: event.namespace,
    name: event.name,
    uid: event.uid,
    manager: event.actor?.manager ?? null,
    operation: event.actor?.operation ?? null,
    at: new Date(event.at).toISOString(),
    data: JSON.stringify(facts),
  };
}

/** The rows of events of nodes, which make up one transaction. */
export function nodeRows(events: readonly { readonly seq: bigint; readonly event: NodeEvent }[]): CommitRows['events'] {
  const batch = events.at(-1)?.seq.toString() ?? '';
  return events.map(({ seq, event }) =>
    fleetRow(seq, batch, event, { kind: 'Node', name: event.node, ...actorOf(event) }),
  );
}

function operatorRow(seq: bigint, batch: string, event: OperatorEvent): EventRow {
  return fleetRow(seq, batch, event, { kind: 'Gateway', ...parsePlaceKey(event.gateway), ...actorOf(event) });
}

/** Makes the row of a deed; one about a cluster is among the events of that cluster. */
export function deedRow(seq: bigint, batch: string, deed: DeedEvent): EventRow {
  const kind = deedKinds[deed.type];
  const place = kind === 'Cluster' ? { cluster: deed.subject } : {};
  return fleetRow(seq, batch, deed, { kind, name: deed.subject, ...place, ...actorOf(deed) });
}

/** Makes a row about no object: the fleet stands for all. */
function restoreRow(seq: bigint, batch: string, event: RestoreEvent): EventRow {
  return fleetRow(seq, batch, event, { kind: 'Fleet', name: '', manager: 'projector', operation: 'projector' });
}

/** Makes the row of an event that no cluster's agent told of; `about` says what it is about. */
function fleetRow(
  seq: bigint,
  batch: string,
  event: { readonly id: string; readonly type: string; readonly at: string },
  about: Pick<EventRow, 'kind' | 'name' | 'manager' | 'operation'> & Partial<Pick<EventRow, 'cluster' | 'namespace'>>,
): EventRow {
  return {
    seq: seq.toString(),
    batch,
    id: event.id,
    type: event.type,
    cluster: '',
    namespace: '',
    uid: '',
    at: new Date(event.at).toISOString(),
    data: JSON.stringify(event),
    ...about,
  };
}

/** Gives who did something as the columns name it; nobody where it is not known. */
function actorOf({
  actor,
}: {
  readonly actor: { readonly name: string; readonly role: string } | null;
}): Pick<EventRow, 'manager' | 'operation'> {
  return { manager: actor?.name ?? null, operation: actor?.role ?? null };
}

function objectRow(seq: bigint, event: ChangeEvent): ObjectRow {
  return {
    cluster: event.cluster,
    kind: event.kind,
    namespace: event.namespace,
    name: event.name,
    uid: event.uid,
    hash: event.hash,
    seq: seq.toString(),
    manager: event.actor?.manager ?? null,
    operation: event.actor?.operation ?? null,
    at: new Date(event.at).toISOString(),
    data: JSON.stringify(event.object),
  };
}

function sliceRow(event: ChangeEvent): SliceRow {
  return {
    cluster: event.cluster,
    namespace: event.namespace,
    name: event.name,
    uid: event.uid,
    hash: event.hash,
    resourceVersion: event.resourceVersion,
    data: JSON.stringify(event.object),
  };
}
