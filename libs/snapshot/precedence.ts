// Decides which match wins, by the specification (HTTPRouteRule.matches, GRPCRouteRule.matches), for the node's route
// tables and for the status of shadowed rules. It makes two choices that the specification leaves open:
//   - a RegularExpression path ranks after Exact and before any PathPrefix (else the default prefix '/' would hide it);
//     longer first;
//   - a route without hostnames ranks after those that name one.
// Hostnames come before any of this: first the effective (intersected) ones, each of which is a group of its own, then,
// within a group, those that the routes were written with (HTTPRouteSpec.hostnames, and GRPCRoute and TLSRoute alike).
import { compareText } from '#libs/gateway/compare-text.ts';
import { compareHostnameSpecificity } from '#libs/gateway/hostname.ts';
import type { AttachedHost, HttpRuleEntry, ListenerEntry, StreamRuleEntry } from './entry.ts';
import type { HttpMatch, StringMatch } from '#libs/gateway/objects/http-match.ts';

export interface RankedMatch {
  readonly match: HttpMatch;
  readonly rule: HttpRuleEntry;
  /** As its route has it (`originalHostname`). */
  readonly hostname: string;
  /** It takes the preflights of the match (libs/snapshot/preflight.ts), not its requests. */
  readonly isPreflight?: boolean;
}

/** Gives the hostname by which a rule ranks among those of one effective hostname. */
export function originalHostname({ hosts }: { readonly hosts: readonly AttachedHost[] }, hostname: string): string {
  // It follows from the route's hostnames and the effective one, and is the same on every listener.
  return hosts.find((host) => host.hostname === hostname)?.original ?? hostname;
}

/**
 * Orders matches on one effective hostname, the one that wins first: by the hostname of its route, by the match itself,
 * requests before preflights, then by its rule. Total over distinct matches.
 */
export function compareMatches(a: RankedMatch, b: RankedMatch): number {
  return (
    compareHostnameSpecificity(a.hostname, b.hostname) ||
    compareMatchSpecificity(a.match, b.match) ||
    Number(a.isPreflight ?? false) - Number(b.isPreflight ?? false) ||
    compareRules(a.rule, b.rule) ||
    a.rule.matches.indexOf(a.match) - b.rule.matches.indexOf(b.match)
  );
}

/** Orders rules that take all connections of one effective hostname, the one that wins first. */
export function compareStreamRules(a: StreamRuleEntry, b: StreamRuleEntry, hostname: string): number {
  return compareHostnameSpecificity(originalHostname(a, hostname), originalHostname(b, hostname)) || compareRules(a, b);
}

/**
 * Orders rules whose matches are equally specific: oldest route, then namespace/name, then cluster, kind and place in
 * the route.
 */
export function compareRules(
  a: Pick<HttpRuleEntry, 'route' | 'index'>,
  b: Pick<HttpRuleEntry, 'route' | 'index'>,
): number {
  return (
    compareText(a.route.createdAt, b.route.createdAt) ||
    compareText(`${a.route.namespace}/${a.route.name}`, `${b.route.namespace}/${b.route.name}`) ||
    compareText(a.route.cluster, b.route.cluster) ||
    compareText(a.route.kind, b.route.kind) ||
    a.index - b.index
  );
}

/**
 * Orders the listeners that share a port, and the rules that they bring where those are otherwise equal: oldest Gateway
 * first.
 */
export function compareListeners(
  a: { readonly gateway: string; readonly entry: Pick<ListenerEntry, 'createdAt' | 'name'> },
  b: { readonly gateway: string; readonly entry: Pick<ListenerEntry, 'createdAt' | 'name'> },
): number {
  return (
    compareText(a.entry.createdAt, b.entry.createdAt) ||
    compareText(a.gateway, b.gateway) ||
    compareText(a.entry.name, b.entry.name)
  );
}

/** Orders matches by the specification's criteria only; 0 = equally specific. */
function compareMatchSpecificity(a: HttpMatch, b: HttpMatch): number {
  return tier(a) - tier(b) || comparePaths(a, b) || compareRest(a, b);
}

/**
 * Says which matches can be compared by their paths: those of one kind of route. On a hostname that has both kinds,
 * because Gateways share a port, a gRPC method is the more specific, and what takes every path comes last.
 */
function tier({ grpc, path }: HttpMatch): number {
  if (grpc === undefined) return path.type === 'PathPrefix' && path.value === '/' ? 2 : 1;
  return grpc.service === undefined && grpc.method === undefined ? 2 : 0;
}

function comparePaths(a: HttpMatch, b: HttpMatch): number {
  if (a.grpc !== undefined && b.grpc !== undefined)
    return comparePart(a.grpc.service, b.grpc.service) || comparePart(a.grpc.method, b.grpc.method);
  return pathRank[a.path.type] - pathRank[b.path.type] || b.path.value.length - a.path.value.length;
}

function compareRest(a: HttpMatch, b: HttpMatch): number {
  return (
    Number(a.method === undefined) - Number(b.method === undefined) ||
    b.headers.length - a.headers.length ||
    b.query.length - a.query.length
  );
}

const pathRank = { Exact: 0, RegularExpression: 1, PathPrefix: 2 } as const;

/**
 * Compares one part: more characters first (GRPCRouteRule.matches); an expression after what is exact, none at all
 * last.
 */
function comparePart(a: StringMatch | undefined, b: StringMatch | undefined): number {
  return partRank(a) - partRank(b) || (b?.value.length ?? 0) - (a?.value.length ?? 0);
}

function partRank(part: StringMatch | undefined): number {
  if (part === undefined) return 2;
  return part.type === 'Exact' ? 0 : 1;
}
