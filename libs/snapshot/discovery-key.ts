// Writes and reads the keys of discovery items.
//
//   endpoints/<cluster>/<namespace>/<service>/<port>[/udp]      ready endpoints of a Service port
//   tls/<cluster>/<namespace>/<name>                            sealed TLS material of a Secret
//   ca/<cluster>/<ConfigMap or Secret>/<namespace>/<name>       CA certificates
import {
  type ObjectName,
  parseObjectKey,
  parsePlaceKey,
  type PlaceName,
  toObjectKey,
  toPlaceKey,
} from '#libs/gateway/object-key.ts';
import { parseServicePortKey, type ServicePortName, toServicePortKey } from './service-port.ts';

/** Holds what the key of a discovery item says. */
type DiscoveryName =
  | { readonly type: 'endpoints'; readonly port: ServicePortName }
  | { readonly type: 'tls'; readonly secret: PlaceName }
  | { readonly type: 'ca'; readonly object: ObjectName };

const endpointsPrefix = 'endpoints/';
const tlsPrefix = 'tls/';
const authorityPrefix = 'ca/';

/** Writes the key of the endpoints of a Service port. */
export function toEndpointsKey(port: ServicePortName): string {
  return `${endpointsPrefix}${toServicePortKey(port)}`;
}

/** Writes the key of the TLS material of a Secret. */
export function toTlsKey(secret: PlaceName): string {
  return `${tlsPrefix}${toPlaceKey(secret)}`;
}

/** Writes the key of the CA certificates of a ConfigMap or Secret. */
export function toAuthorityKey(object: ObjectName): string {
  return `${authorityPrefix}${toObjectKey(object)}`;
}

/** Tells whether a key is that of endpoints, without reading the rest. */
export function isEndpointsKey(key: string): boolean {
  return key.startsWith(endpointsPrefix);
}

/** Tells whether a key is that of CA certificates, without reading the rest. */
export function isAuthorityKey(key: string): boolean {
  return key.startsWith(authorityPrefix);
}

/** Reads the key of a discovery item; undefined = it is of no type that is known here. */
export function parseDiscoveryKey(key: string): DiscoveryName | undefined {
  if (key.startsWith(tlsPrefix)) return { type: 'tls', secret: parsePlaceKey(key.slice(tlsPrefix.length)) };
  if (isAuthorityKey(key)) return { type: 'ca', object: parseObjectKey(key.slice(authorityPrefix.length)) };
  const port = isEndpointsKey(key) ? parseServicePortKey(key.slice(endpointsPrefix.length)) : undefined;
  return port && { type: 'endpoints', port };
}

/** Gives the cluster of a discovery item by its key; '' = the key is of no type that is known here. */
export function clusterOfDiscovery(key: string): string {
  const name = parseDiscoveryKey(key);
  if (name === undefined) return '';
  if (name.type === 'endpoints') return name.port.cluster;
  return name.type === 'tls' ? name.secret.cluster : name.object.cluster;
}
