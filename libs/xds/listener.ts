// Envoy's listener for one port. Its own fields never change while the port is served, and chains are added, changed and removed in
// place: connections of the other chains go on. HTTP: one chain. HTTPS: one chain per listener hostname, chosen by SNI.
import { isIPv6 } from 'node:net';
import type { ListenerProtocol } from '#libs/snapshot/entry.ts';
import { httpConnection, type AccessLog } from './http-connection.ts';
import type { ProtoMessage } from './resources.ts';

export interface ListenerOptions {
  /** Address that listeners bind. */
  readonly bindAddress: string;
  /** Added to every listener port. */
  readonly portOffset: number;
  /** JSON lines of requests to standard output; off when absent. */
  readonly accessLog?: AccessLog;
}

/** One HTTPS listener hostname with the names of its secrets, in order. */
export interface TlsChain {
  readonly hostname: string;
  readonly secrets: readonly string[];
}

export type PortChains =
  | { readonly protocol: 'HTTP' }
  /** In the order of hostnames. */
  | { readonly protocol: 'HTTPS'; readonly chains: readonly TlsChain[] };

/** Name of the listener resource of a port. */
export function listenerName(port: number): string {
  return `port-${port}`;
}

/** Name of the chain that serves a listener hostname: first word of the scopes' keys. */
export function chainName(port: number, protocol: ListenerProtocol, hostname: string): string {
  return protocol === 'HTTP' ? `${port}` : `${port}/${hostname}`;
}

/** The listener message of a port. */
export function buildListener(port: number, chains: PortChains, options: ListenerOptions): ProtoMessage {
  const { bindAddress, accessLog } = options;
  const common = {
    name: listenerName(port),
    address: {
      socket_address: {
        address: bindAddress,
        port_value: port + options.portOffset,
        ...(isIPv6(bindAddress) ? { ipv4_compat: bindAddress === '::' } : {}),
      },
    },
  };
  if (chains.protocol === 'HTTP') {
    const chain = chainName(port, 'HTTP', '');
    return { ...common, filter_chains: [{ name: chain, filters: [httpConnection(chain, accessLog)] }] };
  }
  return {
    ...common,
    listener_filters: [tlsInspector],
    filter_chains: chains.chains.map((chain) => tlsChain(chainName(port, 'HTTPS', chain.hostname), chain, accessLog)),
  };
}

function tlsChain(name: string, { hostname, secrets }: TlsChain, accessLog: AccessLog | undefined): ProtoMessage {
  const match: ProtoMessage = hostname === '*' ? {} : { server_names: [hostname] };
  // A hostname without usable certificate must not fall to the chain of a wider one: its connections are closed.
  if (secrets.length === 0) return { name, filter_chain_match: match, filters: [closing] };
  return {
    name,
    filter_chain_match: match,
    filters: [httpConnection(name, accessLog)],
    transport_socket_connect_timeout: '10s',
    transport_socket: {
      name: 'envoy.transport_sockets.tls',
      typed_config: {
        '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext',
        common_tls_context: {
          alpn_protocols: ['h2', 'http/1.1'],
          tls_params: { tls_minimum_protocol_version: 'TLSv1_2' },
          tls_certificate_sds_secret_configs: secrets.map((secret) => ({
            name: secret,
            sds_config: { ads: {}, resource_api_version: 'V3' },
          })),
        },
      },
    },
  };
}

const tlsInspector: ProtoMessage = {
  name: 'envoy.filters.listener.tls_inspector',
  typed_config: { '@type': 'type.googleapis.com/envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector' },
};

const closing: ProtoMessage = {
  name: 'envoy.filters.network.direct_response',
  typed_config: { '@type': 'type.googleapis.com/envoy.extensions.filters.network.direct_response.v3.Config' },
};
