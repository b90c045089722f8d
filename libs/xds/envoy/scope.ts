// Builds the scope of one hostname on one chain, and the locator of a port: resources of type scope, each with its
// inline route table.
import type { AuthFilters } from './external-auth.ts';
import { placed } from './policy-filters.ts';
import type { ProtoMessage, XdsResource } from './resources.ts';
import { safeRetries } from './retry.ts';
import {
  foundMetadata,
  type Located,
  locatedMetadata,
  locatorHostname,
  scopeHeader,
  scopeKey,
  scopeName,
  selectionOff,
} from './scope-selection.ts';

/**
 * Builds the scope of a hostname; routes in the order in which they are tried. `before` = what runs on every request
 * before they are: also on those that no route takes, so that the last one takes all.
 */
export function buildScope(
  chain: string,
  hostname: string,
  routes: readonly ProtoMessage[],
  before?: AuthFilters,
): XdsResource {
  const isExact = !hostname.startsWith('*');
  const answering = (status: number): ProtoMessage => ({
    match: { prefix: '/' },
    ...(isExact ? { metadata: foundMetadata } : {}),
    direct_response: { status },
  });
  const filters = before !== undefined && 'filters' in before ? placed('before-routing', before.filters) : {};
  // A pattern's scope is reached by way of the filters, and then they are part of the request already.
  const perFilter = { ...(isExact ? selectionOff : {}), ...filters };
  const host: ProtoMessage = {
    name: hostname,
    domains: ['*'],
    routes: before === undefined ? routes : 'problem' in before ? [answering(500)] : [...routes, answering(404)],
    retry_policy: safeRetries,
    ...(Object.keys(perFilter).length === 0 ? {} : { typed_per_filter_config: perFilter }),
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
