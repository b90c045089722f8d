// HTTPCORSFilter: what a browser's question before a request is answered, and the headers that answers get.
import type { CorsPolicy, HttpFilter } from '#libs/snapshot/entry.ts';
import type { Header, ReadRequest } from '#libs/matching/request.ts';

/** The policy that counts among filters. */
export function corsPolicy(filters: readonly HttpFilter[]): CorsPolicy | undefined {
  return filters.find((filter) => filter.type === 'cors');
}

/** The answer to a preflight of an allowed origin; undefined = it is an ordinary request. */
export function preflightHeaders(policy: CorsPolicy, request: ReadRequest): readonly Header[] | undefined {
  const [method = ''] = request.header('access-control-request-method');
  const origin = allowedOrigin(policy, request);
  if (request.method !== 'OPTIONS' || method === '' || origin === undefined) return undefined;
  const asked = request.header('access-control-request-headers').join(',');
  const { allowCredentials, maxAgeSeconds } = policy;
  return [
    ...listed('access-control-allow-methods', policy.allowMethods, allowCredentials ? method : '*'),
    ...listed('access-control-allow-headers', policy.allowHeaders, allowCredentials ? asked : '*'),
    ...corsHeaders(policy, request),
    ['access-control-max-age', String(maxAgeSeconds)],
  ];
}

/** The headers that an answer gets. */
export function corsHeaders(policy: CorsPolicy, request: ReadRequest): readonly Header[] {
  const origin = allowedOrigin(policy, request);
  if (origin === undefined) return [];
  return [
    ['access-control-allow-origin', origin],
    ...(policy.allowCredentials ? [['access-control-allow-credentials', 'true'] as const] : []),
    ...listed('access-control-expose-headers', policy.exposeHeaders, '*'),
  ];
}

/** Whether an origin is one of those allowed; `*` stands for one or more labels. */
export function originMatches(pattern: string, origin: string): boolean {
  if (pattern === '*' || pattern === origin) return true;
  const star = pattern.indexOf('*');
  if (star < 0) return false;
  const [head, tail] = [pattern.slice(0, star), pattern.slice(star + 1)];
  return origin.length > head.length + tail.length && origin.startsWith(head) && origin.endsWith(tail);
}

function allowedOrigin({ allowOrigins }: CorsPolicy, request: ReadRequest): string | undefined {
  const [origin = ''] = request.header('origin');
  if (origin === '') return undefined;
  return allowOrigins.some((pattern) => originMatches(pattern, origin)) ? origin : undefined;
}

function listed(name: string, values: readonly string[], any: string): readonly Header[] {
  const value = values.includes('*') ? any : values.join(', ');
  return value === '' ? [] : [[name, value]];
}
