// Builds Envoy's HTTP connection manager for one chain. It depends on the chain's name and the node's options only, so
// that no change of routes, hostnames or certificates ever touches it. What it decides:
//   - paths: dot segments are resolved and `%`-encoded plain letters decoded, so that a prefix cannot be left by `..`;
//     double slashes and `%2F` stay as they are, because Gateway API matches paths as they come;
//   - x-forwarded-for gets the client's address; x-envoy-* headers of clients have no effect; request ids of clients
//     are kept;
//   - headers with '_' in their names are headers like any other, but for imitations of what the gateway vouches for;
//     responses keep their Server header;
//   - a request has at most 1,000 headers in 60 KiB over every HTTP version: over HTTP/2 each cookie counts.
import { policyFilters } from './policy-filters.ts';
import type { ProtoMessage } from './resources.ts';
import { idleMs } from './time-limits.ts';
import { scopeKeyBuilder, scopeMutation, selectionFilters } from './scope-selection.ts';

/** JSON lines of requests to standard output. */
export type AccessLog = 'json';

/** How many headers a request, or the answer of a backend, may have. Envoy's own choice is 100. */
export const headersMax = 1000;

/** Gives the network filter that answers HTTP on a chain. */
export function httpConnection(chain: string, accessLog: AccessLog | undefined): ProtoMessage {
  return {
    name: 'envoy.filters.network.http_connection_manager',
    typed_config: {
      '@type': 'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
      stat_prefix: 'fleetgate',
      early_header_mutation_extensions: [scopeMutation(chain)],
      scoped_routes: scopedRoutes,
      http_filters: [...(accessLog === undefined ? [] : [askedPath]), ...selectionFilters, ...policyFilters, router],
      use_remote_address: true,
      internal_address_config: nobodyIsInternal,
      normalize_path: true,
      merge_slashes: false,
      path_with_escaped_slashes_action: 'KEEP_UNCHANGED',
      preserve_external_request_id: true,
      server_header_transformation: 'PASS_THROUGH',
      upgrade_configs: [{ upgrade_type: 'websocket' }],
      request_headers_timeout: '10s',
      stream_idle_timeout: `${idleMs / 1000}s`,
      common_http_protocol_options: { idle_timeout: '3600s', max_headers_count: headersMax },
      http2_protocol_options: {
        allow_connect: true,
        max_concurrent_streams: 100,
        initial_stream_window_size: 65_536,
        initial_connection_window_size: 1_048_576,
        override_stream_error_on_invalid_http_message: true,
      },
      ...(accessLog === undefined ? {} : { access_log: [jsonAccessLog] }),
    },
  };
}

/**
 * Without a range Envoy takes private addresses for internal, and obeys their x-envoy-* headers. No client has this
 * address.
 */
const nobodyIsInternal: ProtoMessage = {
  cidr_ranges: [{ address_prefix: '255.255.255.255', prefix_len: 32 }],
};

/** The same on every chain: Envoy then has one subscription for all of them. */
const scopedRoutes: ProtoMessage = {
  name: 'fleetgate',
  scope_key_builder: scopeKeyBuilder,
  rds_config_source: { ads: {}, resource_api_version: 'V3' },
  scoped_rds: { scoped_rds_config_source: { ads: {}, resource_api_version: 'V3' } },
};

const router: ProtoMessage = {
  name: 'envoy.filters.http.router',
  typed_config: {
    '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router',
    suppress_envoy_headers: true,
  },
};

const askedPathKey = 'fleetgate.path';

/**
 * Keeps the path that the client asked for, because a rewrite changes `:path` before the request is logged. Envoy's own
 * x-envoy-original-path would tell it to backends, too.
 */
const askedPath: ProtoMessage = {
  name: 'fleetgate.path',
  typed_config: {
    '@type': 'type.googleapis.com/envoy.extensions.filters.http.set_filter_state.v3.Config',
    on_request_headers: [
      {
        object_key: askedPathKey,
        factory_key: 'envoy.string',
        format_string: { text_format_source: { inline_string: '%REQ(:PATH)%' } },
        read_only: true,
      },
    ],
  },
};

const jsonAccessLog: ProtoMessage = {
  name: 'envoy.access_loggers.file',
  typed_config: {
    '@type': 'type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog',
    path: '/dev/stdout',
    log_format: {
      json_format: {
        time: '%START_TIME%',
        client: '%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%',
        method: '%REQ(:METHOD)%',
        host: '%REQ(:AUTHORITY)%',
        path: `%FILTER_STATE(${askedPathKey}:PLAIN)%`,
        protocol: '%PROTOCOL%',
        status: '%RESPONSE_CODE%',
        flags: '%RESPONSE_FLAGS%',
        details: '%RESPONSE_CODE_DETAILS%',
        durationMs: '%DURATION%',
        bytesReceived: '%BYTES_RECEIVED%',
        bytesSent: '%BYTES_SENT%',
        route: '%ROUTE_NAME%',
        cluster: '%UPSTREAM_CLUSTER%',
        upstream: '%UPSTREAM_HOST%',
        requestId: '%REQ(X-REQUEST-ID)%',
      },
    },
  },
};
