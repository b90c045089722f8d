// Answers a browser's question before a request (HTTPCORSFilter), and says which headers answers get.
import type { HttpFilter } from '#libs/snapshot/entry.ts';
import type { CorsPolicy } from '#libs/gateway/filters/cors.ts';
import type { Header, ReadRequest } from './request.ts';

const wellKnown: ReadonlyMap<string, string> = new Map([
  ['http', '80'],
  ['https', '443'],
]);

/** Gives the policy that counts among filters: the last. */
export function corsPolicy(filters: readonly HttpFilter[]): CorsPolicy | undefined {
  return filters.findLast((filter) => filter.type === 'cors');
}

/**
 * Gives the headers of the answer to a preflight; none where the origin is not allowed; undefined = it is an ordinary
 * request.
 */
export function preflightHeaders(policy: CorsPolicy, request: ReadRequest): readonly Header[] | undefined {
  const methods = request.header('access-control-request-method');
  const origin = originOf(request);
  if (request.method !== 'OPTIONS' || methods.length === 0 || origin === undefined) return undefined;
  if (!isAllowed(policy, origin)) return [];
  const asked = request.header('access-control-request-headers').join(',');
  const { allowCredentials, maxAgeSeconds } = policy;
  return [
    ...corsHeaders(policy, request),
    ...listed('access-control-allow-methods', policy.allowMethods, allowCredentials ? methods.join(',') : '*'),
    ...listed('access-control-allow-headers', policy.allowHeaders, allowCredentials ? asked : '*'),
    ['access-control-max-age', String(maxAgeSeconds)],
  ];
}

/** Gives the headers that an answer gets. To requests with credentials browsers take a wildcard for a name. */
export function corsHeaders(policy: CorsPolicy, request: ReadRequest): readonly Header[] {
  const origin = originOf(request);
  if (origin === undefined || !isAllowed(policy, origin)) return [];
  const { allowOrigins, allowCredentials, exposeHeaders } = policy;
  return [
    ...listed('access-control-allow-origin', [allowOrigins.includes('*') && !allowCredentials ? '*' : origin], '*'),
    ...(allowCredentials ? [['access-control-allow-credentials', 'true'] as const] : []),
    ...(allowCredentials
      ? listed(
          'access-control-expose-headers',
          exposeHeaders.filter((name) => name !== '*'),
          '',
        )
      : listed('access-control-expose-headers', exposeHeaders, '*')),
  ];
}

/** Tells whether an origin is one of those allowed; in a host `*` stands for one or more labels. */
export function originMatches(pattern: string, origin: string): boolean {
  if (pattern === '*') return true;
  const [wanted, found] = [split(pattern), split(origin)];
  if (wanted === undefined || found === undefined) return false;
  if (wanted.scheme !== found.scheme || wanted.port !== found.port) return false;
  const star = wanted.host.indexOf('*');
  if (star < 0) return wanted.host === found.host;
  const [head, tail] = [wanted.host.slice(0, star), wanted.host.slice(star + 1)];
  const { host } = found;
  return host.length > head.length + tail.length && host.startsWith(head) && host.endsWith(tail);
}

/** More than one is none. */
function originOf(request: ReadRequest): string | undefined {
  const values = request.header('origin');
  return values.length === 0 ? undefined : values.join(',');
}

function isAllowed({ allowOrigins }: CorsPolicy, origin: string): boolean {
  return allowOrigins.some((pattern) => originMatches(pattern, origin));
}

function split(origin: string): { readonly scheme: string; readonly host: string; readonly port: string } | undefined {
  const [, scheme = '', host = '', port] =
    /^(https?):\/\/(\[[^\]/]*\]|[^/:]+)(?::(\d*))?$/.exec(origin.toLowerCase()) ?? [];
  return scheme === '' ? undefined : { scheme, host, port: port ?? wellKnown.get(scheme) ?? '' };
}

function listed(name: string, values: readonly string[], any: string): readonly Header[] {
  const value = values.includes('*') ? any : values.join(', ');
  return value === '' ? [] : [[name, value]];
}
