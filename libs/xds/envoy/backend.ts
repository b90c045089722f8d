// Builds the clusters of backends: one per Service port and way to speak to it, with its endpoints apart (EDS). All
// fields of a cluster follow from its name, so that no cluster ever changes: one that is spoken to in another way is
// another cluster, and routes go over.
import { isIP } from 'node:net';
import type { BackendEntry, HttpRuleEntry } from '#libs/snapshot/entry.ts';
import { clientTls, type ClientTls, clientTlsName, toClientTls } from './client-tls.ts';
import { headersMax } from './http-connection.ts';
import type { ProtoMessage } from './resources.ts';
import { toEndpointsKey } from '#libs/snapshot/discovery-key.ts';
import { type ServicePortName, toServicePortKey } from '#libs/snapshot/service-port.ts';

/** One cluster, and all that it follows from. */
export interface Upstream {
  readonly name: string;
  /** Discovery key of its endpoints. */
  readonly endpoints: string;
  readonly protocol: 'http1' | 'http2';
  /** Absent: plain text. */
  readonly tls?: ClientTls;
}

/** Names a backend, and how it is spoken to. */
export interface BackendUse {
  /** Entry key. */
  readonly key: string;
  readonly protocol: HttpRuleEntry['protocol'];
}

/** One ready endpoint. */
export interface XdsEndpoint {
  readonly address: string;
  readonly port: number;
}

/** No cluster has this name: a share of requests that goes to it is answered 500. */
export const invalidCluster = '!invalid';

/** Gives the cluster of a backend, by what speaks to it: gRPC needs HTTP/2 whatever the Service says. */
export function toUpstream(backend: BackendEntry, ruleProtocol: HttpRuleEntry['protocol']): Upstream {
  const { cluster, namespace, service, port } = backend;
  const servicePort: ServicePortName = { cluster, namespace, service, port, transport: 'tcp' };
  const isHttp2 = backend.protocol === 'h2c' || (ruleProtocol === 'grpc' && backend.protocol === 'http');
  const tls = toClientTls(backend);
  const way = `${isHttp2 ? '/h2c' : ''}${tls === undefined ? '' : `/tls-${clientTlsName(tls)}`}`;
  return {
    name: `${toServicePortKey(servicePort)}${way}`,
    endpoints: toEndpointsKey(servicePort),
    protocol: isHttp2 ? 'http2' : 'http1',
    ...(tls === undefined ? {} : { tls }),
  };
}

/** Builds the message of a cluster. */
export function buildCluster({ name, protocol, tls }: Upstream): ProtoMessage {
  const isHttp2 = protocol === 'http2';
  return {
    name,
    type: 'EDS',
    // Its endpoints have its own name: a cluster that asks for what another one has already is not answered for 15 s.
    eds_cluster_config: { eds_config: { ads: {}, resource_api_version: 'V3' } },
    connect_timeout: '2s',
    lb_policy: 'LEAST_REQUEST',
    // Ready or not is said by discovery; without health checks a threshold would only spread requests to what is gone.
    common_lb_config: { healthy_panic_threshold: { value: 0 } },
    circuit_breakers: { thresholds: [generous, { ...generous, priority: 'HIGH' }] },
    upstream_connection_options: {
      tcp_keepalive: { keepalive_probes: 3, keepalive_time: 60, keepalive_interval: 10 },
    },
    typed_extension_protocol_options: {
      'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
        '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
        ...(isHttp2 ? speaksHttp2 : speaksHttp1),
      },
    },
    ...(tls === undefined ? {} : clientTls(tls, isHttp2 ? 'h2' : 'http/1.1')),
  };
}

const generous: ProtoMessage = {
  max_connections: 1_000_000,
  max_pending_requests: 1_000_000,
  max_requests: 1_000_000,
  max_retries: 1_000_000,
};

/**
 * Idle connections end before the backend's own timeout (Node's is 5 s): no request meets a connection that is just
 * being closed.
 */
const speaksHttp1: ProtoMessage = {
  common_http_protocol_options: { idle_timeout: '4s', max_headers_count: headersMax },
  explicit_http_config: { http_protocol_options: {} },
};

const speaksHttp2: ProtoMessage = {
  common_http_protocol_options: { idle_timeout: '300s', max_headers_count: headersMax },
  explicit_http_config: {
    http2_protocol_options: {
      initial_stream_window_size: 65_536,
      initial_connection_window_size: 1_048_576,
      connection_keepalive: { interval: '30s', timeout: '10s' },
    },
  },
};

/** Builds the message of an endpoint set; an empty one answers 503. What is no IP address or port is left out. */
export function buildEndpoints(name: string, endpoints: readonly XdsEndpoint[]): ProtoMessage {
  const usable = endpoints.filter(({ address, port }) => isAddress(address) && isPort(port));
  return {
    cluster_name: name,
    ...(usable.length === 0 ? {} : { endpoints: [{ lb_endpoints: usable.map(lbEndpoint) }] }),
  };
}

function lbEndpoint({ address, port }: XdsEndpoint): ProtoMessage {
  return { endpoint: { address: { socket_address: { address, port_value: port } } } };
}

/** Addresses with a zone mean nothing here. */
export function isAddress(address: string): boolean {
  return isIP(address) !== 0 && !address.includes('%');
}

export function isPort(port: number): boolean {
  return Number.isInteger(port) && port > 0 && port < 65_536;
}
