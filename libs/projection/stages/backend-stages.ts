// Wires the stages of backends: ports of Services, with the BackendTLSPolicy that holds on each.
import type { Derivation } from '#libs/derivation/derivation.ts';
import type { Group, Membership } from '#libs/derivation/group.ts';
import type { Read, Stage } from '#libs/derivation/stage.ts';
import { type BackendLookup, type BackendResolution, resolvePort } from '#libs/projection/model/backends.ts';
import type { StoredEntry } from '#libs/snapshot/entry.ts';
import {
  evaluatePolicy,
  holdingPolicy,
  type PolicyModel,
  type TargetingPolicy,
} from '#libs/projection/model/policies.ts';
import { brokenGrantsIn, isPermitted, objectLookup, type ReferenceStages } from './reference-stages.ts';
import type { Sources } from './sources.ts';
import { encodeEntry } from '#libs/snapshot/stored-entry.ts';
import { parsePlaceKey, toPlaceKey } from '#libs/gateway/object-key.ts';
import { parseEntryKey } from '#libs/snapshot/entry-key.ts';
import { parseServicePortKey, toServicePortKey } from '#libs/snapshot/service-port.ts';

export interface BackendStages {
  /** Keys: `cluster/namespace/service/port[/udp]`. No value = there is no such Service. */
  readonly backends: Stage<BackendResolution>;
  /** Keys: `cluster/namespace/name`. */
  readonly policies: Stage<PolicyModel>;
  /** Groups: `cluster/namespace/service`. */
  readonly policiesOf: Group<TargetingPolicy>;
}

/** Makes the stages. */
export function createBackendStages(engine: Derivation, sources: Sources, references: ReferenceStages): BackendStages {
  const policies = engine.stage({
    name: 'backend tls policy',
    each: sources.objects('BackendTLSPolicy'),
    compute: (key, read) => {
      const known = read.get(sources.objects('BackendTLSPolicy'), key);
      return known && evaluatePolicy(known, objectLookup(references, read).authority);
    },
  });
  const policiesOf = engine.group<TargetingPolicy>().feed(policies, targetsOf);
  const backends = engine.stage({
    name: 'backend',
    compute: (key, read): BackendResolution | undefined => {
      const place = parseServicePortKey(key);
      if (place === undefined) return undefined;
      const service = toPlaceKey({ ...place, name: place.service });
      const found = read.get(references.services, service);
      if (found === undefined) return undefined;
      return resolvePort(place, found, (portName) => {
        const holding = holdingPolicy(read.list(policiesOf, service), portName);
        return holding && read.get(policies, holding.key)?.choice;
      });
    },
  });
  return { backends, policies, policiesOf };
}

/** Looks up backends and permissions for the stage that reads. */
export function backendLookup(references: ReferenceStages, stages: BackendStages, read: Read): BackendLookup {
  return {
    backend: (place) => read.get(stages.backends, toServicePortKey(place)),
    permitted: (cluster, namespace, reference) => isPermitted(references, read, cluster, namespace, reference),
    brokenGrants: (cluster, namespace) => brokenGrantsIn(references, read, cluster, namespace),
  };
}

/** Makes the stage of backends that gateways use, as entries. Keys: `gateway entry-key`. */
export function createUsedBackendStage(
  engine: Derivation,
  { backends }: BackendStages,
  uses: Group<true>,
  clientCertificates: Stage<string>,
): Stage<StoredEntry> {
  return engine.stage({
    name: 'used backend',
    each: uses,
    compute: (key, read) => {
      if (!read.has(uses, key)) return undefined;
      const [gateway = '', backend = ''] = key.split(' ');
      const name = parseEntryKey(backend);
      const found = name?.type === 'backend' ? read.get(backends, toServicePortKey(name.port)) : undefined;
      if (found === undefined || !('entry' in found)) return undefined;
      const { entry } = found;
      const clientCertificate = entry.tls === undefined ? undefined : read.get(clientCertificates, gateway);
      return encodeEntry(clientCertificate === undefined ? entry : { ...entry, clientCertificate });
    },
  });
}

function targetsOf(key: string, policy: PolicyModel): readonly Membership<TargetingPolicy>[] {
  const place = parsePlaceKey(key);
  return policy.targets.map(({ service, portName }) => ({
    group: toPlaceKey({ ...place, name: service }),
    member: `${key} ${portName ?? ''}`,
    item: { key, createdAt: policy.createdAt, ...(portName === undefined ? {} : { portName }) },
  }));
}
