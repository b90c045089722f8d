// Explains why a request gets what it gets: the verdict, and every other match of every rule with what it lost by. It
// costs a walk over all rules.
import { canonicalJson } from '#libs/gateway/canonical.ts';
import { hostnameMatches } from '#libs/gateway/hostname.ts';
import type { HttpMatch } from '#libs/gateway/objects/http-match.ts';
import { originalHostname } from '#libs/snapshot/precedence.ts';
import { arrive, findRule, type Matcher } from './matcher.ts';
import type { Place } from './port-table.ts';
import { type Lack, lacks } from './predicate.ts';
import { canonicalHost, type HttpRequest, type ReadRequest } from './request.ts';
import type { Candidate, RuleOf } from './rule-table.ts';
import type { Verdict } from './verdict.ts';

interface Explanation {
  readonly verdict: Verdict;
  /** What the winning match has; absent without one. */
  readonly match?: HttpMatch;
  /** The nearest first. */
  readonly losers: readonly Loser[];
}

/** One match of a rule that does not answer. */
export interface Loser {
  readonly rule: RuleOf;
  /** Index of the match. */
  readonly match: number;
  readonly loss: Loss;
}

/** What it lost by. */
type Loss =
  /** It matches, and another one comes first. */
  | { readonly by: Precedence; readonly winner: string }
  /** It is the same match as the winner's, which comes first: it never gets a request there. */
  | { readonly by: 'shadowed'; readonly winner: string; readonly because: Precedence }
  | { readonly by: 'request'; readonly lacks: readonly Lack[] }
  | { readonly by: 'hostname'; readonly hostnames: readonly string[] }
  /** Its listener would be for the host, if a narrower one were not. */
  | { readonly by: 'listener'; readonly hostname: string; readonly taken: string | undefined }
  | { readonly by: 'port'; readonly ports: readonly number[] };

/** Criteria in the order in which they decide. */
export type Precedence =
  | 'narrower hostname'
  | 'path type'
  | 'longer path'
  | 'method'
  | 'headers'
  | 'query'
  | 'older route'
  | 'name'
  | 'order';

/** Explains what becomes of a request. */
export function explainRequest(matcher: Matcher, sent: HttpRequest): Explanation {
  const { tables } = matcher;
  const arrival = arrive(tables, sent);
  const winner = 'verdict' in arrival ? undefined : findRule(arrival.place, arrival.request);
  const place = 'verdict' in arrival ? undefined : arrival.place;
  const request = 'verdict' in arrival ? undefined : arrival.request;
  const host = canonicalHost(sent.host);
  const listeners = new Map(tables.listeners.map((one) => [`${one.gateway} ${one.entry.name}`, one.entry]));
  const losers = tables.rules.flatMap(({ rule, predicates }) => {
    if (winner?.candidate.rule === rule) return [];
    const hosts = rule.entry.hosts.map(({ listener, hostname }) => ({
      hostname,
      listener: listeners.get(`${rule.gateway} ${listener}`),
    }));
    const here = hosts.filter(({ listener }) => listener?.port === sent.port);
    return predicates.map((predicate, match): Loser & { readonly distance: number } => {
      const place0 = placeLoss(here, hosts, host, place);
      const found = request === undefined ? [] : lacks(predicate, request);
      const distance = found.length + (place0 === undefined ? 0 : farness[place0.by]);
      const loss =
        place0 ??
        (found.length > 0 || winner === undefined || request === undefined
          ? ({ by: 'request', lacks: found } as const)
          : precedenceLoss(winner, { rule, match, predicate }, narrowest(here, request)));
      return { rule, match, loss, distance };
    });
  });
  return {
    verdict: matcher.match(sent),
    ...(winner === undefined ? {} : { match: winner.candidate.predicate.match }),
    losers: losers.toSorted((a, b) => a.distance - b.distance).map(({ rule, match, loss }) => ({ rule, match, loss })),
  };
}

const farness = { listener: 10, hostname: 20, port: 40 } as const;

type Attached = {
  readonly hostname: string;
  readonly listener: { readonly hostname: string; readonly port: number } | undefined;
};

/** Says why a rule is not asked for the request at all. */
function placeLoss(
  here: readonly Attached[],
  all: readonly Attached[],
  host: string,
  place: Place | undefined,
): Extract<Loss, { readonly by: 'hostname' | 'listener' | 'port' }> | undefined {
  if (here.length === 0)
    return { by: 'port', ports: [...new Set(all.flatMap(({ listener }) => listener?.port ?? []))] };
  const covering = here.filter(({ hostname }) => hostnameMatches(hostname, host));
  const [first] = covering;
  if (first === undefined) return { by: 'hostname', hostnames: [...new Set(here.map(({ hostname }) => hostname))] };
  if (covering.some(({ listener }) => listener?.hostname === place?.hostname)) return undefined;
  return { by: 'listener', hostname: first.listener?.hostname ?? '*', taken: place?.hostname };
}

function narrowest(here: readonly Attached[], { host }: ReadRequest): string {
  const covering = here.filter(({ hostname }) => hostnameMatches(hostname, host)).map(({ hostname }) => hostname);
  return covering.toSorted((a, b) => b.length - a.length)[0] ?? '*';
}

function precedenceLoss(
  winner: { readonly candidate: Candidate; readonly hostname: string },
  loser: Pick<Candidate, 'rule' | 'match' | 'predicate'>,
  hostname: string,
): Loss {
  const { candidate } = winner;
  const name = ruleText(candidate.rule);
  if (winner.hostname !== hostname) return { by: 'narrower hostname', winner: name };
  const original = originalHostname(loser.rule.entry, hostname);
  const by = candidate.hostname === original ? decidedBy(candidate, loser) : 'narrower hostname';
  const isSame = canonicalJson(candidate.predicate.match) === canonicalJson(loser.predicate.match);
  return isSame ? { by: 'shadowed', winner: name, because: by } : { by, winner: name };
}

/** Gives the first criterion by which two matches differ (HTTPRouteRule.matches). */
function decidedBy(
  winner: Pick<Candidate, 'rule' | 'predicate'>,
  loser: Pick<Candidate, 'rule' | 'predicate'>,
): Precedence {
  const [a, b] = [winner.predicate.match, loser.predicate.match];
  const [x, y] = [winner.rule.entry, loser.rule.entry];
  if (a.path.type !== b.path.type) return 'path type';
  if (a.path.value.length !== b.path.value.length) return 'longer path';
  if ((a.method === undefined) !== (b.method === undefined)) return 'method';
  if (a.headers.length !== b.headers.length) return 'headers';
  if (a.query.length !== b.query.length) return 'query';
  if (x.route.createdAt !== y.route.createdAt) return 'older route';
  const isSameRoute = x.route.namespace === y.route.namespace && x.route.name === y.route.name;
  return isSameRoute ? 'order' : 'name';
}

/** Gives `HTTPRoute shop/shop rule 0`. */
function ruleText({ entry: { route, index, name } }: RuleOf): string {
  return `${route.kind} ${route.namespace}/${route.name} rule ${index}${name === undefined ? '' : ` (${name})`}`;
}
