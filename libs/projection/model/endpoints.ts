// Gathers the ready endpoints of a Service's ports from its EndpointSlices.
import { compareKeys } from '#libs/gateway/compare-text.ts';
import { canonicalJson, sha256 } from '#libs/gateway/canonical.ts';
import type { EndpointSlice, SliceEndpoint } from '#libs/gateway/objects/endpoint-slice.ts';
import type { Service, Transport } from '#libs/gateway/objects/service.ts';
import type { DiscoveryItem, Endpoint } from '#libs/snapshot/discovery.ts';

export interface PortEndpoints {
  readonly port: number;
  readonly transport: Transport;
  readonly hash: string;
  readonly item: DiscoveryItem;
}

/** Gives the endpoints of every port of a Service; a port without ready ones has an empty list. */
export function endpointsOf(service: Service, slices: readonly EndpointSlice[]): readonly PortEndpoints[] {
  if (service.external) return [];
  return service.ports.map(({ name, port, transport }) => {
    const all = slices.flatMap((slice) =>
      slice.ports
        .filter((one) => one.name === name && one.transport === transport)
        .flatMap((one) => slice.endpoints.map((endpoint) => ({ endpoint, port: one.port }))),
    );
    const ready = all.filter(({ endpoint }) => endpoint.ready);
    // Draining ones are better than none, as kube-proxy does it.
    const chosen = ready.length > 0 ? ready : all.filter(({ endpoint }) => endpoint.draining);
    const item: DiscoveryItem = { kind: 'endpoints', endpoints: uniqueEndpoints(chosen) };
    return { port, transport, hash: discoveryHash(item), item };
  });
}

/** Hashes a discovery item. */
export function discoveryHash(item: DiscoveryItem): string {
  return sha256(canonicalJson(item));
}

function uniqueEndpoints(
  chosen: readonly { readonly endpoint: SliceEndpoint; readonly port: number }[],
): readonly Endpoint[] {
  const byKey = new Map<string, Endpoint>();
  for (const { endpoint, port } of chosen) {
    // Further addresses of one endpoint are the same pod again (EndpointSlice API).
    const [address] = endpoint.addresses;
    if (address !== undefined) byKey.set(`${address} ${port}`, { address, port });
  }
  return [...byKey].toSorted(compareKeys).map(([, endpoint]) => endpoint);
}
