// Stages for discovery: endpoints of Services, TLS material of Secrets.
import { type EndpointSlice, parseEndpointSlice } from '#libs/gateway/endpoint-slice.ts';
import type { Derivation, Stage } from '#libs/snapshot/derive.ts';
import type { DiscoveryItem } from '#libs/snapshot/discovery.ts';
import { discoveryHash, endpointsOf, type PortEndpoints } from '#libs/snapshot/endpoints.ts';
import type { ReferenceStages } from '#libs/snapshot/reference-stages.ts';
import type { Sources } from '#libs/snapshot/sources.ts';

export interface DiscoveryStages {
  /** Keys: `cluster/namespace/service`. */
  readonly endpoints: Stage<readonly PortEndpoints[]>;
  /** Keys: `tls/<cluster>/<namespace>/<name>`. */
  readonly tls: Stage<{ readonly hash: string; readonly item: DiscoveryItem }>;
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
      { group: `${key.slice(0, key.lastIndexOf('/'))}/${slice.service}`, member: key, item: slice },
    ]);
  const endpoints = engine.stage({
    name: 'endpoints',
    each: references.services,
    compute: (key, read) => {
      const service = read.get(references.services, key);
      return service && endpointsOf(service, read.list(byService, key));
    },
  });
  const tls = engine.stage<{ readonly hash: string; readonly item: DiscoveryItem }>({
    name: 'tls material',
    each: sources.sealed,
    compute: (key, read) => {
      const sealed = read.get(sources.sealed, key);
      const secret = read.get(references.certificates, key.slice('tls/'.length));
      // Material of an earlier state of the Secret is not its material.
      if (sealed === undefined || secret === undefined || !('fingerprint' in secret)) return undefined;
      if (sealed.fingerprint !== secret.fingerprint) return undefined;
      const item: DiscoveryItem = { kind: 'tls', fingerprint: sealed.fingerprint, sealed: sealed.sealed };
      return { hash: discoveryHash(item), item };
    },
  });
  return { endpoints, tls };
}
