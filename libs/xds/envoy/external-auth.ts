// Writes ExternalAuth (GEP-1494) as Envoy's ext_authz filter, which stands in one of the two places of
// policy-filters.ts. What it decides beside what the filter says:
//   - a service that fails, does not answer in time or cannot be reached consents to nothing: 403; without a service
//     the request is answered 500, and Envoy gets no such filter;
//   - over HTTP only 200 consents; other answers go to the client as they are;
//   - a body that is longer than the service may see is refused (413) before the service is asked;
//   - the service never changes Host, method or scope, and after routing not the path either;
//   - of a consent nothing is copied that frames or describes its own body: a request would hang on its length.
// Envoy refuses a whole route table for one bad filter in it, so what it would refuse is a problem here.
import type { ExternalAuth, HttpFilter } from '#libs/snapshot/entry.ts';
import { parseEntryKey } from '#libs/snapshot/entry-key.ts';
import type { BackendUse } from './backend.ts';
import { servicesAskedMax } from '#libs/gateway/filters/external-auth.ts';
import { type PolicyPlace } from './policy-filters.ts';
import type { ProtoMessage } from './resources.ts';
import { pathPrefix } from './route-match.ts';
import { scopeHeader } from './scope-selection.ts';
import { isHeaderName, isHostName, isPath } from './text-limits.ts';
import { duration } from './time-limits.ts';

/** Name of the cluster by which an authorization service is asked, or undefined when there is none. */
type AuthClusterOf = (backendKey: string, protocol: ExternalAuth['protocol']) => string | undefined;

/** What asks for consents, or why requests are answered 500 in place of it. */
export type AuthFilters = { readonly filters: readonly ProtoMessage[] } | { readonly problem: string };

/** Where services are asked. */
export interface AuthPlace {
  readonly place: PolicyPlace;
  /** How long a request may take, if that is limited. */
  readonly requestMs?: number;
}

/** How long a service may take where its rule allows no less. */
const answerMaxMs = 5000;
const namesMax = 1024;
const bodySizeMax = 2_147_483_647;

/** All that there are. A newer projector may know more, and what this node cannot do may be what protects. */
const knownTypes: Readonly<Record<HttpFilter['type'], true>> = {
  'request-headers': true,
  'response-headers': true,
  rewrite: true,
  mirror: true,
  cors: true,
  'external-auth': true,
};

/** Gives Envoy's filters for those that ask for consent among these, in their order, or why requests get a 500. */
export function authFilters(filters: readonly HttpFilter[], clusterOf: AuthClusterOf, at: AuthPlace): AuthFilters {
  const made: ProtoMessage[] = [];
  for (const filter of filters) {
    const { type } = filter;
    if (!Object.hasOwn(knownTypes, type)) return { problem: 'a filter is of a type that this node does not know' };
    if (filter.type !== 'external-auth') continue;
    const one = authFilter(filter, clusterOf, at);
    if ('problem' in one) return one;
    made.push(one.filter);
  }
  if (made.length > servicesAskedMax)
    return { problem: `more than ${servicesAskedMax} services are to be asked for consent` };
  return { filters: made };
}

/** Gives the services that are asked for consent among filters, and how each is spoken to. */
export function authUses(filters: readonly HttpFilter[]): readonly BackendUse[] {
  return filters.flatMap((filter) => {
    if (filter.type !== 'external-auth' || 'invalid' in filter.backend) return [];
    return [{ key: filter.backend.key, protocol: authProtocol(filter.protocol) }];
  });
}

/** Says how a service is spoken to that is asked by a protocol. */
export function authProtocol(protocol: ExternalAuth['protocol']): BackendUse['protocol'] {
  return protocol === 'grpc' ? protocol : undefined;
}

/** Says why Envoy would refuse the filter, or gives undefined. */
function authProblem(auth: ExternalAuth): string | undefined {
  const names = [...auth.allowedHeaders, ...(auth.allowedResponseHeaders ?? [])];
  const bad = names.find((name) => name !== 'host' && !isHeaderName(name));
  if (bad !== undefined) return `the header ${JSON.stringify(bad.slice(0, 100))} of external authorization is none`;
  if (names.length > namesMax) return `external authorization names more than ${namesMax} headers`;
  if (!isPath(prefixOf(auth))) return 'the path of external authorization is not a path';
  const isSize = Number.isInteger(auth.bodyMax) && auth.bodyMax >= 0 && auth.bodyMax <= bodySizeMax;
  return isSize ? undefined : 'the size of the body for external authorization is none';
}

function authFilter(
  auth: ExternalAuth,
  clusterOf: AuthClusterOf,
  at: AuthPlace,
): { readonly filter: ProtoMessage } | { readonly problem: string } {
  const problem = authProblem(auth);
  if (problem !== undefined) return { problem };
  if ('invalid' in auth.backend) return { problem: `external authorization has no service: ${auth.backend.invalid}` };
  const cluster = clusterOf(auth.backend.key, auth.protocol);
  if (cluster === undefined) return { problem: `external authorization has no service: ${auth.backend.key}` };
  const requestMs = at.requestMs ?? 0;
  const timeout = duration(requestMs > 0 ? Math.min(requestMs, answerMaxMs) : answerMaxMs);
  const host = hostOf(auth.backend.key);
  const isBefore = at.place === 'before-routing';
  return {
    filter: {
      name: 'fleetgate.external-auth',
      typed_config: {
        '@type': 'type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthz',
        transport_api_version: 'V3',
        status_on_error: { code: 'Forbidden' },
        ...(auth.protocol === 'grpc' ? askedByGrpc(cluster, host, timeout) : askedByHttp(auth, cluster, host, timeout)),
        ...seen(auth),
        decoder_header_mutation_rules: mutable(auth, isBefore),
        ...(auth.bodyMax === 0
          ? {}
          : { with_request_body: { max_request_bytes: auth.bodyMax, allow_partial_message: false } }),
        ...(isBefore ? { clear_route_cache: true } : {}),
      },
    },
  };
}

function askedByGrpc(cluster: string, authority: string, timeout: string): ProtoMessage {
  return {
    grpc_service: { envoy_grpc: { cluster_name: cluster, authority }, timeout },
    // What it sends is text that nobody has read as headers yet.
    validate_mutations: true,
  };
}

function askedByHttp(auth: ExternalAuth, cluster: string, host: string, timeout: string): ProtoMessage {
  const prefix = prefixOf(auth);
  const named = (auth.allowedResponseHeaders ?? []).filter((name) => !neverCopied.has(name));
  const isAll = (auth.allowedResponseHeaders ?? []).length === 0;
  const patterns = isAll ? [{ safe_regex: { regex: '.*' } }] : named.map(exactly);
  return {
    http_service: {
      server_uri: { uri: `http://${host}`, cluster, timeout },
      ...(prefix === '/' ? {} : { path_prefix: prefix }),
      ...(patterns.length === 0 ? {} : { authorization_response: { allowed_upstream_headers: { patterns } } }),
    },
  };
}

/** Says which headers the service sees. Envoy always sends Host, Content-Length and Authorization over HTTP. */
function seen({ protocol, allowedHeaders }: ExternalAuth): ProtoMessage {
  const names = allowedHeaders.filter((name) => name !== 'host' && name !== scopeHeader);
  if (allowedHeaders.length > 0 && (names.length > 0 || protocol === 'http'))
    return names.length === 0 ? {} : { allowed_headers: { patterns: names.map(exactly) } };
  // Only what nobody sends, where Host alone is allowed: an empty list would mean all.
  if (allowedHeaders.length > 0) return { allowed_headers: { patterns: [exactly('host')] } };
  return protocol === 'http' ? {} : { disallowed_headers: { patterns: [exactly(scopeHeader)] } };
}

/** Says what of the request a consent may change. With any rule at all Envoy leaves Host and method alone. */
function mutable({ protocol, allowedResponseHeaders = [] }: ExternalAuth, isBefore: boolean): ProtoMessage {
  const isAll = protocol === 'http' && allowedResponseHeaders.length === 0;
  return {
    disallow_expression: { regex: isAll ? ofItsOwnMessage : scopeHeader },
    // Names that start with a colon. An answer over HTTP has a :status, which no backend takes over HTTP/2; one over
    // gRPC may say another :path, but after routing it would miss the route's own rewrite.
    ...(isBefore && protocol === 'grpc' ? {} : { disallow_system: true }),
  };
}

/** Headers of a consent that no list of names lets through: they are of its own message, or choose the scope. */
const neverCopied: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'host',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  scopeHeader,
]);

/** The same where all others are copied, and what describes the body; Envoy takes no long expressions. */
const ofItsOwnMessage = `con(nection|tent-.*)|keep-.*|te|trailer|transfer-.*|upgrade|date|server|${scopeHeader}`;

function exactly(name: string): ProtoMessage {
  return { exact: name, ignore_case: true };
}

function prefixOf({ protocol, pathPrefix: prefix }: ExternalAuth): string {
  return protocol === 'http' && prefix !== undefined && prefix !== '' ? pathPrefix(slashed(prefix)) : '/';
}

function slashed(prefix: string): string {
  return prefix.startsWith('/') ? prefix : `/${prefix}`;
}

/** Gives a host name for the service of a backend's entry key, as Kubernetes has it. */
function hostOf(key: string): string {
  const name = parseEntryKey(key);
  const host = name?.type === 'backend' ? `${name.port.service}.${name.port.namespace}` : '';
  return isHostName(host) ? host : 'external-auth';
}
