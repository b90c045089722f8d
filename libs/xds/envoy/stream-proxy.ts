// Decides what becomes of connections and datagrams that are not HTTP: they go to a cluster whose endpoints say where,
// or are closed.
import type { ProtoMessage } from './resources.ts';

/** Sends connections to a cluster; without an endpoint there they are closed. */
export function tcpProxy(cluster: string): ProtoMessage {
  return {
    name: 'envoy.filters.network.tcp_proxy',
    typed_config: {
      '@type': 'type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy',
      stat_prefix: 'fleetgate',
      cluster,
      idle_timeout: '3600s',
      // One attempt: where a share of the connections is to be refused, a second one would go to another backend's
      // share.
      max_connect_attempts: 1,
    },
  };
}

/**
 * Sends sessions (datagrams of one client's address and port) to a cluster, each to one endpoint; without one they are
 * dropped.
 */
export function udpProxy(cluster: string, datagramSizeMax: number): ProtoMessage {
  return {
    name: 'envoy.filters.udp_listener.udp_proxy',
    typed_config: {
      '@type': 'type.googleapis.com/envoy.extensions.filters.udp.udp_proxy.v3.UdpProxyConfig',
      stat_prefix: 'fleetgate',
      matcher: {
        on_no_match: {
          action: {
            name: 'route',
            typed_config: {
              '@type': 'type.googleapis.com/envoy.extensions.filters.udp.udp_proxy.v3.Route',
              cluster,
            },
          },
        },
      },
      idle_timeout: '60s',
      upstream_socket_config: { max_rx_datagram_size: datagramSizeMax },
    },
  };
}

/** Closes connections at once. */
export const closing: ProtoMessage = {
  name: 'envoy.filters.network.direct_response',
  typed_config: { '@type': 'type.googleapis.com/envoy.extensions.filters.network.direct_response.v3.Config' },
};
