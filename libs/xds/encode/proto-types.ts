// Reads Envoy's Protobuf types once, when it is loaded, from the .proto files that @grpc/grpc-js-xds carries
// (descriptor.proto comes with protobufjs); what is newer than those stands here. These reads are the only I/O of
// libs/xds.
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import protobuf from 'protobufjs';

/** Files that hold every type that resources use, by way of their imports. */
const files = [
  'envoy/service/discovery/v3/discovery.proto',
  'envoy/config/cluster/v3/cluster.proto',
  'envoy/config/endpoint/v3/endpoint.proto',
  'envoy/config/listener/v3/listener.proto',
  'envoy/config/route/v3/scoped_route.proto',
  'envoy/extensions/access_loggers/file/v3/file.proto',
  'envoy/extensions/filters/http/composite/v3/composite.proto',
  'envoy/extensions/filters/http/ext_authz/v3/ext_authz.proto',
  'envoy/extensions/filters/http/lua/v3/lua.proto',
  'envoy/extensions/filters/http/router/v3/router.proto',
  'envoy/extensions/filters/http/set_filter_state/v3/set_filter_state.proto',
  'envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector.proto',
  'envoy/extensions/filters/network/direct_response/v3/config.proto',
  'envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy.proto',
  'envoy/extensions/filters/udp/udp_proxy/v3/route.proto',
  'envoy/extensions/filters/udp/udp_proxy/v3/udp_proxy.proto',
  'envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.proto',
  'envoy/extensions/http/early_header_mutation/header_mutation/v3/header_mutation.proto',
  'envoy/extensions/retry/host/previous_hosts/v3/previous_hosts.proto',
  'envoy/extensions/transport_sockets/tls/v3/secret.proto',
  'envoy/extensions/transport_sockets/tls/v3/tls.proto',
  'envoy/extensions/upstreams/http/v3/http_protocol_options.proto',
  'xds/type/matcher/v3/matcher.proto',
];

/** What Envoy 1.40 has beside (composite.proto). */
const newer = `
syntax = "proto3";
package envoy.extensions.filters.http.composite.v3;
message CompositePerRoute { xds.type.matcher.v3.Matcher matcher = 1; }
`;

let root: protobuf.Root | undefined;
const types = new Map<string, protobuf.Type>();

/** Gives the type of a full name such as `envoy.config.cluster.v3.Cluster`. Throws when there is none. */
export function protoType(name: string): protobuf.Type {
  let type = types.get(name);
  if (type === undefined) {
    root ??= loadRoot();
    type = root.lookupType(name);
    types.set(name, type);
  }
  return type;
}

function loadRoot(): protobuf.Root {
  const require = createRequire(import.meta.url);
  const deps = join(dirname(require.resolve('@grpc/grpc-js-xds/package.json')), 'deps');
  const folders = ['envoy-api', 'googleapis', 'protoc-gen-validate', 'xds'].map((folder) => join(deps, folder));
  const found = new protobuf.Root();
  found.resolvePath = (_origin, target) => {
    if (protobuf.common.get(target) !== null) return target;
    if (target === 'google/protobuf/descriptor.proto') return require.resolve(`protobufjs/${target}`);
    return resolveIn(folders, target);
  };
  found.loadSync(files, { keepCase: true });
  protobuf.parse(newer, found, { keepCase: true });
  found.resolveAll();
  return found;
}

function resolveIn(folders: readonly string[], target: string): string | null {
  const top = target.split('/', 1)[0] ?? '';
  const index = { envoy: 0, google: 1, validate: 2, xds: 3, udpa: 3 }[top];
  const folder = index === undefined ? undefined : folders[index];
  return folder === undefined ? null : join(folder, target);
}
