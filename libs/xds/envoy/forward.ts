// Forwards to weighted backends. One cluster or weighted clusters stand on one route; where a backend has filters that
// Envoy knows only on routes (path rewrite, mirror, CORS), it gets a route with the share of requests that is left for
// it. Whom a backend asks for consent stands where its cluster stands, and comes after those whom the rule asks.
import type { ExternalAuth, HttpFilter, HttpRuleEntry, RuleAction, WeightedBackend } from '#libs/snapshot/entry.ts';
import type { HttpMatch } from '#libs/gateway/objects/http-match.ts';
import { invalidCluster } from './backend.ts';
import { corsOf, corsProblem } from './cors.ts';
import { authFilters, type AuthPlace } from './external-auth.ts';
import { headerFields, headerFiltersProblem } from './header-changes.ts';
import { independentWeights, isDrawing, millionths, mirrorShares } from './mirrors.ts';
import { rewriteFields, rewriteOf } from './path-change.ts';
import { servicesAskedMax } from '#libs/gateway/filters/external-auth.ts';
import { placed } from './policy-filters.ts';
import type { ProtoMessage } from './resources.ts';
import { retryFields } from './retry.ts';
import { noBackend, noBackendCode, type RoutePart, type RouteParts } from './route-parts.ts';
import { isHostName } from './text-limits.ts';
import { duration, timeLimits } from './time-limits.ts';

/**
 * Name of the cluster of a backend's entry key, or undefined when there is no such entry. `asked` = it is asked for
 * consent by this protocol, and not sent the rule's requests.
 */
export type ClusterOf = (backendKey: string, asked?: ExternalAuth['protocol']) => string | undefined;

/** What of a rule and its match the forwarding depends on, beside the backends. */
interface ForwardContext extends Pick<HttpRuleEntry, 'filters' | 'timeouts' | 'retry' | 'protocol'> {
  readonly path: HttpMatch['path'];
  readonly clusterOf: ClusterOf;
  /** What asks for the consents that the rule wants. */
  readonly auths: readonly ProtoMessage[];
}

interface Target {
  /** Undefined: its share is answered 500. */
  readonly cluster: string | undefined;
  readonly weight: number;
  readonly filters: readonly HttpFilter[];
  /** What asks for the consents that this backend wants beside. */
  readonly auths: readonly ProtoMessage[];
}

const weightsMax = 4_294_967_295;

/** Gives the routes that forward the requests of one match, in the order in which they are tried. */
export function forwardParts(
  { backends }: Extract<RuleAction, { readonly type: 'forward' }>,
  context: ForwardContext,
): RouteParts {
  const targets = backends.filter(({ weight }) => weight > 0).map((backend) => toTarget(backend, context));
  const total = targets.reduce((sum, { weight }) => sum + weight, 0);
  if (total > weightsMax || targets.some(({ weight }) => !Number.isInteger(weight)))
    return { problem: 'the weights are out of range' };
  if (targets.every(({ cluster }) => cluster === undefined)) return { parts: [noBackend(context.protocol)] };
  const lists = [context.filters, ...targets.map(({ filters }) => filters)];
  const problem = lists.map(filtersProblem).find((one) => one !== undefined);
  if (problem !== undefined) return { problem };
  const isSplit = targets.length === 1 || targets.some(({ filters }) => filters.some(isRouteFilter));
  return isSplit ? split(targets, total, context) : weighted(targets, context);
}

function toTarget(backend: WeightedBackend, { clusterOf, timeouts, auths }: ForwardContext): Target {
  const { weight, filters } = backend;
  const cluster = 'key' in backend ? clusterOf(backend.key) : undefined;
  const made = authFilters(filters, clusterOf, afterRouting(timeouts));
  // Without whom it is to ask, nothing is sent to it.
  if (cluster === undefined || 'problem' in made || auths.length + made.filters.length > servicesAskedMax)
    return { cluster: undefined, weight, filters: [], auths: [] };
  return { cluster, weight, filters, auths: made.filters };
}

/** Says where rules and backends ask for consent. */
export function afterRouting(timeouts: HttpRuleEntry['timeouts']): AuthPlace {
  const { requestMs } = timeouts ?? {};
  return { place: 'after-routing', ...(requestMs === undefined ? {} : { requestMs }) };
}

/** Gives the field that has a backend ask for its own consents, after those of the rule. */
function ownAuths({ auths }: Target, context: ForwardContext): ProtoMessage {
  return auths.length === 0 ? {} : { typed_per_filter_config: placed('after-routing', auths, context.auths.length) };
}

/** Gives one route for all backends, or one for each share of the mirrors. */
function weighted(targets: readonly Target[], context: ForwardContext): RouteParts {
  const action = actionFields(context.filters, context);
  if ('problem' in action) return action;
  // Envoy changes headers and host for the cluster before those for its route; the specification has it the other way
  // round.
  const perCluster = targets.some(({ filters }) => filters.length > 0);
  const weights = targets.map(({ weight }) => weight);
  const written = context.filters.some(isDrawing) ? independentWeights(weights) : weights;
  const clusters = targets.map((target, index) => {
    const all = [...context.filters, ...target.filters];
    return {
      name: target.cluster ?? invalidCluster,
      weight: written[index],
      ...(perCluster ? { ...hostField(all), ...headerFields(all), ...ownAuths(target, context) } : {}),
    };
  });
  const isInvalid = targets.some(({ cluster }) => cluster === undefined);
  const route = {
    weighted_clusters: { clusters },
    ...(isInvalid ? { cluster_not_found_response_code: noBackendCode(context.protocol) } : {}),
    ...action.fields,
    ...(perCluster ? { host_rewrite_literal: undefined } : {}),
  };
  const shares = mirrorShares(context.filters, context.clusterOf, 'all requests');
  const pieces = shares.map(({ share, policies }) => ({
    share,
    part: {
      fields: { route: { ...route, ...mirrorField(policies) }, ...(perCluster ? {} : headerFields(context.filters)) },
    },
  }));
  return { parts: inTurn(pieces) };
}

/** Gives a route per backend, or one for each share of its mirrors. */
function split(targets: readonly Target[], total: number, context: ForwardContext): RouteParts {
  const pieces: Piece[] = [];
  for (const target of targets) {
    const { cluster, weight, filters } = target;
    const all = [...context.filters, ...filters];
    const action = actionFields(all, context);
    if ('problem' in action) return action;
    const cors = corsOf(filters);
    if (cluster === undefined) {
      pieces.push({ share: weight / total, part: noBackend(context.protocol) });
      continue;
    }
    const shares = mirrorShares(all, context.clusterOf, targets.length === 1 ? 'all requests' : 'a share');
    for (const { share, policies } of shares) {
      const route = { cluster, ...action.fields, ...mirrorField(policies) };
      const part = {
        fields: { route, ...headerFields(all) },
        ...(target.auths.length === 0 ? {} : { auths: [...context.auths, ...target.auths] }),
        ...(cors === undefined ? {} : { cors }),
      };
      pieces.push({ share: (share * weight) / total, part });
    }
  }
  return { parts: inTurn(pieces) };
}

/** A route and its share of the requests; the shares of a match add up to 1. */
interface Piece {
  readonly share: number;
  readonly part: RoutePart;
}

/**
 * Lets each route take its share of what the ones before leave. The number that Envoy draws is the same for all routes
 * of a request, so that shares add up. A share below a millionth may be none.
 */
function inTurn(pieces: readonly Piece[]): readonly RoutePart[] {
  let passed = 0;
  return pieces.map(({ share, part }, index) => {
    passed += share;
    return index === pieces.length - 1 ? part : { ...part, fraction: millionths(Math.min(1, passed)) };
  });
}

/** Says what a route action has beside its clusters. */
function actionFields(
  filters: readonly HttpFilter[],
  context: ForwardContext,
): { readonly fields: ProtoMessage } | { readonly problem: string } {
  const { path, timeouts, retry } = context;
  const change = filters.flatMap((filter) => (filter.type === 'rewrite' && filter.path ? [filter.path] : [])).at(-1);
  const rewrite = rewriteOf(change, path);
  if ('problem' in rewrite) return rewrite;
  const perTryMs = timeouts?.backendRequestMs ?? 0;
  return {
    fields: {
      ...timeLimits(context),
      ...rewriteFields(rewrite),
      ...hostField(filters),
      ...retryFields(retry, perTryMs > 0 ? duration(perTryMs) : undefined),
    },
  };
}

function mirrorField(policies: readonly ProtoMessage[]): ProtoMessage {
  return policies.length === 0 ? {} : { request_mirror_policies: policies };
}

function hostField(filters: readonly HttpFilter[]): ProtoMessage {
  const hosts = filters.flatMap((filter) => (filter.type === 'rewrite' && filter.hostname ? [filter.hostname] : []));
  return hosts.length === 0 ? {} : { host_rewrite_literal: hosts.at(-1) };
}

function filtersProblem(filters: readonly HttpFilter[]): string | undefined {
  for (const filter of filters) {
    if (filter.type === 'rewrite' && filter.hostname !== undefined && !isHostName(filter.hostname))
      return 'the new hostname is not one';
    const problem = filter.type === 'cors' ? corsProblem(filter) : undefined;
    if (problem !== undefined) return problem;
  }
  return headerFiltersProblem(filters);
}

/** Tells whether a weighted cluster cannot have the filter. */
function isRouteFilter(filter: HttpFilter): boolean {
  return filter.type === 'mirror' || filter.type === 'cors' || (filter.type === 'rewrite' && filter.path !== undefined);
}
