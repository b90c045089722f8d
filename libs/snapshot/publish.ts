// What a route puts into the gateways that it is attached to: an entry for each rule, use of backends, a claim for each match.
import { canonicalJson } from '#libs/gateway/canonical.ts';
import type { HttpMatch } from '#libs/gateway/http-match.ts';
import type { Attachment } from '#libs/snapshot/attach.ts';
import type { HttpRuleEntry, StoredEntry } from '#libs/snapshot/entry.ts';
import { compareRules } from '#libs/snapshot/precedence.ts';
import type { ResolvedRules } from '#libs/snapshot/resolve-rules.ts';
import { encodeEntry } from '#libs/snapshot/stored-entry.ts';

type Hosts = HttpRuleEntry['hosts'];

/** One route in one gateway. */
export interface Publication {
  readonly gateway: string;
  readonly entries: readonly { readonly key: string; readonly stored: StoredEntry }[];
  /** Entry keys of backends. */
  readonly backends: readonly string[];
  /** Services that are referred to, as `namespace/name`. */
  readonly services: readonly string[];
}

/** One match of a rule on one listener and hostname: two equal ones cannot both win. */
export interface Claim {
  /** Gateway, listener, hostname and match as text. */
  readonly ground: string;
  readonly gateway: string;
  readonly listener: string;
  readonly rule: RuleName;
  readonly match: number;
}

/** What names a rule and decides between equally specific ones. */
export type RuleName = Pick<HttpRuleEntry, 'route' | 'index'>;

/** A route with more claims than this makes none: the search for shadowed rules leaves it out. */
const claimsMax = 2048;

/** The entries of a route, for each gateway where it has at least one served listener. */
export function publishRoute(
  route: HttpRuleEntry['route'],
  attachments: readonly Attachment[],
  resolved: ResolvedRules,
): readonly Publication[] {
  return [...hostsByGateway(attachments)].map(([gateway, hosts]) => ({
    gateway,
    entries: resolved.rules.map((rule) => ({
      key: `rule/${route.kind}/${route.namespace}/${route.name}/${rule.index}`,
      stored: encodeEntry({ kind: 'http-rule', route, hosts, ...rule }),
    })),
    backends: resolved.backends,
    services: resolved.services,
  }));
}

/** The claims of a route's rules. */
export function claimsOf(
  route: HttpRuleEntry['route'],
  attachments: readonly Attachment[],
  resolved: ResolvedRules,
): readonly Claim[] {
  const claims: Claim[] = [];
  const grounds = resolved.rules.map((rule) => rule.matches.map(matchText));
  for (const [gateway, hosts] of hostsByGateway(attachments)) {
    for (const { listener, hostname } of hosts) {
      for (const [at, { index }] of resolved.rules.entries()) {
        for (const [match, text] of grounds[at]?.entries() ?? []) {
          const ground = `${gateway} ${listener} ${hostname} ${text}`;
          claims.push({ ground, gateway, listener, rule: { route, index }, match });
        }
      }
    }
  }
  return claims.length > claimsMax ? [] : claims;
}

/** Whose claim to a ground holds. */
export function winningRule(claims: readonly Claim[]): RuleName | undefined {
  return claims.reduce<RuleName | undefined>(
    (best, { rule }) => (best === undefined || compareRules(rule, best) < 0 ? rule : best),
    undefined,
  );
}

/** Equal for matches that are satisfied by the same requests; they hold their headers and parameters in order of name. */
function matchText(match: HttpMatch): string {
  return canonicalJson(match);
}

/** Served listeners and effective hostnames by gateway, sorted, over all parentRefs. */
function hostsByGateway(attachments: readonly Attachment[]): ReadonlyMap<string, Hosts> {
  const byGateway = new Map<string, Map<string, Hosts[number]>>();
  for (const { gateway, listeners } of attachments) {
    for (const { name, served, hostnames } of listeners) {
      if (!served) continue;
      let hosts = byGateway.get(gateway);
      if (hosts === undefined) byGateway.set(gateway, (hosts = new Map()));
      for (const hostname of hostnames) hosts.set(`${name} ${hostname}`, { listener: name, hostname });
    }
  }
  return new Map([...byGateway].map(([gateway, hosts]) => [gateway, [...hosts.values()].toSorted(compareHosts)]));
}

function compareHosts(a: Hosts[number], b: Hosts[number]): number {
  if (a.listener !== b.listener) return a.listener < b.listener ? -1 : 1;
  return a.hostname < b.hostname ? -1 : a.hostname > b.hostname ? 1 : 0;
}
