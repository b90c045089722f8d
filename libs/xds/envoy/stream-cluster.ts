// Builds the clusters of streams: one per place where connections arrive (a TCP or UDP port, a hostname of a TLS port),
// all of it said by its name. Which backends a rule sends them to, and in which shares, is said by its endpoints, so
// that a rule's change touches neither listener nor connections, and costs the same (1 ms) on a port of one hostname or
// of thousands. A hostname that comes or goes costs one message of the listener: for a thousand hostnames 220 KB, 5 ms
// here and 120 ms of Envoy's main thread, while its workers go on.
import { compareKeys } from '#libs/gateway/compare-text.ts';
import { sha256 } from '#libs/gateway/canonical.ts';
import { isAddress, isPort, type XdsEndpoint } from './backend.ts';
import { clientTls, type ClientTls, clientTlsName } from './client-tls.ts';
import type { ProtoMessage } from './resources.ts';

/** One weighted backend of a rule; endpoints of one that is invalid are none. */
export interface StreamShare {
  readonly weight: number;
  readonly endpoints: readonly XdsEndpoint[];
  /** How it is spoken to by TLS, where what was inside is encrypted anew. */
  readonly tls?: ClientTls;
}

/** Where connections arrive. */
interface StreamSpot {
  readonly family: 'tls' | 'tcp' | 'udp';
  readonly port: number;
  readonly hostname: string;
}

/** Gives the cluster of a place, and name of its endpoints. No cluster of a backend begins like this. */
export function streamClusterName({ family, port, hostname }: StreamSpot, shares: readonly StreamShare[] = []): string {
  const name = family === 'tls' ? `!tls/${port}/${hostname}` : `!${family}/${port}`;
  const ways = [...waysOf(shares).keys()];
  // With other ways it is another cluster: endpoints of the one never meet the ways of the other.
  return ways.length === 0 ? name : `${name}/${sha256(ways.toSorted().join()).slice(0, 16)}`;
}

/** Builds the message of a place's cluster. Its policy follows weights exactly; what is there is said by discovery. */
export function buildStreamCluster(name: string, shares: readonly StreamShare[]): ProtoMessage {
  const ways = [...waysOf(shares)].toSorted(compareKeys);
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
    ...(ways.length === 0
      ? {}
      : {
          transport_socket_matches: ways.map(([way, tls]) => ({ name: way, match: { way }, ...clientTls(tls) })),
        }),
  };
}

/** Gives, by name, the ways in which backends are spoken to by TLS. */
function waysOf(shares: readonly StreamShare[]): ReadonlyMap<string, ClientTls> {
  return new Map(shares.flatMap(({ tls }) => (tls === undefined ? [] : [[clientTlsName(tls), tls] as const])));
}

const connectionsMax = 1_000_000;
/** Most that the weights of a cluster's endpoints may add up to. */
const weightsMax = 4_000_000_000;

/**
 * Builds the endpoints of a place. A share that nobody serves goes to an address that no socket may send to; when that
 * is all, there are none.
 */
export function buildStreamEndpoints(name: string, shares: readonly StreamShare[]): ProtoMessage {
  const used = shares.filter(({ weight }) => weight > 0);
  const total = used.reduce((sum, { weight }) => sum + weight, 0);
  const weights = new Map<string, WeightedEndpoint>();
  for (const { weight, endpoints, tls } of used) {
    const way = tls === undefined ? undefined : clientTlsName(tls);
    const usable = endpoints.filter(({ address, port }) => isAddress(address) && isPort(port));
    const share = (weight / total) * weightsMax;
    for (const endpoint of usable.length === 0 ? [nowhere] : usable) {
      // Envoy knows an address once: behind several Services it gets all their shares, by TLS if one of them says so.
      const place = `${endpoint.address} ${endpoint.port}`;
      const known = weights.get(place) ?? { endpoint, way, weight: 0 };
      const weight = known.weight + share / Math.max(1, usable.length);
      weights.set(place, { endpoint: known.endpoint, way: known.way ?? way, weight });
    }
  }
  const endpoints = [...weights.values()];
  if (endpoints.every(({ endpoint }) => endpoint === nowhere)) return { cluster_name: name };
  return { cluster_name: name, endpoints: [{ lb_endpoints: endpoints.map(lbEndpoint) }] };
}

/** Broadcasting has to be asked for, and Envoy does not: the kernel refuses at once. */
const nowhere: XdsEndpoint = { address: '255.255.255.255', port: 9 };

interface WeightedEndpoint {
  readonly endpoint: XdsEndpoint;
  readonly way: string | undefined;
  readonly weight: number;
}

function lbEndpoint({ endpoint, way, weight }: WeightedEndpoint): ProtoMessage {
  const { address, port } = endpoint;
  return {
    endpoint: { address: { socket_address: { address, port_value: port } } },
    ...(way === undefined ? {} : { metadata: { filter_metadata: { 'envoy.transport_socket_match': { way } } } }),
    load_balancing_weight: Math.max(1, Math.floor(weight)),
  };
}
