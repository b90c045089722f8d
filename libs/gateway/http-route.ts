// HTTPRoute. A mistake in one rule stays in that rule: a rule whose matches cannot be read is dropped, one whose matches stand but
// whose filters, backends or timeouts cannot be honoured answers 500.
import { type BackendTarget, parseBackendTarget } from '#libs/gateway/backend-ref.ts';
import { canonicalJson } from '#libs/gateway/canonical.ts';
import { type Cursor, openBody } from '#libs/gateway/cursor.ts';
import { durationMs } from '#libs/gateway/duration.ts';
import {
  checkFilterCombination,
  isRedirect,
  parseHttpFilter,
  replacesPrefix,
  type RouteFilter,
} from '#libs/gateway/http-filter.ts';
import { type HttpMatch, matchEverything, parseHttpMatch } from '#libs/gateway/http-match.ts';
import { ipVersion } from '#libs/gateway/ip-address.ts';
import { sectionName, wildcardHostname } from '#libs/gateway/names.ts';
import type { KubeObject } from '#libs/gateway/object.ts';
import { type ParentRef, parseParentRefs } from '#libs/gateway/parent-ref.ts';
import type { Problem } from '#libs/gateway/problem.ts';

export interface HttpBackendRef {
  readonly target: BackendTarget;
  readonly weight: number;
  readonly filters: readonly RouteFilter[];
  /** Why the filters of this backend cannot be honoured. */
  readonly fault?: Problem;
}

/** Whole request and one attempt, in ms; 0 = no limit. */
export interface HttpTimeouts {
  readonly requestMs?: number;
  readonly backendRequestMs?: number;
}

/** Why a rule is not as written. */
export interface RuleFault {
  readonly effect: 'dropped' | 'answers 500';
  readonly reason: 'UnsupportedValue' | 'IncompatibleFilters';
  readonly problems: readonly Problem[];
}

export interface HttpRule {
  readonly index: number;
  readonly name?: string;
  /** Empty when the rule is dropped, else at least one. */
  readonly matches: readonly HttpMatch[];
  readonly filters: readonly RouteFilter[];
  readonly backends: readonly HttpBackendRef[];
  readonly timeouts?: HttpTimeouts;
  readonly fault?: RuleFault;
}

export interface HttpRoute {
  readonly parentRefs: readonly ParentRef[];
  /** Empty = any host of the listener. */
  readonly hostnames: readonly string[];
  readonly rules: readonly HttpRule[];
  /** Mistakes outside the rules: the route is not accepted. */
  readonly problems: readonly Problem[];
  /** Fields that are understood but not supported, and left out. */
  readonly ignored: readonly string[];
}

const matchesMax = 128;

/** Reads an HTTPRoute. Whatever it holds, this gives a value. */
export function parseHttpRoute(object: KubeObject, namespace: string): HttpRoute {
  const { at, problems } = openBody(object, 'spec');
  const parentRefs = parseParentRefs(at, namespace);
  at.requiredObject();
  const hostnames = parseHostnames(at.field('hostnames'));
  const items = at.field('rules').items(16);
  const rules = items.length === 0 ? [defaultRule] : items.map((item, index) => parseRule(item, index, namespace));
  const matchCount = rules.reduce((sum, rule) => sum + rule.matches.length, 0);
  if (matchCount > matchesMax)
    at.field('rules').problem(`has ${matchCount} matches; at most ${matchesMax} are allowed`);
  const ignored = items.flatMap((item) =>
    ['retry', 'sessionPersistence'].flatMap((name) => (item.field(name).present ? [item.field(name).path] : [])),
  );
  return { parentRefs, hostnames, rules: problems.length > 0 ? [] : rules, problems, ignored };
}

const defaultRule: HttpRule = { index: 0, matches: [matchEverything], filters: [], backends: [] };

function parseHostnames(at: Cursor): readonly string[] {
  const names = new Set<string>();
  for (const item of at.items(16)) {
    const name = item.requiredText(wildcardHostname);
    if (name === undefined) continue;
    if (ipVersion(name) !== 0) item.problem('must not be an IP address');
    else names.add(name);
  }
  return [...names].toSorted();
}

function parseRule(item: Cursor, index: number, namespace: string): HttpRule {
  const matchProblems: Problem[] = [];
  const inMatches = item.into(matchProblems);
  inMatches.requiredObject();
  const matchItems = inMatches.field('matches').items(64);
  const matches =
    matchItems.length === 0
      ? [matchEverything]
      : uniqueMatches(matchItems.flatMap((match) => parseHttpMatch(match) ?? []));
  const name = item.into([]).field('name').text(sectionName);
  const named = { index, ...(name === undefined ? {} : { name }) };
  if (matchProblems.length > 0) {
    const fault: RuleFault = { effect: 'dropped', reason: 'UnsupportedValue', problems: matchProblems };
    return { ...named, matches: [], filters: [], backends: [], fault };
  }
  return { ...named, matches, ...parseActions(item, matches, namespace) };
}

function uniqueMatches(matches: readonly HttpMatch[]): readonly HttpMatch[] {
  if (matches.length < 2) return matches;
  return [...new Map(matches.map((match) => [canonicalJson(match), match])).values()];
}

function parseActions(
  item: Cursor,
  matches: readonly HttpMatch[],
  namespace: string,
): Pick<HttpRule, 'filters' | 'backends' | 'timeouts' | 'fault'> {
  const unsupported: Problem[] = [];
  const incompatible: Problem[] = [];
  const at = item.into(unsupported);
  const filters = at
    .field('filters')
    .items(16)
    .flatMap((filter) => parseHttpFilter(filter, namespace) ?? []);
  const backends = at
    .field('backendRefs')
    .items(16)
    .map((backend) => parseBackend(backend, namespace));
  const timeouts = parseTimeouts(at.field('timeouts'));
  checkFilterCombination(item.into(incompatible).field('filters'), filters);
  if (filters.some(isRedirect) && backends.length > 0) {
    item.into(incompatible).field('backendRefs').problem('must be empty where RequestRedirect is used');
  }
  const [only] = matches;
  if (filters.some(replacesPrefix) && !(matches.length === 1 && only?.path.type === 'PathPrefix')) {
    item.into(incompatible).field('matches').problem('must be exactly one PathPrefix where ReplacePrefixMatch is used');
  }
  const reason = unsupported.length > 0 ? 'UnsupportedValue' : 'IncompatibleFilters';
  const problems = [...unsupported, ...incompatible];
  return {
    filters,
    backends,
    ...(timeouts === undefined ? {} : { timeouts }),
    ...(problems.length === 0 ? {} : { fault: { effect: 'answers 500', reason, problems } }),
  };
}

function parseBackend(at: Cursor, namespace: string): HttpBackendRef {
  const problems: Problem[] = [];
  const target = parseBackendTarget(at, namespace);
  const weight = at.field('weight').integer(0, 1_000_000) ?? 1;
  const own = at.into(problems).field('filters');
  const filters = own.items(16).flatMap((filter) => parseHttpFilter(filter, namespace) ?? []);
  checkFilterCombination(own, filters);
  // Envoy can change headers per backend, and nothing else.
  for (const filter of filters) {
    if (filter.type !== 'request-headers' && filter.type !== 'response-headers')
      own.problem(`cannot have ${filter.type} on one backend`);
  }
  const [fault] = problems;
  return { target, weight, filters, ...(fault === undefined ? {} : { fault }) };
}

function parseTimeouts(at: Cursor): HttpTimeouts | undefined {
  if (at.object() === undefined) return undefined;
  const requestMs = parseDuration(at.field('request'));
  const backendRequestMs = parseDuration(at.field('backendRequest'));
  // 0 = no limit; the CRD's rule compares it all the same.
  if (requestMs !== undefined && requestMs > 0 && backendRequestMs !== undefined && backendRequestMs > requestMs) {
    at.field('backendRequest').problem('must not be longer than request');
  }
  return {
    ...(requestMs === undefined ? {} : { requestMs }),
    ...(backendRequestMs === undefined ? {} : { backendRequestMs }),
  };
}

function parseDuration(at: Cursor): number | undefined {
  const text = at.text({ max: 32 });
  if (text === undefined) return undefined;
  return durationMs(text) ?? at.problem(`${JSON.stringify(text)} is not a duration such as 10s or 500ms`);
}
