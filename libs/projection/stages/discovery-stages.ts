// Wires the stages of discovery: endpoints of Services, TLS material of Secrets, CA certificates.
import { type AuthorityKind, authorityKinds } from '#libs/gateway/fields/authority.ts';
import { type EndpointSlice, parseEndpointSlice } from '#libs/gateway/objects/endpoint-slice.ts';
import type { Derivation } from '#libs/derivation/derivation.ts';
import type { Stage } from '#libs/derivation/stage.ts';
import type { DiscoveryItem } from '#libs/snapshot/discovery.ts';
import { discoveryHash, endpointsOf, type PortEndpoints } from '#libs/projection/model/endpoints.ts';
import type { ReferenceStages } from './reference-stages.ts';
import type { Sources } from './sources.ts';
import { parsePlaceKey, toObjectKey, toPlaceKey } from '#libs/gateway/object-key.ts';
import { parseDiscoveryKey } from '#libs/snapshot/discovery-key.ts';

export interface DiscoveryStages {
  /** Keys: `cluster/namespace/service`. */
  readonly endpoints: Stage<readonly PortEndpoints[]>;
  /** Keys: `tls/<cluster>/<namespace>/<name>`. */
  readonly tls: Stage<DiscoveredItem>;
  /** Keys: the objects' place keys. */
  readonly authorities: readonly { readonly kind: AuthorityKind; readonly stage: Stage<DiscoveredItem> }[];
}

interface DiscoveredItem {
  readonly hash: string;
  readonly item: DiscoveryItem;
}

/** Makes the stages. */
export function createDiscoveryStages(
  engine: Derivation,
  sources: Sources,
  references: ReferenceStages,
): DiscoveryStages {
  const slices = engine.stage({
    name: 'endpoint slice',
    each: sources.objects('EndpointSlice'),
    compute: (key, read) => {
      const known = read.get(sources.objects('EndpointSlice'), key);
      return known === undefined ? undefined : parseEndpointSlice(known.object);
    },
  });
  const byService = engine
    .group<EndpointSlice>()
    .feed(slices, (key, slice) => [
      { group: toPlaceKey({ ...parsePlaceKey(key), name: slice.service }), member: key, item: slice },
    ]);
  const endpoints = engine.stage({
    name: 'endpoints',
    each: references.services,
    compute: (key, read) => {
      const service = read.get(references.services, key);
      return service && endpointsOf(service, read.list(byService, key));
    },
  });
  const tls = engine.stage<DiscoveredItem>({
    name: 'tls material',
    each: sources.sealed,
    compute: (key, read) => {
      const sealed = read.get(sources.sealed, key);
      const named = parseDiscoveryKey(key);
      if (named?.type !== 'tls') return undefined;
      const secret = read.get(references.certificates, toPlaceKey(named.secret));
      // Material of an earlier state of the Secret is not its material.
      if (sealed === undefined || secret === undefined || !('fingerprint' in secret)) return undefined;
      if (sealed.fingerprint !== secret.fingerprint) return undefined;
      const item: DiscoveryItem = { kind: 'tls', fingerprint: sealed.fingerprint, sealed: sealed.sealed };
      return { hash: discoveryHash(item), item };
    },
  });
  const authorities = authorityKinds.map((kind) => ({
    kind,
    stage: createAuthorityStage(engine, sources, references, kind),
  }));
  return { endpoints, tls, authorities };
}

/**
 * Makes the stage of authorities: only what is referred to is in the history, so every authority there is one that is
 * wanted.
 */
function createAuthorityStage(
  engine: Derivation,
  sources: Sources,
  references: ReferenceStages,
  kind: AuthorityKind,
): Stage<DiscoveredItem> {
  return engine.stage<DiscoveredItem>({
    name: `${kind} authority`,
    each: sources.objects(kind),
    compute: (key, read) => {
      const authority = read.get(references.authorities, toObjectKey({ ...parsePlaceKey(key), kind }));
      if (authority === undefined || 'problem' in authority) return undefined;
      const item: DiscoveryItem = { kind: 'ca', certificates: authority.pem };
      return { hash: discoveryHash(item), item };
    },
  });
}
