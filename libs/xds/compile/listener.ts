// Builds Envoy's listener for one port. Its own fields never change while the port is served, and chains are added,
// changed and removed in place: connections of the other chains go on. HTTP and TCP have one chain; TLS has a chain per
// hostname, chosen by SNI. UDP has no chains; its listener never changes, because where sessions go is said by its
// cluster's endpoints.
//
// One socket per TCP port, not one per worker (enable_reuse_port): with a socket each, a second Envoy could take the
// same port unnoticed, and half of the connections. Envoy then spreads connections over its workers itself, exactly:
// with two workers, 100 kept connections are 50 and 50 (44 and 56 by the kernel; 191 and 9 of 200 without either), at
// as many new connections per second. UDP has no choice.
import { isIPv6 } from 'node:net';
import { httpConnection, type AccessLog } from '#libs/xds/envoy/http-connection.ts';
import type { Transport } from './port-model.ts';
import type { ProtoMessage } from '#libs/xds/envoy/resources.ts';
import { closing, tcpProxy, udpProxy } from '#libs/xds/envoy/stream-proxy.ts';
import { type ServerTls, serverTls } from '#libs/xds/envoy/server-tls.ts';

export interface ListenerOptions {
  /** Address that listeners bind. */
  readonly bindAddress: string;
  /** Added to every listener port. */
  readonly portOffset: number;
  /** JSON lines of requests to standard output; off when absent. */
  readonly accessLog?: AccessLog;
}

/** What becomes of connections whose SNI falls under a hostname. */
export type TlsChain = { readonly name: string; readonly hostname: string } & (
  | { readonly type: 'http'; readonly tls: ServerTls }
  /** TLS is terminated, what is inside goes to a cluster. */
  | { readonly type: 'terminate'; readonly tls: ServerTls; readonly cluster: string }
  | { readonly type: 'passthrough'; readonly cluster: string }
  | { readonly type: 'closed' }
);

export type PortChains =
  | { readonly family: 'http' }
  /** Messages of chains (buildTlsChain), in the order of hostnames. */
  | { readonly family: 'tls'; readonly chains: readonly ProtoMessage[] }
  | { readonly family: 'tcp'; readonly cluster: string }
  | { readonly family: 'udp'; readonly cluster: string };

/** Gives the name of the listener resource of a port; UDP has ports of its own. */
export function listenerName(port: number, transport: Transport): string {
  return transport === 'udp' ? `port-${port}/udp` : `port-${port}`;
}

/** Builds the listener message of a port. */
export function buildListener(port: number, chains: PortChains, options: ListenerOptions): ProtoMessage {
  const { accessLog } = options;
  const common = {
    name: listenerName(port, chains.family === 'udp' ? 'udp' : 'tcp'),
    address: { socket_address: socketAddress(port, chains.family, options) },
    ...(chains.family === 'udp' ? {} : oneSocket),
  };
  switch (chains.family) {
    case 'http': {
      const chain = `${port}`;
      return { ...common, filter_chains: [{ name: chain, filters: [httpConnection(chain, accessLog)] }] };
    }
    case 'tls':
      return {
        ...common,
        listener_filters: [tlsInspector],
        filter_chains: chains.chains,
      };
    case 'tcp':
      return { ...common, filter_chains: [{ name: `${port}`, filters: [tcpProxy(chains.cluster)] }] };
    case 'udp':
      break;
  }
  return {
    ...common,
    udp_listener_config: { downstream_socket_config: { max_rx_datagram_size: datagramSizeMax } },
    listener_filters: [udpProxy(chains.cluster, datagramSizeMax)],
  };
}

/** Builds the message of one chain of a TLS port. */
export function buildTlsChain(chain: TlsChain, accessLog: AccessLog | undefined): ProtoMessage {
  const match: ProtoMessage = chain.hostname === '*' ? {} : { server_names: [chain.hostname] };
  const common = { name: chain.name, filter_chain_match: match };
  switch (chain.type) {
    case 'http':
      return { ...common, filters: [httpConnection(chain.name, accessLog)], ...serverTls(chain.tls, httpProtocols) };
    case 'terminate':
      return { ...common, filters: [tcpProxy(chain.cluster)], ...serverTls(chain.tls, []) };
    case 'passthrough':
      // What is no TLS at all has no SNI either: it must not get through where any host is served.
      return {
        ...common,
        filter_chain_match: { ...match, transport_protocol: 'tls' },
        filters: [tcpProxy(chain.cluster)],
      };
    case 'closed':
      break;
  }
  return { ...common, filters: [closing] };
}

const oneSocket: ProtoMessage = {
  enable_reuse_port: false,
  connection_balance_config: { exact_balance: {} },
};

/** Envoy drops longer ones; its own default is what fits an Ethernet frame. */
const datagramSizeMax = 65_535;

function socketAddress(port: number, family: PortChains['family'], options: ListenerOptions): ProtoMessage {
  const { bindAddress, portOffset } = options;
  return {
    ...(family === 'udp' ? { protocol: 'UDP' } : {}),
    address: bindAddress,
    port_value: port + portOffset,
    ...(isIPv6(bindAddress) ? { ipv4_compat: bindAddress === '::' } : {}),
  };
}

const httpProtocols = ['h2', 'http/1.1'];

const tlsInspector: ProtoMessage = {
  name: 'envoy.filters.listener.tls_inspector',
  typed_config: { '@type': 'type.googleapis.com/envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector' },
};
