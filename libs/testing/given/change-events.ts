// Makes change events for tests, from manifests as people write them. What an API server would add is filled in.
import { parseAllDocuments } from 'yaml';
import type { ChangeEvent } from '#libs/events/change-event.ts';
import { canonicalJson, sha256 } from '#libs/gateway/canonical.ts';
import { isRecord } from '#libs/gateway/fields/record.ts';
import { foreignKindOf, type KindInfo, kindInfo, kindInfoOf, type WatchedKind } from '#libs/gateway/kinds.ts';
import type { KubeObject } from '#libs/gateway/object.ts';

/** A manifest, whatever its fields; `metadata` may leave out all but the name. */
export type Manifest = Readonly<Record<string, unknown>> & { readonly kind: string };

/** Gives an `applied` event for a manifest. */
export function applied(manifest: Manifest, cluster = 'eu', resourceVersion = '1'): ChangeEvent {
  const object = complete(manifest, cluster, resourceVersion);
  const { metadata } = object;
  const { resourceVersion: _, ...stable } = metadata;
  return {
    ...envelope(object, cluster),
    type: 'applied',
    hash: sha256(canonicalJson({ ...object, metadata: stable })),
    object,
  };
}

/** Gives a `deleted` event for the object of a manifest. */
export function deleted(manifest: Manifest, cluster = 'eu', resourceVersion = '2'): ChangeEvent {
  return {
    ...envelope(complete(manifest, cluster, resourceVersion), cluster),
    type: 'deleted',
    hash: '',
    object: null,
  };
}

/**
 * Gives `applied` events for the documents of a YAML text; a field `cluster` beside `kind` names another cluster than
 * eu.
 */
export function readManifests(yaml: string): readonly ChangeEvent[] {
  return parseAllDocuments(yaml).flatMap((document) => {
    const value: unknown = document.toJS();
    if (!isManifest(value)) return [];
    const { cluster, ...manifest } = value;
    return [applied({ ...manifest, kind: value.kind }, typeof cluster === 'string' ? cluster : 'eu')];
  });
}

function envelope(object: KubeObject, cluster: string): Omit<ChangeEvent, 'type' | 'hash' | 'object'> {
  const { name, namespace = '', uid, resourceVersion, creationTimestamp } = object.metadata;
  const kind = kindInfoOf(object)?.kind ?? foreignKindOf(object);
  if (kind === undefined) throw new Error(`${object.kind} is not a watched kind`);
  return {
    v: 1,
    cluster,
    clusterUid: `uid-of-${cluster}`,
    kind,
    namespace,
    name,
    uid,
    resourceVersion,
    actor: { manager: 'test', operation: 'Update' },
    at: creationTimestamp,
    seenAt: creationTimestamp,
    via: 'watch',
  };
}

function complete(manifest: Manifest, cluster: string, resourceVersion: string): KubeObject {
  const info = rowOf(manifest);
  const given = metadataOf(manifest);
  const name = typeof given['name'] === 'string' ? given['name'] : 'unnamed';
  const namespace = typeof given['namespace'] === 'string' ? given['namespace'] : 'default';
  const place = info?.scope === 'Cluster' ? {} : { namespace };
  return {
    apiVersion: info === undefined || info.group === '' ? 'v1' : `${info.group}/${info.versions[0] ?? 'v1'}`,
    ...manifest,
    metadata: {
      generation: 1,
      creationTimestamp: '2026-01-01T00:00:00Z',
      ...given,
      ...place,
      name,
      uid:
        typeof given['uid'] === 'string'
          ? given['uid']
          : `${cluster}-${info?.kind ?? manifest.kind}-${namespace}-${name}`,
      resourceVersion,
    },
  };
}

/** A manifest without apiVersion is of the first group that has its kind. */
function rowOf({ kind, apiVersion }: Manifest): (KindInfo & { readonly kind: WatchedKind }) | undefined {
  return typeof apiVersion === 'string' ? kindInfoOf({ apiVersion, kind }) : kindInfo(kind);
}

/** Tells whether a value may be a manifest: it names a kind. */
export function isManifest(value: unknown): value is Manifest {
  return isRecord(value) && typeof value['kind'] === 'string';
}

/** Gives the metadata of a manifest as far as it is a map. */
export function metadataOf(manifest: Manifest): Readonly<Record<string, unknown>> {
  return isRecord(manifest['metadata']) ? manifest['metadata'] : {};
}
