// Reads one object as the agent keeps it: stripped and hashed for the history, with its status beside it for the
// status writer.
import type { ChangeEvent, SealedMaterial, SecretSummary } from '#libs/events/change-event.ts';
import { isRecord } from '#libs/gateway/fields/record.ts';
import { kindInfo, type WatchedKind } from '#libs/gateway/kinds.ts';
import type { KubeObject } from '#libs/gateway/object.ts';
import { attribute, readProvenance } from './provenance.ts';
import { type AppliedChange, type ObjectName, type Provenance, objectName } from '../source.ts';
import { hashObject } from '#libs/gateway/object-hash.ts';
import { stripConfigMap, stripObject, stripSecret, stripTrustBundle } from './stripped-object.ts';
import { readTlsSecret } from './tls-secret.ts';

/** Holds an object as the agent keeps it. */
export interface LiveObject {
  readonly name: ObjectName;
  /** As it enters the history. */
  readonly object: KubeObject;
  readonly hash: string;
  readonly provenance: Provenance;
  /** What the object itself says of who changed it; absent where the source knows it. */
  readonly claim?: Provenance;
  /** RFC 3339: since when the agent has seen this content. */
  readonly since?: string;
  readonly sealed?: SealedMaterial;
  /** Of kinds whose status Fleetgate writes. */
  readonly status?: Readonly<Record<string, unknown>>;
}

/** Seals TLS material to the fleet's node key and to those of the namespaces; the name is the additional data. */
export interface Sealer {
  /** Gives the ids of the keys to which it seals for these namespaces. */
  keyIds(namespaces: readonly string[]): readonly string[];
  /** Seals to the keys of these namespaces; null = there is none. */
  seal(
    material: { readonly certificate: string; readonly key: string },
    name: ObjectName,
    namespaces: readonly string[],
  ): Promise<SealedMaterial | null>;
}

/** Kinds of which the history keeps less than the rest. */
const strippers: ReadonlyMap<WatchedKind, (object: KubeObject) => KubeObject> = new Map([
  ['ConfigMap', stripConfigMap],
  ['ClusterTrustBundle', stripTrustBundle],
]);

/** Reads what is kept of an object of any kind but Secret. */
export function readLiveObject(change: AppliedChange): LiveObject {
  const { kind, object } = change;
  const strip = strippers.get(kind) ?? stripObject;
  const stripped = strip(object);
  const status = kindInfo(kind)?.status === true ? { status: isRecord(object['status']) ? object['status'] : {} } : {};
  return {
    name: objectName(kind, object),
    object: stripped,
    hash: hashObject(stripped),
    ...whoChanged(change),
    ...status,
  };
}

/**
 * Reads what is kept of a Secret: the summary, and the material, which is sealed again only when it changed.
 * `namespaces` are those of the Gateways that refer to it.
 */
export async function readLiveSecret(
  change: AppliedChange,
  sealer: Sealer | null,
  previous: LiveObject | undefined,
  namespaces: readonly string[] = [],
): Promise<LiveObject> {
  const name = objectName(change.kind, change.object);
  const { summary, material } = readTlsSecret(change.object);
  const keyed = sealer === null || material === null ? summary : withKeyIds(summary, sealer.keyIds(namespaces));
  const object: KubeObject = { ...stripSecret(change.object), summary: keyed };
  const live = {
    name,
    object,
    hash: hashObject(object),
    ...whoChanged(change),
  };
  if (sealer === null || material === null) return live;
  const same = previous?.sealed !== undefined && previous.hash === live.hash;
  const sealed = same ? previous.sealed : await sealer.seal(material, name, namespaces);
  return sealed === null ? live : { ...live, sealed };
}

function whoChanged({ provenance, object }: AppliedChange): Pick<LiveObject, 'provenance' | 'claim'> {
  if (provenance !== undefined) return { provenance };
  const claim = readProvenance(object);
  return { provenance: claim, claim };
}

/** Gives an object as it is kept in the place of what was known of it: with who made its content what it is. */
export function succeed(before: LiveObject | undefined, live: LiveObject, seenAt: string): LiveObject {
  const isSame = before?.object.metadata.uid === live.object.metadata.uid;
  if (!isSame || before.since === undefined) return { ...live, since: seenAt };
  const { provenance, claim, since } = before;
  if (before.hash === live.hash) return { ...live, provenance, since };
  if (claim === undefined || live.claim === undefined) return { ...live, since: seenAt };
  return { ...live, provenance: attribute({ claim, since }, live.claim, seenAt), since: seenAt };
}

/** Makes the event that says: this object is now so. */
export function appliedEvent(
  live: LiveObject,
  cluster: { readonly name: string; readonly uid: string },
  seen: { readonly at: string; readonly via: ChangeEvent['via'] },
): ChangeEvent {
  const { uid, resourceVersion } = live.object.metadata;
  return {
    v: 1,
    type: 'applied',
    cluster: cluster.name,
    clusterUid: cluster.uid,
    ...live.name,
    uid,
    resourceVersion,
    actor: live.provenance.actor,
    at: live.provenance.at,
    seenAt: seen.at,
    via: seen.via,
    hash: live.hash,
    object: live.object,
    ...(live.sealed === undefined ? {} : { sealed: live.sealed }),
  };
}

/** Makes the event that says: this object is gone. */
export function deletedEvent(
  gone: ObjectName & { readonly uid: string; readonly resourceVersion: string; readonly provenance?: Provenance },
  cluster: { readonly name: string; readonly uid: string },
  seen: { readonly at: string; readonly via: ChangeEvent['via'] },
): ChangeEvent {
  return {
    v: 1,
    type: 'deleted',
    cluster: cluster.name,
    clusterUid: cluster.uid,
    kind: gone.kind,
    namespace: gone.namespace,
    name: gone.name,
    uid: gone.uid,
    resourceVersion: gone.resourceVersion,
    actor: gone.provenance?.actor ?? null,
    at: gone.provenance?.at ?? seen.at,
    seenAt: seen.at,
    via: seen.via,
    hash: '',
    object: null,
  };
}

function withKeyIds(summary: SecretSummary, [keyId, ...otherKeyIds]: readonly string[]): SecretSummary {
  if (summary.certificate === undefined || keyId === undefined) return summary;
  const others = otherKeyIds.length === 0 ? {} : { otherKeyIds };
  return { ...summary, certificate: { ...summary.certificate, keyId, ...others } };
}
