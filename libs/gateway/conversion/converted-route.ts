// Reads a route of an older API, as the v1 routes that it comes to, as one route: their rules follow one another, each
// for the hostnames of its own.
import { canonicalJson } from '#libs/gateway/canonical.ts';
import { isRecord } from '#libs/gateway/fields/record.ts';
import { parseHttpRoute } from '#libs/gateway/objects/http-route.ts';
import type { HttpRule } from '#libs/gateway/objects/http-rule.ts';
import type { KubeObject } from '#libs/gateway/object.ts';
import type { Problem } from '#libs/gateway/problem.ts';
import type { HttpRoute, RouteSpec, StreamRoute } from '#libs/gateway/objects/route-spec.ts';
import type { StreamRule } from '#libs/gateway/objects/stream-rule.ts';
import { parseTcpRoute, parseTlsRoute, parseUdpRoute } from '#libs/gateway/objects/stream-route.ts';

/** Field of the object that holds the v1 routes, and what was left out of them. */
export interface ConvertedFields {
  readonly converted: readonly unknown[];
  readonly warnings: readonly string[];
  /** What of the object is of the wrong type: then its v1 routes hold no more than their parents. */
  readonly problems: readonly Problem[];
  /** Hosts with listeners of their own, at which rules for any host hold, too. */
  readonly ownHosts?: readonly string[];
}

type Rule = HttpRule | StreamRule;

/** Reads a route that was converted to HTTPRoutes. */
export function parseConvertedHttp(object: KubeObject, namespace: string): RouteSpec {
  const parts = partsOf(object).map((part) => parseHttpRoute(part, namespace));
  return { ...head(object, parts), type: 'http', rules: joinRules(object, parts) };
}

/** Reads a route that was converted to TLSRoutes. */
export function parseConvertedTls(object: KubeObject, namespace: string): RouteSpec {
  return streams(
    'tls',
    object,
    partsOf(object).map((part) => parseTlsRoute(part, namespace)),
  );
}

/** Reads a route that was converted to a TCPRoute. */
export function parseConvertedTcp(object: KubeObject, namespace: string): RouteSpec {
  return streams(
    'tcp',
    object,
    partsOf(object).map((part) => parseTcpRoute(part, namespace)),
  );
}

/** Reads a route that was converted to a UDPRoute. */
export function parseConvertedUdp(object: KubeObject, namespace: string): RouteSpec {
  return streams(
    'udp',
    object,
    partsOf(object).map((part) => parseUdpRoute(part, namespace)),
  );
}

function streams(type: StreamRoute['type'], object: KubeObject, parts: readonly StreamRoute[]): StreamRoute {
  return { ...head(object, parts), type, rules: joinRules(object, parts) };
}

function head(
  object: KubeObject,
  parts: readonly RouteSpec[],
): Pick<HttpRoute, 'parentRefs' | 'hostnames' | 'problems' | 'ignored'> {
  const own = problemsOf(object);
  const problems = own.length > 0 ? own : parts.flatMap((part) => part.problems);
  const one = hasOnePart(parts);
  return {
    parentRefs: one ? (parts[0]?.parentRefs ?? []) : unique(parts.flatMap((part) => part.parentRefs)),
    hostnames: one ? (parts[0]?.hostnames ?? []) : [...new Set(parts.flatMap(hostnamesOf))],
    problems: unique(problems),
    ignored: [...warningsOf(object), ...parts.flatMap(({ ignored }) => ignored)],
  };
}

function joinRules<R extends Rule>(
  object: KubeObject,
  parts: readonly (Pick<RouteSpec, 'hostnames'> & { readonly rules: readonly R[] })[],
): readonly R[] {
  // A spec without rules has one that takes everything.
  if (problemsOf(object).length > 0) return [];
  const ownHosts = ownHostsOf(object);
  if (hasOnePart(parts)) return parts[0]?.rules ?? [];
  const rules = parts.flatMap((part) => {
    const hostnames = part.hostnames.length === 0 ? ['*', ...ownHosts.filter((host) => host !== '*')] : part.hostnames;
    return part.rules.map((rule) => ({ ...rule, hostnames }));
  });
  return rules.map((rule, index) => ({ ...rule, index }));
}

function unique<T>(values: readonly T[]): readonly T[] {
  return [...new Map(values.map((value) => [canonicalJson(value), value])).values()];
}

function hasOnePart(parts: readonly unknown[]): boolean {
  return parts.length < 2;
}

function hostnamesOf({ hostnames }: Pick<RouteSpec, 'hostnames'>): readonly string[] {
  return hostnames.length === 0 ? ['*'] : hostnames;
}

function partsOf({ converted }: KubeObject): readonly KubeObject[] {
  return Array.isArray(converted) ? converted.filter(isObject) : [];
}

function warningsOf({ warnings }: KubeObject): readonly string[] {
  return Array.isArray(warnings) ? warnings.filter((one) => typeof one === 'string') : [];
}

function problemsOf({ problems }: KubeObject): readonly Problem[] {
  return Array.isArray(problems) ? problems.filter(isProblem) : [];
}

function isProblem(value: unknown): value is Problem {
  return isRecord(value) && typeof value['path'] === 'string' && typeof value['message'] === 'string';
}

function ownHostsOf({ ownHosts }: KubeObject): readonly string[] {
  return Array.isArray(ownHosts) ? ownHosts.filter((one) => typeof one === 'string') : [];
}

function isObject(value: unknown): value is KubeObject {
  return isRecord(value) && isRecord(value['metadata']);
}
