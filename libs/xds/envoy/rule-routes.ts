// Builds the Envoy routes of one rule in one kind of scope, per match. What Envoy would refuse becomes a 500, and a
// problem that says why.
import type { HttpFilter, HttpRuleEntry } from '#libs/snapshot/entry.ts';
import type { HttpMatch } from '#libs/gateway/objects/http-match.ts';
import type { Redirect } from '#libs/gateway/filters/http-filter.ts';
import { anyPreflight, corsAnswers, corsOf, corsProblem, corsRoutes, preflightFor, withoutPolicy } from './cors.ts';
import { authFilters } from './external-auth.ts';
import { afterRouting, type ClusterOf, forwardParts } from './forward.ts';
import { headerFields, headerFiltersProblem } from './header-changes.ts';
import { rewriteOf } from './path-change.ts';
import { redirectActions, type RedirectPlace, redirectProblem } from './redirect.ts';
import { preflightMethod } from '#libs/snapshot/preflight.ts';
import { placed } from './policy-filters.ts';
import type { ProtoMessage } from './resources.ts';
import { compileMatch } from './route-match.ts';
import { internalError, type RoutePart, type RouteParts } from './route-parts.ts';
import { foundMetadata } from './scope-selection.ts';
import { toPlaceKey } from '#libs/gateway/object-key.ts';

export interface RuleRoutes {
  /** By index of the match; none where no request can match. */
  readonly routes: readonly (readonly ProtoMessage[])[];
  /** By index of the match: those for its preflights, where it takes some. */
  readonly preflights: readonly (readonly ProtoMessage[])[];
  readonly problems: readonly string[];
}

/** Where the routes are for. Only redirects look at more than whether the hostname is a pattern. */
export type RoutePlace = RedirectPlace;

const hasPort: ProtoMessage = { name: ':authority', string_match: { safe_regex: { regex: '.*:[0-9]+' } } };

/** Compiles all matches of a rule. */
export function ruleRoutes(rule: HttpRuleEntry, place: RoutePlace, clusterOf: ClusterOf): RuleRoutes {
  const problems: string[] = [];
  if (rule.action.type === 'invalid') problems.push(rule.action.reason);
  const made = rule.matches.map((match) => {
    const compiled = compileMatch(match);
    if ('problem' in compiled) {
      problems.push(`${compiled.problem}: never matches`);
      return { routes: [], preflights: [] };
    }
    const parts = ruleParts(rule, match, place, clusterOf);
    if ('problem' in parts) problems.push(`${parts.problem}: answers 500`);
    return matchRoutes(rule, match, 'problem' in parts ? [internalError] : parts.parts, place);
  });
  return {
    routes: made.map(({ routes }) => routes),
    preflights: made.map(({ preflights }) => preflights),
    problems: [...new Set(problems)],
  };
}

/** Gives the routes of one match, those that take its preflights apart: they rank behind requests. */
function matchRoutes(
  rule: HttpRuleEntry,
  match: HttpMatch,
  parts: readonly RoutePart[],
  place: RoutePlace,
): { readonly routes: readonly ProtoMessage[]; readonly preflights: readonly ProtoMessage[] } {
  const asked = preflightMethod(rule, match);
  const routes = parts.flatMap((part) => {
    if (part.cors === undefined) return [part];
    return [...(asked === undefined ? corsAnswers(part.cors, part, anyPreflight) : []), ...corsRoutes(part.cors, part)];
  });
  const preflights = asked === undefined ? [] : parts.flatMap((part) => preflightParts(part, preflightFor(asked)));
  const toRoutes = (from: HttpMatch, list: readonly RoutePart[]): readonly ProtoMessage[] => {
    const compiled = compileMatch(from);
    return 'problem' in compiled ? [] : list.map((part) => route(rule, compiled.match, part, place));
  };
  return { routes: toRoutes(match, routes), preflights: toRoutes({ ...match, method: 'OPTIONS' }, preflights) };
}

function preflightParts(part: RoutePart, asks: readonly ProtoMessage[]): readonly RoutePart[] {
  return part.cors === undefined ? [withoutPolicy(part, asks)] : corsAnswers(part.cors, part, asks);
}

/** Tells whether the routes of a rule differ between hostnames or ports. */
export function dependsOnPlace(rule: HttpRuleEntry): boolean {
  return rule.action.type === 'redirect';
}

function ruleParts(rule: HttpRuleEntry, match: HttpMatch, place: RoutePlace, clusterOf: ClusterOf): RouteParts {
  const { action, filters, timeouts, retry, protocol } = rule;
  if (action.type === 'invalid') return { parts: [internalError] };
  const asked = authFilters(filters, clusterOf, afterRouting(timeouts));
  if ('problem' in asked) return asked;
  const made =
    action.type === 'redirect'
      ? redirectParts(action.redirect, filters, match, place)
      : forwardParts(action, {
          filters,
          path: match.path,
          clusterOf,
          auths: asked.filters,
          ...(timeouts === undefined ? {} : { timeouts }),
          ...(retry === undefined ? {} : { retry }),
          ...(protocol === undefined ? {} : { protocol }),
        });
  if ('problem' in made) return made;
  const cors = corsOf(filters);
  const problem = cors === undefined ? undefined : corsProblem(cors);
  if (problem !== undefined) return { problem };
  const common = { auths: asked.filters, ...(cors === undefined ? {} : { cors }) };
  return { parts: made.parts.map((part) => ({ ...common, ...part })) };
}

function redirectParts(
  redirect: Redirect,
  filters: readonly HttpFilter[],
  match: HttpMatch,
  place: RoutePlace,
): RouteParts {
  const problem = redirectProblem(redirect) ?? headerFiltersProblem(filters);
  if (problem !== undefined) return { problem };
  const rewrite = rewriteOf(redirect.path, match.path);
  if ('problem' in rewrite) return rewrite;
  const parts = redirectActions(redirect, rewrite, place).map((action): RoutePart => {
    const fields = { redirect: action.redirect, ...headerFields(filters) };
    return action.hostWithPort ? { headers: [hasPort], fields } : { fields };
  });
  return { parts };
}

function route(rule: HttpRuleEntry, match: ProtoMessage, part: RoutePart, { hostname }: RoutePlace): ProtoMessage {
  const { headers } = match;
  const own = Array.isArray(headers) ? headers : [];
  const asks = placed('after-routing', part.auths ?? []);
  return {
    name: `${toPlaceKey(rule.route)}/${rule.index}`,
    match: {
      ...match,
      ...(part.headers === undefined ? {} : { headers: [...own, ...part.headers] }),
      ...(part.fraction === undefined ? {} : { runtime_fraction: part.fraction }),
    },
    ...(hostname.startsWith('*') ? {} : { metadata: foundMetadata }),
    ...(Object.keys(asks).length === 0 ? {} : { typed_per_filter_config: asks }),
    ...part.fields,
  };
}
