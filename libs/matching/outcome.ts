// Says what a rule does with a request that it takes.
import type { HttpFilter, HttpRuleEntry, RuleAction, WeightedBackend } from '#libs/snapshot/entry.ts';
import { corsHeaders, corsPolicy, preflightHeaders } from './cors.ts';
import { changeHeaders, headerChanges } from './header-changes.ts';
import { changePath } from './path-change.ts';
import { locationOf, type RedirectContext } from './redirect.ts';
import type { ReadRequest } from './request.ts';
import { consentsOf, type FindBackend, targetOf } from './target.ts';
import type { BackendRequest, Consent, Outcome, Share, Target } from './verdict.ts';

interface OutcomeContext extends RedirectContext {
  readonly findBackend: FindBackend;
  /** The rule takes the request as a preflight of what it matches: no backend gets it. */
  readonly isPreflight: boolean;
  /** Whom the listener asks. */
  readonly consents: readonly Consent[];
}

/** Applies a rule. */
export function outcomeOf(rule: HttpRuleEntry, request: ReadRequest, context: OutcomeContext): Outcome {
  const { action, filters } = rule;
  const { consents: before } = context;
  if (action.type === 'invalid') return failed(action.reason, before);
  const own = consentsOf('rule', filters, context.findBackend);
  if ('problem' in own) return failed(own.problem, before);
  const consents = [...before, ...own.consents];
  const cors = corsPolicy(filters);
  if (action.type === 'forward') return forward(action.backends, rule, request, { ...context, own: own.consents });
  const location = locationOf(action.redirect, request, context);
  if (typeof location !== 'string') return failed(location.problem, before);
  const preflight = cors === undefined ? undefined : preflightHeaders(cors, request);
  if (preflight !== undefined) return { type: 'preflight', status: 204, headers: preflight, consents: before };
  return {
    type: 'redirect',
    status: action.redirect.statusCode,
    location,
    responseChanges: headerChanges(filters, 'response-headers'),
    corsHeaders: cors === undefined ? [] : corsHeaders(cors, request),
    consents,
  };
}

function failed(reason: string, consents: readonly Consent[]): Outcome {
  return { type: 'error', status: 500, reason, consents };
}

interface ForwardContext extends OutcomeContext {
  /** Whom the rule asks. */
  readonly own: readonly Consent[];
}

function forward(
  backends: Extract<RuleAction, { readonly type: 'forward' }>['backends'],
  rule: HttpRuleEntry,
  request: ReadRequest,
  context: ForwardContext,
): Outcome {
  const consents = [...context.consents, ...context.own];
  const weighted = backends.filter(({ weight }) => weight > 0);
  const total = weighted.reduce((sum, { weight }) => sum + weight, 0);
  const seenBy = weighted.some((backend) => 'key' in sentTo(backend, context)) ? 'backends' : 'nobody';
  const shares: Share[] = [];
  for (const backend of weighted) {
    const made = shareOf(backend, rule.filters, request, context, seenBy);
    if ('problem' in made) return failed(made.problem, context.consents);
    shares.push({ ...made, share: backend.weight / total });
  }
  const answers = shares.map(({ preflight }) => JSON.stringify(preflight));
  const rulePolicy = corsPolicy(rule.filters);
  const preflight = shares.length > 0 ? shares[0]?.preflight : rulePolicy && preflightHeaders(rulePolicy, request);
  if (preflight !== undefined && new Set(answers).size <= 1)
    return { type: 'preflight', status: 204, headers: preflight, consents: context.consents };
  if (shares.every(({ backend, preflight: own }) => 'invalid' in backend && own === undefined))
    return { type: 'error', status: noBackendStatus(rule), reason: whyNone(backends.length, shares), consents };
  const { timeouts, retry } = rule;
  return {
    type: 'forward',
    shares,
    noBackendStatus: noBackendStatus(rule),
    consents,
    ...(timeouts === undefined ? {} : { timeouts }),
    ...(retry === undefined ? {} : { retry }),
  };
}

function shareOf(
  backend: WeightedBackend,
  ruleFilters: readonly HttpFilter[],
  request: ReadRequest,
  context: ForwardContext,
  seenBy: 'backends' | 'nobody',
): Omit<Share, 'share'> | { readonly problem: string } {
  const asked = consentsOf('backend', backend.filters, context.findBackend, context.own.length);
  const target = sentTo(backend, context);
  const filters = 'key' in target ? [...ruleFilters, ...backend.filters] : ruleFilters;
  // A change that cannot be made does not matter to a request that nobody gets.
  const seen = backendRequest(request, seenBy === 'nobody' ? [] : filters, context);
  if ('problem' in seen) return seen;
  const cors = corsPolicy(filters);
  const refusal = context.isPreflight && 'key' in target ? [] : undefined;
  const preflight = cors === undefined ? refusal : preflightHeaders(cors, request);
  return {
    backend: target,
    request: seen,
    responseChanges: headerChanges(filters, 'response-headers'),
    corsHeaders: cors === undefined ? [] : corsHeaders(cors, request),
    mirrors: mirrorsOf(filters, context),
    consents: 'key' in target && 'consents' in asked ? asked.consents : [],
    ...(preflight === undefined ? {} : { preflight }),
  };
}

/** Says what is meant for an invalid backend; gRPC clients get UNAVAILABLE for it (GRPCRouteRule.backendRefs). */
function noBackendStatus({ protocol }: HttpRuleEntry): 500 | 503 {
  return protocol === 'grpc' ? 503 : 500;
}

function whyNone(count: number, shares: readonly Share[]): string {
  if (count === 0) return 'the rule has no backends';
  if (shares.length === 0) return 'every backend has weight 0';
  return shares.flatMap(({ backend }) => ('invalid' in backend ? [backend.invalid] : [])).join('; ');
}

/** Gives the request after the filters: headers in order, of rewrites the last one that says something. */
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
      ? [{ backend: targetOf(filter.backend, context.findBackend), share: filter.numerator / filter.denominator }]
      : [],
  );
}

/** Gives the backend, or why none gets its share: there is none, or nobody whom it is to ask. */
function sentTo(backend: WeightedBackend, context: ForwardContext): Target {
  const asked = consentsOf('backend', backend.filters, context.findBackend, context.own.length);
  const target = targetOf(backend, context.findBackend);
  return 'problem' in asked && 'key' in target ? { invalid: asked.problem } : target;
}
