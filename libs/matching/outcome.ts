// What a rule does with a request that it takes.
import type { HttpFilter, HttpRuleEntry, RuleAction } from '#libs/snapshot/entry.ts';
import { corsHeaders, corsPolicy, preflightHeaders } from '#libs/matching/cors.ts';
import { changeHeaders, headerChanges } from '#libs/matching/header-changes.ts';
import { changePath } from '#libs/matching/path-change.ts';
import { locationOf, type RedirectContext } from '#libs/matching/redirect.ts';
import type { ReadRequest } from '#libs/matching/request.ts';
import type { BackendRequest, Outcome, Share, Target } from '#libs/matching/verdict.ts';

export interface OutcomeContext extends RedirectContext {
  /** Whether the gateway has an entry of this backend. */
  readonly hasBackend: (key: string) => boolean;
}

/** Applies a rule. */
export function outcomeOf(rule: HttpRuleEntry, request: ReadRequest, context: OutcomeContext): Outcome {
  const { action, filters } = rule;
  if (action.type === 'invalid') return failed(action.reason);
  const cors = corsPolicy(filters);
  const preflight = cors === undefined ? undefined : preflightHeaders(cors, request);
  if (preflight !== undefined) return { type: 'preflight', status: 200, headers: preflight };
  if (action.type === 'forward') return forward(action.backends, rule, request, context);
  const location = locationOf(action.redirect, request, context);
  if (typeof location !== 'string') return failed(location.problem);
  return {
    type: 'redirect',
    status: action.redirect.statusCode,
    location,
    responseChanges: headerChanges(filters, 'response-headers'),
  };
}

function forward(
  backends: Extract<RuleAction, { readonly type: 'forward' }>['backends'],
  { filters, timeouts, retry }: HttpRuleEntry,
  request: ReadRequest,
  context: OutcomeContext,
): Outcome {
  const weighted = backends.filter(({ weight }) => weight > 0);
  if (backends.length === 0) return failed('the rule has no backends');
  if (weighted.length === 0) return failed('every backend has weight 0');
  const total = weighted.reduce((sum, { weight }) => sum + weight, 0);
  const shares: Share[] = [];
  for (const backend of weighted) {
    const target = targetOf(backend, context);
    const all = 'key' in target ? [...filters, ...backend.filters] : filters;
    const seen = backendRequest(request, all, context);
    if ('problem' in seen) return failed(seen.problem);
    const cors = corsPolicy(all);
    shares.push({
      backend: target,
      share: backend.weight / total,
      request: seen,
      responseChanges: headerChanges(all, 'response-headers'),
      corsHeaders: cors === undefined ? [] : corsHeaders(cors, request),
      mirrors: mirrorsOf(all, context),
    });
  }
  if (shares.every(({ backend }) => 'invalid' in backend))
    return failed(shares.map(({ backend }) => ('invalid' in backend ? backend.invalid : '')).join('; '));
  const cors = corsPolicy(filters);
  return {
    type: 'forward',
    shares,
    ...(timeouts === undefined ? {} : { timeouts }),
    ...(retry === undefined ? {} : { retry }),
    ...(cors === undefined ? {} : { cors }),
  };
}

/** The request after the filters: headers in order, of rewrites the last one that says something. */
function backendRequest(
  request: ReadRequest,
  filters: readonly HttpFilter[],
  { match }: OutcomeContext,
): BackendRequest | { readonly problem: string } {
  const rewrites = filters.filter((filter) => filter.type === 'rewrite');
  const change = rewrites.findLast(({ path }) => path !== undefined)?.path;
  const path = change === undefined ? request.path : changePath(request.path, change, match.path);
  if (typeof path !== 'string') return path;
  return {
    method: request.method,
    path: `${path}${request.query}`,
    host: rewrites.findLast(({ hostname }) => hostname !== undefined)?.hostname ?? request.authority,
    headers: changeHeaders(request.headers, headerChanges(filters, 'request-headers')),
  };
}

function mirrorsOf(filters: readonly HttpFilter[], context: OutcomeContext): Share['mirrors'] {
  return filters.flatMap((filter) =>
    filter.type === 'mirror' && filter.numerator > 0
      ? [{ backend: targetOf(filter.backend, context), share: filter.numerator / filter.denominator }]
      : [],
  );
}

function targetOf(choice: Target, { hasBackend }: OutcomeContext): Target {
  if ('invalid' in choice) return { invalid: choice.invalid };
  return hasBackend(choice.key) ? { key: choice.key } : { invalid: `there is no ${choice.key}` };
}

function failed(reason: string): Outcome {
  return { type: 'error', status: 500, reason };
}
