// Holds what the stages start from: objects by kind, sealed TLS material, node reports, and where the versions stand.
import assert from 'node:assert';
import type { KnownObject } from '#libs/fleet/fleet.ts';
import { isForeignKind, kinds, type WatchedKind } from '#libs/gateway/kinds.ts';
import type { SetVersion, VersionFacts } from '#libs/projection/model/delivery/delivery.ts';
import type { Collection, Source } from '#libs/derivation/collection.ts';
import type { Derivation } from '#libs/derivation/derivation.ts';
import type { SealedItem } from '#libs/projection/model/delivery/sealed-item.ts';
import type { NodeReport } from '#libs/projection/model/delivery/node-report.ts';
import { parsePlaceKey, toObjectKey } from '#libs/gateway/object-key.ts';

/** Holds what stages read. */
export interface Sources extends Omit<RawSources, 'objects' | 'put'> {
  /** With what older APIs say in v1. Keys: `cluster/namespace/name`. */
  readonly objects: (kind: WatchedKind) => Collection<KnownObject>;
}

/** Holds what is put in from outside. */
export interface RawSources {
  /** As they are written. Keys: `cluster/namespace/name`. */
  readonly objects: (kind: WatchedKind) => Source<KnownObject>;
  /** Policies of other gateways, of every kind. Keys: object keys. */
  readonly foreignPolicies: Source<KnownObject>;
  /** Puts an object, or its absence, where it is read from. `key` is its place key. */
  readonly put: (kind: WatchedKind, key: string, known: KnownObject | undefined) => void;
  /** Keys: `tls/<cluster>/<namespace>/<name>`. */
  readonly sealed: Source<SealedItem>;
  /** Keys: names of nodes. */
  readonly nodes: Source<NodeReport>;
  /** Keys: gateways. */
  readonly versions: Source<VersionFacts>;
  /** Keys: ListenerSets. */
  readonly setVersions: Source<SetVersion>;
}

/** Makes the sources of an engine. */
export function createSources(engine: Derivation): RawSources {
  const byKind = new Map<WatchedKind, Source<KnownObject>>(
    kinds.map(({ kind }) => [kind, engine.source<KnownObject>(kind)]),
  );
  const foreignPolicies = engine.source<KnownObject>('foreign policy');
  const objects: RawSources['objects'] = (kind) => {
    const source = byKind.get(kind);
    assert(source !== undefined);
    return source;
  };
  return {
    objects,
    foreignPolicies,
    put(kind, key, known) {
      if (isForeignKind(kind)) foreignPolicies.set(toObjectKey({ ...parsePlaceKey(key), kind }), known);
      else objects(kind).set(key, known);
    },
    sealed: engine.source('sealed TLS material'),
    nodes: engine.source('node report'),
    versions: engine.source('versions of gateway'),
    setVersions: engine.source('version of listener set'),
  };
}
