// Parses one rule of an HTTPRoute or GRPCRoute. A mistake in a rule stays in it: a rule whose matches cannot be read is
// dropped, one whose matches stand but whose filters, backends or timeouts cannot be honoured answers 500.
import { type BackendTarget, parseBackendTarget } from '#libs/gateway/fields/backend-ref.ts';
import { canonicalJson } from '#libs/gateway/canonical.ts';
import type { Cursor } from '#libs/gateway/fields/cursor.ts';
import { checkServicesAsked, countAsked } from '#libs/gateway/filters/external-auth.ts';
import { durationMs } from '#libs/gateway/fields/duration.ts';
import {
  checkFilterCombination,
  type FilterType,
  isRedirect,
  parseHttpFilter,
  replacesPrefix,
  type RouteFilter,
} from '#libs/gateway/filters/http-filter.ts';
import type { HttpMatch } from './http-match.ts';
import { sectionName } from '#libs/gateway/fields/names.ts';
import type { Problem } from '#libs/gateway/problem.ts';
import type { RuleFault } from '#libs/gateway/fields/rule-fault.ts';

export interface HttpBackendRef {
  readonly target: BackendTarget;
  readonly weight: number;
  readonly filters: readonly RouteFilter[];
  /** Why the filters of this backend cannot be honoured. */
  readonly fault?: Problem;
}

/** Whole request and one attempt, in ms; 0 = no limit. */
interface HttpTimeouts {
  readonly requestMs?: number;
  readonly backendRequestMs?: number;
}

/** HTTPRouteRetry (GEP-1731). */
interface HttpRetry {
  /** Status codes that are tried again; what has not reached a backend always is. */
  readonly codes: readonly number[];
  /** Tries after the first; 0 = none, whatever failed. */
  readonly attempts: number;
  readonly backoffMs?: number;
}

export interface HttpRule {
  readonly index: number;
  readonly name?: string;
  /** The hostnames of the route that the rule is for; absent = all of them. */
  readonly hostnames?: readonly string[];
  /** Empty when the rule is dropped, else at least one. */
  readonly matches: readonly HttpMatch[];
  readonly filters: readonly RouteFilter[];
  readonly backends: readonly HttpBackendRef[];
  readonly timeouts?: HttpTimeouts;
  readonly retry?: HttpRetry;
  readonly fault?: RuleFault;
}

/** What sets HTTPRoute and GRPCRoute apart. */
export interface RuleDialect {
  /** Undefined = a problem was noted. */
  readonly parseMatch: (at: Cursor) => HttpMatch | undefined;
  /** What a rule without matches matches. */
  readonly everything: HttpMatch;
  readonly filters: readonly FilterType[];
  /** Whether a route that says nothing of rules has the CRD's default, one for everything; else it may have none. */
  readonly hasDefaultRule: boolean;
}

const matchesMax = 128;
const attemptsMax = 2_147_483_647;

/** Reads the rules of a route. A list that is written and empty is no rule for everything. */
export function parseHttpRules(at: Cursor, namespace: string, dialect: RuleDialect): readonly HttpRule[] {
  const { hasDefaultRule, everything } = dialect;
  if (hasDefaultRule && !at.present) return [{ index: 0, matches: [everything], filters: [], backends: [] }];
  const items = at.items(16, hasDefaultRule ? 1 : 0);
  const rules = items.map((item, index) => parseRule(item, index, namespace, dialect));
  const matchCount = rules.reduce((sum, rule) => sum + rule.matches.length, 0);
  if (matchCount > matchesMax) at.problem(`has ${matchCount} matches; at most ${matchesMax} are allowed`);
  return rules;
}

function parseRule(item: Cursor, index: number, namespace: string, dialect: RuleDialect): HttpRule {
  const problems: Problem[] = [];
  const inMatches = item.into(problems);
  inMatches.requiredObject();
  const matchItems = inMatches.field('matches').items(64);
  const sound = matchItems.flatMap((match) => {
    const before = problems.length;
    const read = dialect.parseMatch(match);
    return read === undefined || problems.length > before ? [] : [read];
  });
  const name = item.into([]).field('name').text(sectionName);
  const named = { index, ...(name === undefined ? {} : { name }) };
  if (problems.length > 0) {
    // What is to be asked about must not go to another rule unasked: as much of it as can be read is refused.
    const refused = wantsConsent(item) ? uniqueMatches(sound) : [];
    const effect = refused.length > 0 ? 'answers 500' : 'dropped';
    const fault: RuleFault = { effect, reason: 'UnsupportedValue', problems };
    return { ...named, matches: refused, filters: [], backends: [], fault };
  }
  const matches = matchItems.length === 0 ? [dialect.everything] : uniqueMatches(sound);
  return { ...named, matches, ...parseActions(item, matches, namespace, dialect) };
}

/** Tells whether a rule or one of its backends has a filter that asks for consent, readable or not. */
function wantsConsent(item: Cursor): boolean {
  const rule = item.into([]);
  return [rule, ...rule.field('backendRefs').items(16)].some((owner) =>
    owner
      .field('filters')
      .items(16)
      .some((filter) => filter.field('externalAuth').present || filter.field('type').text() === 'ExternalAuth'),
  );
}

function uniqueMatches(matches: readonly HttpMatch[]): readonly HttpMatch[] {
  if (matches.length < 2) return matches;
  return [...new Map(matches.map((match) => [canonicalJson(match), match])).values()];
}

function parseActions(
  item: Cursor,
  matches: readonly HttpMatch[],
  namespace: string,
  dialect: RuleDialect,
): Pick<HttpRule, 'filters' | 'backends' | 'timeouts' | 'retry' | 'fault'> {
  const unsupported: Problem[] = [];
  const incompatible: Problem[] = [];
  const at = item.into(unsupported);
  const filters = parseFilters(at.field('filters'), namespace, dialect);
  const backendItems = at.field('backendRefs').items(16);
  checkServicesAsked(at.field('filters'), filters);
  const asked = countAsked(filters);
  const backends = backendItems.map((backend) => parseBackend(backend, namespace, dialect, asked));
  const timeouts = parseTimeouts(at.field('timeouts'));
  const retry = parseRetry(at.field('retry'));
  checkFilterCombination(item.into(incompatible).field('filters'), filters);
  if (filters.some(isRedirect) && backends.length > 0) {
    item.into(incompatible).field('backendRefs').problem('must be empty where RequestRedirect is used');
  }
  const [only] = matches;
  const all = [...filters, ...backends.flatMap((backend) => backend.filters)];
  if (all.some(replacesPrefix) && !(matches.length === 1 && only?.path.type === 'PathPrefix')) {
    item.into(incompatible).field('matches').problem('must be exactly one PathPrefix where ReplacePrefixMatch is used');
  }
  const reason = unsupported.length > 0 ? 'UnsupportedValue' : 'IncompatibleFilters';
  const problems = [...unsupported, ...incompatible];
  return {
    filters,
    backends,
    ...(timeouts === undefined ? {} : { timeouts }),
    ...(retry === undefined ? {} : { retry }),
    ...(problems.length === 0 ? {} : { fault: { effect: 'answers 500', reason, problems } }),
  };
}

function parseFilters(at: Cursor, namespace: string, dialect: RuleDialect): readonly RouteFilter[] {
  return at.items(16).flatMap((filter) => parseHttpFilter(filter, namespace, dialect.filters) ?? []);
}

/** `asked` are the services that the rule has asked. */
function parseBackend(at: Cursor, namespace: string, dialect: RuleDialect, asked: number): HttpBackendRef {
  const problems: Problem[] = [];
  const target = parseBackendTarget(at, namespace);
  const weight = at.field('weight').integer(0, 1_000_000) ?? 1;
  const own = at.into(problems).field('filters');
  const filters = parseFilters(own, namespace, dialect);
  checkFilterCombination(own, filters);
  checkServicesAsked(own, filters, asked);
  if (filters.some(isRedirect)) own.problem('cannot redirect, for a backend');
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

function parseRetry(at: Cursor): HttpRetry | undefined {
  if (at.object() === undefined) return undefined;
  const codes = at
    .field('codes')
    .items(200)
    .flatMap((item) => item.integer(400, 599) ?? []);
  // CRDs before 1.7 have no default: what is absent is what was served then, too.
  const attempts = at.field('attempts').integer(0, attemptsMax) ?? 1;
  const backoffMs = parseDuration(at.field('backoff'));
  return {
    codes: [...new Set(codes)].toSorted((a, b) => a - b),
    attempts,
    ...(backoffMs === undefined ? {} : { backoffMs }),
  };
}

function parseDuration(at: Cursor): number | undefined {
  const text = at.text({ max: 32 });
  if (text === undefined) return undefined;
  return durationMs(text) ?? at.problem(`${JSON.stringify(text)} is not a duration such as 10s or 500ms`);
}
