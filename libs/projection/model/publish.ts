// Makes what a route puts into the gateways that it is attached to: an entry for each rule, use of backends, a claim
// for each match.
import { compareText } from '#libs/gateway/compare-text.ts';
import { canonicalJson } from '#libs/gateway/canonical.ts';
import { compareHostnameSpecificity, intersectHostnames } from '#libs/gateway/hostname.ts';
import type { Attachment } from './attach.ts';
import type { HttpRuleEntry, RouteName, StoredEntry, StreamRuleEntry } from '#libs/snapshot/entry.ts';
import { compareRules } from '#libs/snapshot/precedence.ts';
import type { ResolvedRule, ResolvedRules, RuleBody } from './resolve-rules.ts';
import { encodeEntry } from '#libs/snapshot/stored-entry.ts';
import { toRuleKey } from '#libs/snapshot/entry-key.ts';

type Hosts = HttpRuleEntry['hosts'];

/** Holds what one route puts into one gateway. */
export interface Publication {
  readonly gateway: string;
  readonly entries: readonly { readonly key: string; readonly stored: StoredEntry }[];
  /** Entry keys of backends. */
  readonly backends: readonly string[];
  /** Place keys of the Services that are referred to. */
  readonly services: readonly string[];
}

/** Describes one match of a rule on one listener and hostname: two equal ones cannot both win. */
export interface Claim {
  /** `gateway listener`, hostname and match as text. */
  readonly ground: string;
  readonly gateway: string;
  readonly listener: string;
  readonly hostname: string;
  readonly claimant: Claimant;
  readonly match: number;
}

/** Names the rule that claims a ground, and the hostname that its route has for it. */
export interface Claimant {
  readonly rule: RuleName;
  readonly hostname: string;
}

/** Names a rule, and decides between equally specific ones. */
export type RuleName = Pick<HttpRuleEntry, 'route' | 'index'>;

/** A route with more claims than this makes none: the search for shadowed rules leaves it out. */
const claimsMax = 2048;

/** Holds a route's rules with where they are attached. */
interface PublishedRoute {
  readonly route: RouteName;
  /** Of the route; what rules are for is told by them. */
  readonly hostnames: readonly string[];
}

/** Makes the entries of a route, for each gateway where it has at least one served listener. */
export function publishRoute(
  { route, hostnames }: PublishedRoute,
  attachments: readonly Attachment[],
  resolved: ResolvedRules,
): readonly Publication[] {
  return [...hostsByGateway(attachments, hostnames)].map(([gateway, hosts]) => ({
    gateway,
    entries: resolved.rules.flatMap((rule) => {
      const own = hostsOf(rule, hosts, hostnames);
      const key = toRuleKey(route, rule.body.index);
      return own.length === 0 ? [] : [{ key, stored: encodeEntry(toEntry(rule.body, route, own)) }];
    }),
    backends: resolved.backends,
    services: resolved.services,
  }));
}

/** Lists the claims of a route's rules. */
export function claimsOf(
  { route, hostnames }: PublishedRoute,
  attachments: readonly Attachment[],
  resolved: ResolvedRules,
): readonly Claim[] {
  const claims: Claim[] = [];
  const byGateway = hostsByGateway(attachments, hostnames);
  for (const rule of resolved.rules) {
    const { index } = rule.body;
    const grounds = groundsOf(rule.body);
    for (const [gateway, hosts] of byGateway) {
      for (const { listener, hostname, original = hostname } of hostsOf(rule, hosts, hostnames)) {
        const claimant = { rule: { route, index }, hostname: original };
        for (const [match, text] of grounds.entries()) {
          const ground = `${gateway} ${listener} ${hostname} ${text}`;
          claims.push({ ground, gateway, listener, hostname, claimant, match });
        }
      }
    }
  }
  return claims.length > claimsMax ? [] : claims;
}

/** Chooses whose claim to a ground holds, of the rules that claim it. */
export function winningRule(claimants: readonly Claimant[]): RuleName | undefined {
  return claimants.reduce<Claimant | undefined>(
    (best, one) => (best === undefined || compareClaimants(one, best) < 0 ? one : best),
    undefined,
  )?.rule;
}

function compareClaimants(a: Claimant, b: Claimant): number {
  return compareHostnameSpecificity(a.hostname, b.hostname) || compareRules(a.rule, b.rule);
}

function toEntry(body: RuleBody, route: RouteName, hosts: Hosts): HttpRuleEntry | StreamRuleEntry {
  return body.kind === 'http-rule' ? { route, hosts, ...body } : { route, hosts, ...body };
}

/**
 * Lists what a rule takes on one listener and hostname: requests by their match, connections all. Equal texts cannot
 * both win.
 */
function groundsOf(body: RuleBody): readonly string[] {
  // Matches hold their headers and parameters in order of name, so that equal ones have equal texts.
  return body.kind === 'http-rule' ? body.matches.map(canonicalJson) : ['all'];
}

/** Gives the hosts that a rule is for: all of its route's, or those that come of hostnames of its own. */
function hostsOf({ hostnames }: ResolvedRule, hosts: Hosts, ofRoute: readonly string[]): Hosts {
  if (hostnames === undefined) return hosts;
  return hosts
    .filter(
      ({ hostname }) =>
        hostnames.includes(hostname) ||
        // A listener's narrower hostname, unless the route names that one for other rules.
        (!ofRoute.includes(hostname) && hostnames.some((own) => intersectHostnames(own, hostname) === hostname)),
    )
    .map(({ listener, hostname }) => toHost(listener, hostname, hostnames));
}

/** Makes a host of an effective hostname, with the most specific hostname that it comes of where that is another. */
function toHost(listener: string, hostname: string, written: readonly string[]): Hosts[number] {
  if (written.includes(hostname)) return { listener, hostname };
  const wider = written.filter((one) => intersectHostnames(one, hostname) === hostname);
  const [original = '*'] = wider.toSorted(compareHostnameSpecificity);
  return original === hostname ? { listener, hostname } : { listener, hostname, original };
}

/** Gathers served listeners and effective hostnames by gateway, sorted, over all parentRefs. */
function hostsByGateway(attachments: readonly Attachment[], written: readonly string[]): ReadonlyMap<string, Hosts> {
  const byGateway = new Map<string, Map<string, Hosts[number]>>();
  for (const { gateway, listeners } of attachments) {
    for (const { name, served, hostnames } of listeners) {
      if (!served) continue;
      let hosts = byGateway.get(gateway);
      if (hosts === undefined) byGateway.set(gateway, (hosts = new Map()));
      for (const hostname of hostnames) hosts.set(`${name} ${hostname}`, toHost(name, hostname, written));
    }
  }
  return new Map([...byGateway].map(([gateway, hosts]) => [gateway, [...hosts.values()].toSorted(compareHosts)]));
}

function compareHosts(a: Hosts[number], b: Hosts[number]): number {
  return compareText(a.listener, b.listener) || compareText(a.hostname, b.hostname);
}
