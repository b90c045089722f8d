// Parses an HTTPRouteFilter, which says what happens to a request or response on the way.
import { type BackendTarget, parseBackendTarget } from '#libs/gateway/fields/backend-ref.ts';
import { type CorsPolicy, parseCors } from './cors.ts';
import type { Cursor } from '#libs/gateway/fields/cursor.ts';
import { type ExternalAuthFilter, parseExternalAuth } from './external-auth.ts';
import {
  groupName,
  headerName,
  headerValue,
  kindName,
  objectName,
  preciseHostname,
} from '#libs/gateway/fields/names.ts';

export interface HeaderChange {
  readonly set: readonly { readonly name: string; readonly value: string }[];
  readonly add: readonly { readonly name: string; readonly value: string }[];
  readonly remove: readonly string[];
}

export type PathChange =
  | { readonly type: 'full'; readonly value: string }
  /** value starts with '/' and does not end with one, unless it is '/'. */
  | { readonly type: 'prefix'; readonly value: string };

export interface Redirect {
  readonly scheme?: 'http' | 'https';
  readonly hostname?: string;
  readonly port?: number;
  readonly path?: PathChange;
  readonly statusCode: 301 | 302 | 303 | 307 | 308;
}

export type RouteFilter =
  | ({ readonly type: 'request-headers' } & HeaderChange)
  | ({ readonly type: 'response-headers' } & HeaderChange)
  | { readonly type: 'rewrite'; readonly hostname?: string; readonly path?: PathChange }
  | { readonly type: 'redirect'; readonly redirect: Redirect }
  | {
      readonly type: 'mirror';
      readonly target: BackendTarget;
      readonly numerator: number;
      readonly denominator: number;
    }
  | ({ readonly type: 'cors' } & CorsPolicy)
  | ExternalAuthFilter
  | ExtensionFilter;

/** Nothing can be behind it: Fleetgate has no filters of other kinds. */
export interface ExtensionFilter {
  readonly type: 'extension';
  /** Kind and name, as people write them. */
  readonly reference: string;
}

export type FilterType =
  | 'RequestHeaderModifier'
  | 'ResponseHeaderModifier'
  | 'RequestMirror'
  | 'RequestRedirect'
  | 'URLRewrite'
  | 'CORS'
  | 'ExternalAuth'
  | 'ExtensionRef';

const readers: Readonly<Record<FilterType, (at: Cursor, routeNamespace: string) => RouteFilter | undefined>> = {
  RequestHeaderModifier: (at) => ({ type: 'request-headers', ...parseHeaderChange(at.field('requestHeaderModifier')) }),
  ResponseHeaderModifier: (at) => ({
    type: 'response-headers',
    ...parseHeaderChange(at.field('responseHeaderModifier')),
  }),
  RequestMirror: (at, routeNamespace) => parseMirror(at.field('requestMirror'), routeNamespace),
  RequestRedirect: (at) => ({ type: 'redirect', redirect: parseRedirect(at.field('requestRedirect')) }),
  URLRewrite: (at) => parseRewrite(at.field('urlRewrite')),
  CORS: (at) => ({ type: 'cors', ...parseCors(at.field('cors')) }),
  ExternalAuth: (at, routeNamespace) => parseExternalAuth(at.field('externalAuth'), routeNamespace),
  ExtensionRef: (at) => parseExtension(at.field('extensionRef')),
};
const statusCodes = [301, 302, 303, 307, 308] as const;

/** Parses one filter of one of the types that its place may have; undefined = a problem was noted. */
export function parseHttpFilter(
  at: Cursor,
  routeNamespace: string,
  allowed: readonly FilterType[],
): RouteFilter | undefined {
  if (at.requiredObject() === undefined) return undefined;
  const type = at.field('type').present ? at.field('type').oneOf(allowed) : at.field('type').problem('is missing');
  if (type === undefined) return undefined;
  // Of all payloads, the one that protects must not be passed over (CEL of HTTPRouteFilter).
  if (type !== 'ExternalAuth' && at.field('externalAuth').present)
    at.field('externalAuth').problem(`must not be set where type is ${type}`);
  return readers[type](at, routeNamespace);
}

/** Notes what must not stand together (HTTPRouteRule.filters). */
export function checkFilterCombination(at: Cursor, filters: readonly RouteFilter[]): void {
  for (const type of ['request-headers', 'response-headers', 'redirect', 'rewrite', 'cors'] as const) {
    if (filters.filter((filter) => filter.type === type).length > 1) at.problem(`may have only one filter for ${type}`);
  }
  if (filters.some(isRedirect) && filters.some((filter) => filter.type === 'rewrite')) {
    at.problem('may have RequestRedirect or URLRewrite, not both');
  }
}

/** Tells whether a path change needs the rule to have exactly one PathPrefix match. */
export function replacesPrefix(filter: RouteFilter): boolean {
  if (filter.type === 'rewrite') return filter.path?.type === 'prefix';
  return filter.type === 'redirect' && filter.redirect.path?.type === 'prefix';
}

export function isRedirect(filter: RouteFilter): filter is RouteFilter & { readonly type: 'redirect' } {
  return filter.type === 'redirect';
}

/**
 * Reads what a filter changes. Of equivalent names in `set` and `add` the first entry counts, `set` before `add`, and
 * the others are ignored (HTTPHeader.name). `remove` names no HTTPHeader: what it names is gone before the others come.
 */
function parseHeaderChange(at: Cursor): HeaderChange {
  at.requiredObject();
  const set = parseHeaders(at.field('set'));
  const isSet = new Set(set.map(({ name }) => name));
  const add = parseHeaders(at.field('add')).filter(({ name }) => !isSet.has(name));
  const remove = new Set<string>();
  for (const item of at.field('remove').items(16)) {
    const name = item.requiredText(headerName)?.toLowerCase();
    if (name !== undefined && !isSet.has(name)) remove.add(name);
  }
  const named = [...isSet, ...add.map(({ name }) => name), ...remove];
  // Envoy refuses a configuration that touches it.
  if (named.includes('host')) at.problem('cannot change Host; URLRewrite can');
  return { set, add, remove: [...remove] };
}

/** Parses headers in the order given; the first of equal names counts. */
function parseHeaders(at: Cursor): HeaderChange['set'] {
  const byName = new Map<string, { readonly name: string; readonly value: string }>();
  for (const item of at.items(16)) {
    if (item.requiredObject() === undefined) continue;
    const name = item.field('name').requiredText(headerName)?.toLowerCase();
    const value = item.field('value').requiredText(headerValue);
    if (name !== undefined && value !== undefined && !byName.has(name)) byName.set(name, { name, value });
  }
  return [...byName.values()];
}

function parsePathChange(at: Cursor): PathChange | undefined {
  if (at.object() === undefined) return undefined;
  const type = at.field('type').present
    ? at.field('type').oneOf(['ReplaceFullPath', 'ReplacePrefixMatch'])
    : at.field('type').problem('is missing');
  if (type === undefined) return undefined;
  const field = at.field(type === 'ReplaceFullPath' ? 'replaceFullPath' : 'replacePrefixMatch');
  const value = field.requiredText({ max: 1024, pattern: /^(\/[!"$->@-~]*)?$/, expected: 'empty or a path from "/"' });
  if (value === undefined) return undefined;
  if (type === 'ReplaceFullPath') return { type: 'full', value: value === '' ? '/' : value };
  return { type: 'prefix', value: value.replace(/\/+$/, '') || '/' };
}

function parseRedirect(at: Cursor): Redirect {
  at.requiredObject();
  const scheme = at.field('scheme').oneOf(['http', 'https']);
  const hostname = at.field('hostname').text(preciseHostname);
  const port = at.field('port').integer(1, 65535);
  const path = parsePathChange(at.field('path'));
  const code = at.field('statusCode').integer(300, 399) ?? 302;
  const statusCode = statusCodes.find((one) => one === code);
  if (statusCode === undefined) at.field('statusCode').problem(`must be one of ${statusCodes.join(', ')}`);
  return {
    ...(scheme === undefined ? {} : { scheme }),
    ...(hostname === undefined ? {} : { hostname }),
    ...(port === undefined ? {} : { port }),
    ...(path === undefined ? {} : { path }),
    statusCode: statusCode ?? 302,
  };
}

function parseRewrite(at: Cursor): RouteFilter {
  at.requiredObject();
  const hostname = at.field('hostname').text(preciseHostname);
  const path = parsePathChange(at.field('path'));
  return { type: 'rewrite', ...(hostname === undefined ? {} : { hostname }), ...(path === undefined ? {} : { path }) };
}

function parseMirror(at: Cursor, routeNamespace: string): RouteFilter {
  at.requiredObject();
  const target = parseBackendTarget(at.field('backendRef'), routeNamespace);
  const percent = at.field('percent').integer(0, 100);
  const fraction = at.field('fraction').object();
  if (at.field('percent').present && at.field('fraction').present) at.problem('may have percent or fraction, not both');
  if (fraction === undefined) return { type: 'mirror', target, numerator: percent ?? 100, denominator: 100 };
  const denominator = fraction.field('denominator').integer(1, 2_147_483_647) ?? 100;
  const numerator = fraction.field('numerator').present
    ? fraction.field('numerator').integer(0, denominator)
    : fraction.field('numerator').problem('is missing');
  return { type: 'mirror', target, numerator: numerator ?? 0, denominator };
}

/** Reads a LocalObjectReference to a filter of another kind. */
export function parseExtension(at: Cursor): ExtensionFilter {
  at.requiredObject();
  const group = at.field('group').text(groupName) ?? '';
  const kind = at.field('kind').requiredText(kindName) ?? '';
  const name = at.field('name').requiredText(objectName) ?? '';
  return { type: 'extension', reference: `${kind}${group === '' ? '' : `.${group}`} ${name}` };
}
