// Clusters of streams: one per place where connections arrive (a TCP or UDP port, a hostname of a TLS port), all of it said by its name.
// Which backends a rule sends them to, and in which shares, is said by its endpoints, so that a rule's change touches neither listener
// nor connections.
import { isAddress, isPort, type XdsEndpoint } from './backend.ts';
import type { ProtoMessage } from './resources.ts';

/** One weighted backend of a rule; endpoints of one that is invalid are none. */
export interface StreamShare {
  readonly weight: number;
  readonly endpoints: readonly XdsEndpoint[];
}

/** Cluster of a place, and name of its endpoints. No cluster of a backend begins like this. */
export function streamClusterName(family: 'tls' | 'tcp' | 'udp', port: number, hostname: string): string {
  return family === 'tls' ? `!tls/${port}/${hostname}` : `!${family}/${port}`;
}

/** The message of a place's cluster. Its policy follows weights exactly; what is there is said by discovery. */
export function buildStreamCluster(name: string): ProtoMessage {
  return {
    name,
    type: 'EDS',
    eds_cluster_config: { service_name: name, eds_config: { ads: {}, resource_api_version: 'V3' } },
    connect_timeout: '5s',
    lb_policy: 'ROUND_ROBIN',
    common_lb_config: { healthy_panic_threshold: { value: 0 } },
    circuit_breakers: { thresholds: [{ max_connections: connectionsMax, max_pending_requests: connectionsMax }] },
    ...(name.startsWith('!udp/')
      ? {}
      : {
          upstream_connection_options: {
            tcp_keepalive: { keepalive_probes: 3, keepalive_time: 60, keepalive_interval: 10 },
          },
        }),
  };
}

const connectionsMax = 1_000_000;
/** Most that the weights of a cluster's endpoints may add up to. */
const weightsMax = 4_000_000_000;

/** The endpoints of a place. A share that nobody serves goes to an address that no socket may send to; when that is all, there are none. */
export function buildStreamEndpoints(name: string, shares: readonly StreamShare[]): ProtoMessage {
  const used = shares.filter(({ weight }) => weight > 0);
  const total = used.reduce((sum, { weight }) => sum + weight, 0);
  const weights = new Map<string, { readonly endpoint: XdsEndpoint; weight: number }>();
  for (const { weight, endpoints } of used) {
    const usable = endpoints.filter(({ address, port }) => isAddress(address) && isPort(port));
    const share = (weight / total) * weightsMax;
    for (const endpoint of usable.length === 0 ? [nowhere] : usable) {
      const place = `${endpoint.address} ${endpoint.port}`;
      const known = weights.get(place) ?? { endpoint, weight: 0 };
      known.weight += share / Math.max(1, usable.length);
      weights.set(place, known);
    }
  }
  const endpoints = [...weights.values()];
  if (endpoints.every(({ endpoint }) => endpoint === nowhere)) return { cluster_name: name };
  return { cluster_name: name, endpoints: [{ lb_endpoints: endpoints.map(lbEndpoint) }] };
}

/** Broadcasting has to be asked for, and Envoy does not: the kernel refuses at once. */
const nowhere: XdsEndpoint = { address: '255.255.255.255', port: 9 };

function lbEndpoint({ endpoint, weight }: { readonly endpoint: XdsEndpoint; readonly weight: number }): ProtoMessage {
  const { address, port } = endpoint;
  return {
    endpoint: { address: { socket_address: { address, port_value: port } } },
    load_balancing_weight: Math.max(1, Math.floor(weight)),
  };
}
