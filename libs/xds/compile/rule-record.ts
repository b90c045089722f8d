// Keeps one rule of one gateway with the routes that were compiled for it: they stay while the rule and its backends
// stay as they are.
import type { HttpRuleEntry } from '#libs/snapshot/entry.ts';
import type { BackendUse } from '#libs/xds/envoy/backend.ts';
import { authUses } from '#libs/xds/envoy/external-auth.ts';
import type { ClusterOf } from '#libs/xds/envoy/forward.ts';
import { dependsOnPlace, type RoutePlace, type RuleRoutes, ruleRoutes } from '#libs/xds/envoy/rule-routes.ts';

export class RuleRecord {
  readonly gateway: string;
  /** Entry key. */
  readonly key: string;
  readonly entry: HttpRuleEntry;
  readonly #clusterOf: ClusterOf;
  readonly #compiled = new Map<string, RuleRoutes>();

  constructor(gateway: string, key: string, entry: HttpRuleEntry, clusterOf: ClusterOf) {
    this.gateway = gateway;
    this.key = key;
    this.entry = entry;
    this.#clusterOf = clusterOf;
  }

  /** Gives the routes for one place. */
  routesAt(place: RoutePlace): RuleRoutes {
    const isPattern = place.hostname.startsWith('*');
    const key = dependsOnPlace(this.entry)
      ? `${place.protocol} ${place.port} ${isPattern ? '*' : place.hostname}`
      : String(isPattern);
    let routes = this.#compiled.get(key);
    if (routes === undefined) {
      routes = ruleRoutes(this.entry, place, this.#clusterOf);
      this.#compiled.set(key, routes);
    }
    return routes;
  }

  /** A backend of it is another now. */
  forget(): void {
    this.#compiled.clear();
  }

  /** Says what could not be honoured, of what was compiled so far. */
  problems(): readonly string[] {
    return [...new Set([...this.#compiled.values()].flatMap(({ problems }) => problems))];
  }

  /** Gives the backends that it names, and how each is spoken to. */
  backends(): readonly BackendUse[] {
    const { action, filters, protocol } = this.entry;
    const targets = action.type === 'forward' ? action.backends : [];
    const all = [...filters, ...targets.flatMap(({ filters }) => filters)];
    const mirrors = all.flatMap((filter) => (filter.type === 'mirror' ? [filter.backend] : []));
    const sent = [...targets, ...mirrors].flatMap((choice) => ('key' in choice ? [{ key: choice.key, protocol }] : []));
    return [...sent, ...authUses(all)];
  }
}
