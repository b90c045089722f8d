// Builds the bootstrap that a node starts its Envoy with: admin and incremental ADS over Unix sockets, everything else
// by ADS. Envoy is LIVE only when it has been given clusters and listeners, however long that takes.
import type { ProtoMessage } from './resources.ts';

interface BootstrapOptions {
  readonly nodeId: string;
  readonly adsSocketPath: string;
  readonly adminSocketPath: string;
}

/** Name of the one static cluster; no cluster of a snapshot can have it. */
const adsCluster = '!ads';
const connectionsMax = 50_000;

/**
 * Envoy's own limit on a regular expression is 100 instructions; the compiler has a limit of its own
 * (libs/gateway/regex.ts).
 */
const runtime: ProtoMessage = {
  're2.max_program_size.error_level': 1_000_000,
  're2.max_program_size.warn_level': 1_000_000,
};

/**
 * Gives Envoy's bootstrap as a JSON object. `--concurrency`, log and drain settings are command line options of Envoy.
 */
export function bootstrap(options: BootstrapOptions): ProtoMessage {
  const always: ProtoMessage = { ads: {}, resource_api_version: 'V3', initial_fetch_timeout: '0s' };
  return {
    node: { id: options.nodeId, cluster: 'fleetgate' },
    admin: { address: { pipe: { path: options.adminSocketPath, mode: 0o600 } } },
    dynamic_resources: {
      ads_config: {
        api_type: 'DELTA_GRPC',
        transport_api_version: 'V3',
        set_node_on_first_message_only: true,
        grpc_services: [
          {
            envoy_grpc: {
              cluster_name: adsCluster,
              retry_policy: { retry_back_off: { base_interval: '0.05s', max_interval: '1s' } },
            },
          },
        ],
      },
      cds_config: always,
      lds_config: always,
    },
    static_resources: { clusters: [staticAdsCluster(options.adsSocketPath)] },
    layered_runtime: { layers: [{ name: 'fleetgate', static_layer: runtime }] },
    stats_config: {},
    deferred_stat_options: { enable_deferred_creation_stats: true },
    overload_manager: {
      resource_monitors: [
        {
          name: 'envoy.resource_monitors.global_downstream_max_connections',
          typed_config: {
            '@type':
              'type.googleapis.com/envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig',
            max_active_downstream_connections: connectionsMax,
          },
        },
      ],
    },
  };
}

function staticAdsCluster(path: string): ProtoMessage {
  return {
    name: adsCluster,
    type: 'STATIC',
    connect_timeout: '1s',
    load_assignment: {
      cluster_name: adsCluster,
      endpoints: [{ lb_endpoints: [{ endpoint: { address: { pipe: { path } } } }] }],
    },
    typed_extension_protocol_options: {
      'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
        '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
        explicit_http_config: { http2_protocol_options: {} },
      },
    },
  };
}
