// Turns touched hostnames into scopes and locators. Keeps what it needs to do so at the cost of the change: which
// scopes a port has, and the order of the rules in them. Where a listener has filters that run before its rules are
// asked, they run on every request: each scope of it takes all, with the rules of wider hostnames that a request would
// else fall through to, and its own hostname has a scope also without rules.
import { intersectHostnames } from '#libs/gateway/hostname.ts';
import type { ListenerFilters } from './listener-filters.ts';
import { type PortModel, widenings } from './port-model.ts';
import type { ResourceTable } from './resource-table.ts';
import type { RouteIndex } from './route-index.ts';
import type { RuleRecord } from './rule-record.ts';
import { buildLocator, buildScope } from '#libs/xds/envoy/scope.ts';
import { type RankedRule, rankRules, scopeRoutes } from './scope-routes.ts';
import type { ProtoMessage } from '#libs/xds/envoy/resources.ts';
import type { RoutePlace } from '#libs/xds/envoy/rule-routes.ts';
import { type Located, foundMetadata, locatorHostname, scopeName } from '#libs/xds/envoy/scope-selection.ts';

interface PortScopes {
  /** Hostname → name of its scope. */
  readonly names: Map<string, string>;
  /** Those of `names` that are patterns. */
  readonly patterns: Set<string>;
  /** Those of `names` that are none, and have the rules of wider hostnames too. */
  readonly closed: Set<string>;
  /** Hostname → its rules in order. */
  readonly ranked: Map<string, readonly RankedRule[]>;
}

export class ScopeCompiler {
  readonly #index: RouteIndex;
  readonly #table: ResourceTable;
  readonly #filters: ListenerFilters;
  readonly #portOffset: number;
  readonly #ports = new Map<number, PortScopes>();

  constructor(index: RouteIndex, table: ResourceTable, filters: ListenerFilters, portOffset: number) {
    this.#index = index;
    this.#table = table;
    this.#filters = filters;
    this.#portOffset = portOffset;
  }

  /** Brings the scopes of one port up to date; `relocate` when its listeners changed. */
  update(port: number, touched: ReadonlySet<string>, change: { readonly relocate: boolean }): void {
    const model = this.#index.port(port);
    const scopes = this.#ports.get(port) ?? emptyScopes();
    this.#ports.set(port, scopes);
    const patterns = new Set(scopes.patterns);
    for (const hostname of touched) this.#rank(model, scopes, hostname);
    for (const hostname of withNarrower(touched, scopes)) this.#compile(port, model, scopes, hostname);
    if (change.relocate || patterns.symmetricDifference(scopes.patterns).size > 0) this.#locate(port, model, scopes);
    if (scopes.names.size === 0 && model === undefined) this.#ports.delete(port);
  }

  #rank(model: PortModel | undefined, scopes: PortScopes, hostname: string): void {
    const owner = model?.ownerOf(hostname);
    const isServed = model !== undefined && owner !== undefined && model.servesHttpAt(owner);
    const rules = isServed ? this.#index.rulesAt(model, owner, hostname) : new Map<RuleRecord, number>();
    if (rules.size === 0) scopes.ranked.delete(hostname);
    else scopes.ranked.set(hostname, rankRules(hostname, rules, scopes.ranked.get(hostname) ?? []));
  }

  #compile(port: number, model: PortModel | undefined, scopes: PortScopes, hostname: string): void {
    const owner = model?.ownerOf(hostname);
    const before = scopes.names.get(hostname);
    const filters = model === undefined || owner === undefined ? undefined : this.#filters.at(model, owner);
    const isOwner = filters !== undefined && hostname === owner && model?.servesHttpAt(owner) === true;
    const own = scopes.ranked.get(hostname) ?? (isOwner ? [] : undefined);
    scopes.closed.delete(hostname);
    if (model === undefined || owner === undefined || own === undefined) {
      if (before !== undefined) this.#table.delete('scope', before);
      scopes.names.delete(hostname);
      scopes.patterns.delete(hostname);
      return;
    }
    const protocol = model.family === 'http' ? 'HTTP' : 'HTTPS';
    const chain = model.chainAt(owner);
    const isPattern = hostname.startsWith('*');
    const wider = isPattern || filters !== undefined ? widerWithin(model, owner, hostname, scopes) : [];
    const place = { port, portOffset: this.#portOffset, protocol, hostname } as const;
    const routes = [
      ...scopeRoutes([own], place),
      ...(isPattern ? scopeRoutes(wider, place) : foundWider(wider, place)),
    ];
    const name = scopeName(chain, hostname);
    if (before !== undefined && before !== name) this.#table.delete('scope', before);
    this.#table.set(buildScope(chain, hostname, routes, filters));
    scopes.names.set(hostname, name);
    if (isPattern) scopes.patterns.add(hostname);
    else if (filters !== undefined) scopes.closed.add(hostname);
  }

  #locate(port: number, model: PortModel | undefined, scopes: PortScopes): void {
    if (model === undefined || !model.servesHttp) {
      this.#table.delete('scope', scopeName(`${port}`, locatorHostname));
      return;
    }
    const places = new Map<string, Located>();
    for (const hostname of [...new Set([...model.hostnames(), ...scopes.patterns])].toSorted()) {
      const owner = model.ownerOf(hostname);
      if (owner === undefined) continue;
      const isGuarded = model.leaderAt(owner)?.clientValidation !== undefined;
      places.set(hostname, { chain: model.chainAt(owner), hostname, isGuarded });
    }
    this.#table.set(buildLocator(port, places));
  }
}

/**
 * Gives the routes of wider hostnames in the scope of an exact one. They do what they do in scopes of their own, so
 * that redirects keep the Host that was sent; but a request that they take is found here, however its Host is spelt:
 * what is consented to may turn it to a rule of this hostname yet.
 */
function foundWider(wider: readonly (readonly RankedRule[])[], place: RoutePlace): readonly ProtoMessage[] {
  return scopeRoutes(wider, { ...place, hostname: '*' }).map((route) => ({ ...route, metadata: foundMetadata }));
}

function emptyScopes(): PortScopes {
  return { names: new Map(), patterns: new Set(), closed: new Set(), ranked: new Map() };
}

/** Gives the hostnames, and those that a touched pattern covers and whose scopes have its rules too. */
function withNarrower(touched: ReadonlySet<string>, { patterns, closed }: PortScopes): ReadonlySet<string> {
  const wide = [...touched].filter((hostname) => hostname.startsWith('*'));
  if (wide.length === 0) return touched;
  const narrower = [...patterns, ...closed].filter((hostname) =>
    wide.some((one) => intersectHostnames(one, hostname) === hostname),
  );
  return new Set([...touched, ...narrower]);
}

/** Gives the rules of the patterns around a hostname that belong to the same listener hostname, narrowest first. */
function widerWithin(
  model: PortModel,
  owner: string,
  hostname: string,
  { ranked }: PortScopes,
): readonly (readonly RankedRule[])[] {
  return widenings(hostname)
    .slice(1)
    .filter((pattern) => model.ownerOf(pattern) === owner)
    .map((pattern) => ranked.get(pattern) ?? []);
}
