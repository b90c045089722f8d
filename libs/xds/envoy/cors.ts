// Answers CORS by routes alone, so that it costs nothing where there is none, and says exactly what the specification
// wants: Envoy's own filter cannot answer a wildcard to requests with credentials. A route becomes
//
//   preflight, origin allowed   204 with what is allowed
//   preflight, any other        204 without
//   origin allowed              the route, its answer readable by the origin
//   any other                   the route
//
// Whatever a backend says of CORS itself does not count: the policy stands for it.
import type { HttpFilter } from '#libs/snapshot/entry.ts';
import type { CorsPolicy } from '#libs/gateway/filters/cors.ts';
import type { ProtoMessage } from './resources.ts';
import type { RoutePart } from './route-parts.ts';
import { isHeaderName } from './text-limits.ts';

const originPattern = /^(https?):\/\/([a-z0-9.*-]+)(?::(\d{1,5}))?$/i;
const originsMax = 256;
const listMax = 256;
const wellKnown: ReadonlyMap<string, string> = new Map([
  ['http', '80'],
  ['https', '443'],
]);

/** Gives the policy among filters, the last of several. */
export function corsOf(filters: readonly HttpFilter[]): CorsPolicy | undefined {
  return filters.flatMap((filter) => (filter.type === 'cors' ? [filter] : [])).at(-1);
}

/** Says why a policy cannot be honoured, or gives undefined. */
export function corsProblem(policy: CorsPolicy): string | undefined {
  const { allowOrigins, allowMethods, allowHeaders, exposeHeaders, maxAgeSeconds } = policy;
  const names = [...allowMethods, ...allowHeaders, ...exposeHeaders];
  if (allowOrigins.length > originsMax || names.length > listMax) return 'the CORS policy is too long';
  if (allowOrigins.some((origin) => origin !== '*' && (origin.length > 300 || !originPattern.test(origin))))
    return 'an allowed origin is not one';
  if (names.some((name) => !isHeaderName(name) && name.toLowerCase() !== 'host'))
    return 'a name in the CORS policy is not one';
  return Number.isInteger(maxAgeSeconds) ? undefined : 'the age in the CORS policy is not one';
}

/** Gives the routes that answer preflights, which `asks` knows, in the order in which they are tried. */
export function corsAnswers(policy: CorsPolicy, part: RoutePart, asks: readonly ProtoMessage[]): readonly RoutePart[] {
  const isAllowed = originMatch(policy.allowOrigins);
  const answer = (headers: readonly ProtoMessage[], added: readonly ProtoMessage[]): RoutePart => ({
    ...shareOf(part),
    headers: [...(part.headers ?? []), ...asks, ...headers],
    fields: { direct_response: { status: 204 }, response_headers_to_add: [...added, ...varying(policy)] },
  });
  return [
    ...(isAllowed === undefined ? [] : [answer([isAllowed], [...sharing(policy), ...allowing(policy)])]),
    ...(policy.allowOrigins.includes('*') ? [] : [answer([hasOrigin], [])]),
  ];
}

/** Gives the routes that stand for one and are no answers to preflights, in the order in which they are tried. */
export function corsRoutes(policy: CorsPolicy, part: RoutePart): readonly RoutePart[] {
  const isAllowed = originMatch(policy.allowOrigins);
  const vary = varying(policy);
  const own = part.headers ?? [];
  const share = { ...shareOf(part), ...(part.auths === undefined ? {} : { auths: part.auths }) };
  const readable = isAllowed === undefined ? [] : [...sharing(policy), ...exposing(policy)];
  return [
    ...(isAllowed === undefined
      ? []
      : [{ ...share, headers: [...own, isAllowed], fields: withHeaders(part.fields, [...readable, ...vary]) }]),
    { ...share, ...(own.length === 0 ? {} : { headers: own }), fields: withHeaders(part.fields, vary) },
  ];
}

/**
 * Gives the answers to preflights on the share of a part without a policy, where other shares of its rule have one: no,
 * or the error that its requests get.
 */
export function withoutPolicy(part: RoutePart, asks: readonly ProtoMessage[]): RoutePart {
  const fields = { direct_response: part.fields['direct_response'] ?? { status: 204 } };
  return { ...shareOf(part), headers: [...(part.headers ?? []), ...asks, hasOrigin], fields };
}

function shareOf({ fraction }: RoutePart): Pick<RoutePart, 'fraction'> {
  return fraction === undefined ? {} : { fraction };
}

function varying(policy: CorsPolicy): readonly ProtoMessage[] {
  return isForAll(policy) ? [] : [addition('vary', 'Origin', 'APPEND_IF_EXISTS_OR_ADD')];
}

const hasOrigin: ProtoMessage = { name: 'origin', present_match: true };

/** Knows a preflight among requests of any method. */
export const anyPreflight: readonly ProtoMessage[] = [
  { name: ':method', string_match: { exact: 'OPTIONS' } },
  { name: 'access-control-request-method', present_match: true },
];

/** Knows a preflight for a method among requests of OPTIONS. */
export function preflightFor(method: string): readonly ProtoMessage[] {
  return [{ name: 'access-control-request-method', string_match: { exact: method } }];
}

/** Tells whether the answer is the same for every origin. */
function isForAll({ allowOrigins, allowCredentials }: CorsPolicy): boolean {
  return allowOrigins.includes('*') && !allowCredentials;
}

/** Undefined: no origin is allowed. */
function originMatch(origins: readonly string[]): ProtoMessage | undefined {
  if (origins.length === 0) return undefined;
  if (origins.includes('*')) return hasOrigin;
  return { name: 'origin', string_match: { safe_regex: { regex: `(?i)(?:${origins.map(originRegex).join('|')})` } } };
}

/** A wildcard stands for one or more labels; the well-known port of a scheme may be left out. */
function originRegex(origin: string): string {
  const [, scheme = '', host = '', port] = originPattern.exec(origin) ?? [];
  const usual = wellKnown.get(scheme.toLowerCase()) ?? '';
  const hosts =
    host === '*' ? String.raw`(?:\[[^\]/]*\]|[^/:]+)` : host.replaceAll('.', String.raw`\.`).replaceAll('*', '[^/:]+');
  return `${scheme}://${hosts}${port === undefined || port === usual ? `(?::${usual})?` : `:${port}`}`;
}

/** Says to whom the answer is given. */
function sharing(policy: CorsPolicy): readonly ProtoMessage[] {
  return [
    addition('access-control-allow-origin', isForAll(policy) ? '*' : '%REQ(origin)%'),
    ...(policy.allowCredentials ? [addition('access-control-allow-credentials', 'true')] : []),
  ];
}

/** Of the answer to a preflight. With credentials a wildcard is none to browsers: they are told what they asked for. */
function allowing(policy: CorsPolicy): readonly ProtoMessage[] {
  const { allowMethods, allowHeaders, allowCredentials, maxAgeSeconds } = policy;
  const list = (name: string, values: readonly string[], asked: string): readonly ProtoMessage[] => {
    if (values.length === 0) return [];
    return [addition(name, values.includes('*') ? (allowCredentials ? asked : '*') : literal(values))];
  };
  return [
    ...list('access-control-allow-methods', allowMethods, '%REQ(access-control-request-method)%'),
    ...list('access-control-allow-headers', allowHeaders, '%REQ(access-control-request-headers)%'),
    ...exposing(policy),
    addition('access-control-max-age', `${maxAgeSeconds}`),
  ];
}

function exposing({ exposeHeaders, allowCredentials }: CorsPolicy): readonly ProtoMessage[] {
  const names = allowCredentials ? exposeHeaders.filter((name) => name !== '*') : exposeHeaders;
  return names.length === 0 ? [] : [addition('access-control-expose-headers', literal(names))];
}

function literal(values: readonly string[]): string {
  return values.join(', ').replaceAll('%', '%%');
}

const ownHeaders = ['access-control-allow-origin', 'access-control-allow-credentials', 'access-control-expose-headers'];

/** Envoy removes before it adds. */
function withHeaders(fields: ProtoMessage, added: readonly ProtoMessage[]): ProtoMessage {
  const { response_headers_to_add: adds, response_headers_to_remove: removes } = fields;
  return {
    ...fields,
    response_headers_to_add: [...(Array.isArray(adds) ? adds : []), ...added],
    response_headers_to_remove: [...new Set([...(Array.isArray(removes) ? removes : []), ...ownHeaders])],
  };
}

function addition(key: string, value: string, action = 'OVERWRITE_IF_EXISTS_OR_ADD'): ProtoMessage {
  return { header: { key, value }, append_action: action };
}
