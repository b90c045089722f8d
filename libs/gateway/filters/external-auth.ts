// Parses an HTTPExternalAuthFilter, which asks a service whether a request may pass (GEP-1494). It stands in rules and
// on backends of HTTPRoutes, and on listeners. What cannot be read is a problem of its place, which is then closed.
import { compareText } from '#libs/gateway/compare-text.ts';
import { type BackendTarget, parseBackendTarget } from '#libs/gateway/fields/backend-ref.ts';
import type { Cursor } from '#libs/gateway/fields/cursor.ts';
import { headerName } from '#libs/gateway/fields/names.ts';
import { pathProblem } from '#libs/gateway/fields/path.ts';

/** Says which service is asked, how, and what is told. Names of headers are in lower case, sorted, each once. */
export interface ExternalAuthFilter {
  readonly type: 'external-auth';
  /** `http`: the answer 200 consents, and no other. `grpc`: Envoy's ext_authz protocol. */
  readonly protocol: 'http' | 'grpc';
  readonly target: BackendTarget;
  /** Put before the path that the service is asked with: from '/', not to one; only with `http`. Absent = none. */
  readonly pathPrefix?: string;
  /**
   * Headers of the request that the service sees. Empty: all with `grpc`, none with `http`; `http` always has Host,
   * method, path, Content-Length and Authorization.
   */
  readonly allowedHeaders: readonly string[];
  /** Headers of the consent that the backend sees; empty: all but Host and what frames a message. Only with `http`. */
  readonly allowedResponseHeaders?: readonly string[];
  /** How many bytes of the body the service sees at most; a longer body is refused. 0 = it sees none. */
  readonly bodyMax: number;
}

/**
 * How many services can be asked about one request before it is routed, and how many after: each has a place in every
 * connection manager, used or not.
 */
export const servicesAskedMax = 4;

const headersMax = 64;
const bodyMaxMax = 2_147_483_647;

/**
 * Reads a filter; the namespace is that of the object that it is in. Problems are noted, also those of the CRD's CEL
 * rules; a backendRef that cannot be read is a value.
 */
export function parseExternalAuth(at: Cursor, ownNamespace: string): ExternalAuthFilter | undefined {
  if (at.requiredObject() === undefined) return undefined;
  const written = at.field('protocol').present
    ? at.field('protocol').oneOf(['HTTP', 'GRPC'])
    : at.field('protocol').problem('is missing');
  const protocol = written === 'GRPC' ? ('grpc' as const) : ('http' as const);
  if (written !== undefined) checkUnion(at, protocol);
  const target = parseBackendTarget(at.field('backendRef'), ownNamespace);
  const body = at.field('forwardBody');
  body.object();
  const bodyMax = body.field('maxSize').integer(0, bodyMaxMax) ?? 0;
  const base = { type: 'external-auth' as const, protocol, target, bodyMax };
  const own = at.field(protocol);
  const allowedHeaders = parseNames(own.field('allowedHeaders'));
  if (protocol === 'grpc') return { ...base, allowedHeaders };
  const pathPrefix = parsePathPrefix(own.field('path'));
  const allowedResponseHeaders = parseNames(own.field('allowedResponseHeaders'));
  return { ...base, ...(pathPrefix === undefined ? {} : { pathPrefix }), allowedHeaders, allowedResponseHeaders };
}

/** Notes that more services are to be asked about one request than there is room for; `before` are asked anyway. */
export function checkServicesAsked(at: Cursor, filters: readonly { readonly type: string }[], before = 0): void {
  const count = before + countAsked(filters);
  if (count > servicesAskedMax && count > before)
    at.problem(`would have ${count} services asked about a request; at most ${servicesAskedMax} can be`);
}

/** Counts the filters that ask a service. */
export function countAsked(filters: readonly { readonly type: string }[]): number {
  return filters.filter(({ type }) => type === 'external-auth').length;
}

/** "http must be specified when protocol is set to 'HTTP'", "protocol must be 'HTTP' when http is set"; so for gRPC. */
function checkUnion(at: Cursor, protocol: 'http' | 'grpc'): void {
  const other = protocol === 'http' ? 'grpc' : 'http';
  at.field(protocol).requiredObject();
  if (at.field(other).present) at.field(other).problem(`must not be set where protocol is ${protocol.toUpperCase()}`);
}

/** Reads names of headers; the CRD takes any text for one, and a name that no header can have allows nothing. */
function parseNames(at: Cursor): readonly string[] {
  const names = at.items(headersMax).flatMap((item) => item.requiredText(headerName)?.toLowerCase() ?? []);
  return [...new Set(names)].toSorted(compareText);
}

/**
 * Reads `http.path`. The CRD takes one without '/' in front and with segments such as '..'; Envoy refuses the one, and
 * the other asks about another path than the one that is served: "implementations MUST sanitize this input".
 */
function parsePathPrefix(at: Cursor): string | undefined {
  const path = at.text({ max: 1024 });
  if (path === undefined || path === '') return undefined;
  const problem = pathProblem(path);
  if (problem !== undefined) return at.problem(problem);
  return path.replace(/\/$/, '') || undefined;
}
