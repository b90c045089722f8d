// Builds the scope of one hostname on one chain, and the locator of a port: resources of type scope, each with its
// inline route table.
import type { ProtoMessage, XdsResource } from './resources.ts';
import { safeRetries } from './retry.ts';
import {
  type Located,
  locatedMetadata,
  locatorHostname,
  scopeHeader,
  scopeKey,
  scopeName,
  selectionOff,
} from './scope-selection.ts';

/** Builds the scope of a hostname; routes in the order in which they are tried. */
export function buildScope(chain: string, hostname: string, routes: readonly ProtoMessage[]): XdsResource {
  const isExact = !hostname.startsWith('*');
  const host: ProtoMessage = {
    name: hostname,
    domains: ['*'],
    routes,
    retry_policy: safeRetries,
    // A pattern's scope is reached by way of the filters, and then they are part of the request already.
    ...(isExact ? { typed_per_filter_config: selectionOff } : {}),
  };
  return scope(chain, hostname, { virtual_hosts: [host] });
}

/** Builds the locator of a port: which hostnames, exact or patterns, are served where. In order of hostnames. */
export function buildLocator(port: number, places: ReadonlyMap<string, Located>): XdsResource {
  const virtualHosts = [...places].map(([hostname, place]) => ({
    name: hostname,
    domains: hostname === '*' ? ['*'] : [hostname, `${hostname}.`],
    routes: [{ match: { prefix: '/' }, metadata: locatedMetadata(place), direct_response: { status: 404 } }],
  }));
  return scope(`${port}`, locatorHostname, { virtual_hosts: virtualHosts, ignore_port_in_host_matching: true });
}

function scope(chain: string, hostname: string, table: ProtoMessage): XdsResource {
  const name = scopeName(chain, hostname);
  return {
    type: 'scope',
    name,
    message: {
      name,
      key: scopeKey(chain, hostname),
      route_configuration: { name, ...table, request_headers_to_remove: [scopeHeader], validate_clusters: false },
    },
  };
}
