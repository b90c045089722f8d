// Stands in for the Secrets that a folder for review does not hold: each that is named and missing counts as one with a
// certificate and key.
import type { ChangeEvent } from '#libs/events/change-event.ts';
import { toLocalKey } from '#libs/gateway/object-key.ts';
import { hashObject } from '#libs/gateway/object-hash.ts';
import { appliedEvent } from '../../agent/objects/live-object.ts';
import { findReferences, referringKinds } from '../../agent/objects/references.ts';
import type { WrittenEvent } from './folder-events.ts';

/** A Secret that is not there, and the event that would bring it. */
export interface AssumedSecret {
  readonly namespace: string;
  readonly name: string;
  readonly event: ChangeEvent;
}

const at = '2000-01-01T00:00:00Z';

/** Gives the Secrets that objects refer to and the folder does not hold; `isOurs` is asked by local keys of objects. */
export function assumeSecrets(
  written: readonly WrittenEvent[],
  cluster: string,
  isOurs: (key: string) => boolean,
): readonly AssumedSecret[] {
  const held = new Set(written.map(({ manifest }) => toLocalKey(manifest)));
  const missing = new Map<string, AssumedSecret>();
  for (const { manifest, event } of written) {
    if (!referringKinds.has(manifest.kind) || event.object === null || !isOurs(toLocalKey(manifest))) continue;
    for (const { kind, namespace, name } of findReferences(event.object)) {
      const key = toLocalKey({ kind, namespace, name });
      if (kind === 'Secret' && !held.has(key) && !missing.has(key))
        missing.set(key, { namespace, name, event: toEvent(namespace, name, cluster) });
    }
  }
  return [...missing.values()].toSorted((a, b) => (a.event.name < b.event.name ? -1 : 1));
}

function toEvent(namespace: string, name: string, cluster: string): ChangeEvent {
  const certificate = { fingerprint: 'assumed', dnsNames: [], notAfter: at };
  const object = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace, uid: `Secret/${namespace}/${name}`, resourceVersion: '1', creationTimestamp: at },
    summary: { type: 'kubernetes.io/tls', certificate },
  };
  const live = {
    name: { kind: 'Secret', namespace, name },
    object,
    hash: hashObject(object),
    provenance: { actor: null, at },
  } as const;
  return appliedEvent(live, { name: cluster, uid: cluster }, { at, via: 'relist' });
}
