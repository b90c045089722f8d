// The rules of an HTTPRoute with their references looked up: what each one does, and which references are wrong.
import type { HttpBackendRef, HttpRoute, HttpRule } from '#libs/gateway/http-route.ts';
import { isRedirect, type RouteFilter } from '#libs/gateway/http-filter.ts';
import { describeProblem } from '#libs/gateway/problem.ts';
import { type BackendLookup, resolveTarget, type RouteIdentity } from '#libs/snapshot/backends.ts';
import { type Fault, listProblems } from '#libs/snapshot/conditions.ts';
import type { HttpFilter, HttpRuleEntry, RuleAction, WeightedBackend } from '#libs/snapshot/entry.ts';

/** A rule as its entry will have it; dropped rules are left out. */
export type ResolvedRule = Pick<HttpRuleEntry, 'index' | 'name' | 'matches' | 'filters' | 'action' | 'timeouts'>;

export interface ResolvedRules {
  readonly rules: readonly ResolvedRule[];
  /** What is wrong with references, in the order of the rules. */
  readonly referenceFaults: readonly Fault[];
  /** Backend entries that the rules use, sorted. */
  readonly backends: readonly string[];
  /** Services that the rules refer to, rightly or not, as `namespace/name`, sorted. */
  readonly services: readonly string[];
}

/** Looks up everything that the rules of a route refer to. */
export function resolveRules(spec: HttpRoute, route: RouteIdentity, lookup: BackendLookup): ResolvedRules {
  const resolver = new RuleResolver(route, lookup);
  const rules = spec.rules.flatMap((rule) => (rule.fault?.effect === 'dropped' ? [] : [resolver.rule(rule)]));
  const { faults, backends, services } = resolver;
  return { rules, referenceFaults: faults, backends: [...backends].toSorted(), services: [...services].toSorted() };
}

/** Gathers faults and backends while the rules of one route are looked up. */
class RuleResolver {
  readonly faults: Fault[] = [];
  readonly backends = new Set<string>();
  readonly services = new Set<string>();
  readonly #route: RouteIdentity;
  readonly #lookup: BackendLookup;

  constructor(route: RouteIdentity, lookup: BackendLookup) {
    this.#route = route;
    this.#lookup = lookup;
  }

  rule(rule: HttpRule): ResolvedRule {
    const { index, name, matches, timeouts } = rule;
    const base = {
      index,
      ...(name === undefined ? {} : { name }),
      matches,
      ...(timeouts === undefined ? {} : { timeouts }),
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
    return { ...base, filters: this.#filters(rule.filters, index), action: this.#action(rule) };
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
    const found = this.#target(backend, index);
    return 'key' in found
      ? { ...found, weight, filters: this.#filters(backend.filters, index) }
      : { ...found, weight, filters: [] };
  }

  #filters(filters: readonly RouteFilter[], index: number): readonly HttpFilter[] {
    return filters.flatMap((filter): HttpFilter[] => {
      if (filter.type === 'redirect' || filter.type === 'extension') return [];
      if (filter.type !== 'mirror') return [filter];
      const { numerator, denominator } = filter;
      return [{ type: 'mirror', backend: this.#target(filter, index), numerator, denominator }];
    });
  }

  #target(
    from: Pick<HttpBackendRef, 'target'>,
    index: number,
  ): { readonly key: string } | { readonly invalid: string } {
    const found = resolveTarget(from.target, this.#route, this.#lookup);
    if ('kind' in from.target && from.target.kind === 'Service') {
      this.services.add(`${from.target.namespace}/${from.target.name}`);
    }
    if ('key' in found) {
      this.backends.add(found.key);
      return found;
    }
    this.faults.push({ reason: found.fault.reason, message: `rule ${index}: ${found.fault.message}` });
    return { invalid: found.fault.message };
  }
}
