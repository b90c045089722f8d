// Looks up the references in the rules of a route, and says what each rule does and which references are wrong.
import type { HttpBackendRef, HttpRule } from '#libs/gateway/objects/http-rule.ts';
import { isRedirect, type RouteFilter } from '#libs/gateway/filters/http-filter.ts';
import { describeProblem } from '#libs/gateway/problem.ts';
import type { HttpRoute, RouteSpec, StreamRoute } from '#libs/gateway/objects/route-spec.ts';
import type { StreamRule } from '#libs/gateway/objects/stream-rule.ts';
import { type BackendLookup, resolveTarget, type RouteIdentity, serviceOf } from './backends.ts';
import { type Fault, listProblems } from './conditions.ts';
import { toExternalAuth } from './external-auth.ts';
import type { HttpFilter, HttpRuleEntry, RuleAction, StreamRuleEntry, WeightedBackend } from '#libs/snapshot/entry.ts';

/** Describes a rule as its entry will have it, but for its route and where it is attached. */
export type RuleBody = Omit<HttpRuleEntry, 'route' | 'hosts'> | Omit<StreamRuleEntry, 'route' | 'hosts'>;

export interface ResolvedRule {
  readonly body: RuleBody;
  /** The hostnames of the route that the rule is for; absent = all of them. */
  readonly hostnames?: readonly string[];
}

export interface ResolvedRules {
  /** Dropped rules are left out. */
  readonly rules: readonly ResolvedRule[];
  /** What is wrong with references, in the order of the rules. */
  readonly referenceFaults: readonly Fault[];
  /** Backend entries that the rules use, sorted. */
  readonly backends: readonly string[];
  /** Services that the rules refer to, rightly or not, as `namespace/name`, sorted. */
  readonly services: readonly string[];
}

/** Looks up everything that the rules of a route refer to. */
export function resolveRules(spec: RouteSpec, route: RouteIdentity, lookup: BackendLookup): ResolvedRules {
  const resolver = new RuleResolver(spec.type, route, lookup);
  const rules = spec.type === 'http' ? resolver.httpRules(spec) : resolver.streamRules(spec);
  const { faults, backends, services } = resolver;
  return { rules, referenceFaults: faults, backends: [...backends].toSorted(), services: [...services].toSorted() };
}

/** Gathers faults and backends while the rules of one route are looked up. */
class RuleResolver {
  readonly faults: Fault[] = [];
  readonly backends = new Set<string>();
  readonly services = new Set<string>();
  readonly #type: RouteSpec['type'];
  readonly #route: RouteIdentity;
  readonly #lookup: BackendLookup;

  constructor(type: RouteSpec['type'], route: RouteIdentity, lookup: BackendLookup) {
    this.#type = type;
    this.#route = route;
    this.#lookup = lookup;
  }

  httpRules({ rules, protocol }: HttpRoute): readonly ResolvedRule[] {
    return rules.filter(isKept).map((rule) => withHostnames(rule, this.#httpRule(rule, protocol)));
  }

  streamRules({ rules }: StreamRoute): readonly ResolvedRule[] {
    return rules.filter(isKept).map((rule) => {
      const { index, name, backends } = rule;
      const named = { index, ...(name === undefined ? {} : { name }) };
      const weighted = backends.map((backend) => ({
        ...this.#target(backend, `rule ${index}`),
        weight: backend.weight,
      }));
      return withHostnames(rule, { kind: 'stream-rule', ...named, backends: weighted });
    });
  }

  #httpRule(rule: HttpRule, protocol: HttpRoute['protocol']): RuleBody {
    const { index, name, matches, timeouts, retry } = rule;
    const base = {
      kind: 'http-rule' as const,
      index,
      ...(name === undefined ? {} : { name }),
      matches,
      ...(timeouts === undefined ? {} : { timeouts }),
      ...(protocol === undefined ? {} : { protocol }),
    };
    if (rule.fault !== undefined) {
      return { ...base, filters: [], action: { type: 'invalid', reason: listProblems(rule.fault.problems) } };
    }
    const extension = rule.filters.find((filter) => filter.type === 'extension');
    if (extension !== undefined) {
      const message = `rule ${index}: no filter is known behind ExtensionRef ${extension.reference}`;
      this.faults.push({ reason: 'InvalidKind', message });
      return { ...base, filters: [], action: { type: 'invalid', reason: message } };
    }
    return {
      ...base,
      ...(retry === undefined ? {} : { retry }),
      filters: this.#filters(rule.filters, index),
      action: this.#action(rule),
    };
  }

  #action(rule: HttpRule): RuleAction {
    const redirect = rule.filters.find(isRedirect);
    if (redirect !== undefined) return { type: 'redirect', redirect: redirect.redirect };
    return { type: 'forward', backends: rule.backends.map((backend, at) => this.#backend(backend, rule.index, at)) };
  }

  #backend(backend: HttpBackendRef, index: number, at: number): WeightedBackend {
    const { weight } = backend;
    const extension = backend.filters.find((filter) => filter.type === 'extension');
    if (backend.fault !== undefined || extension !== undefined) {
      const why =
        backend.fault === undefined ? `ExtensionRef ${extension?.reference ?? ''}` : describeProblem(backend.fault);
      const message = `rule ${index}, backend ${at}: ${why}`;
      this.faults.push({ reason: extension === undefined ? 'UnsupportedValue' : 'InvalidKind', message });
      return { invalid: message, weight, filters: [] };
    }
    const found = this.#target(backend, `rule ${index}`);
    return 'key' in found
      ? { ...found, weight, filters: this.#filters(backend.filters, index) }
      : { ...found, weight, filters: [] };
  }

  #filters(filters: readonly RouteFilter[], index: number): readonly HttpFilter[] {
    return filters.flatMap((filter): HttpFilter[] => {
      if (filter.type === 'redirect' || filter.type === 'extension') return [];
      if (filter.type === 'external-auth')
        return [toExternalAuth(filter, this.#target(filter, `rule ${index}: ExternalAuth`))];
      if (filter.type !== 'mirror') return [filter];
      const { numerator, denominator } = filter;
      return [{ type: 'mirror', backend: this.#target(filter, `rule ${index}`), numerator, denominator }];
    });
  }

  /** Looks up a backend; `where` begins what is said of it. */
  #target(
    from: Pick<HttpBackendRef, 'target'>,
    where: string,
  ): { readonly key: string } | { readonly invalid: string } {
    const found = resolveTarget(from.target, this.#type, this.#route, this.#lookup);
    const service = serviceOf(from.target, this.#route.cluster);
    if (service !== undefined) this.services.add(service);
    if ('key' in found) {
      this.backends.add(found.key);
      return found;
    }
    this.faults.push({ reason: found.fault.reason, message: `${where}: ${found.fault.message}` });
    return { invalid: found.fault.message };
  }
}

function isKept({ fault }: HttpRule | StreamRule): boolean {
  return fault?.effect !== 'dropped';
}

function withHostnames({ hostnames }: HttpRule | StreamRule, body: RuleBody): ResolvedRule {
  return hostnames === undefined ? { body } : { body, hostnames };
}
