// Explains a request as data, which is what `--output json` prints. The text for people is made from the same facts.
import type { ListenerOf } from '#libs/matching/port-table.ts';
import type { HttpRequest } from '#libs/matching/request.ts';
import { compileMatcher, type Matcher } from '#libs/matching/matcher.ts';
import { explainRequest, type Loser } from '#libs/matching/explain.ts';
import type { RouteName } from '#libs/snapshot/entry.ts';
import { lossText, matchText } from '#libs/matching/loss-text.ts';
import { canonicalHost } from '#libs/matching/request.ts';
import { hostnameMatches } from '#libs/gateway/hostname.ts';
import type { Verdict } from '#libs/matching/verdict.ts';
import type { Ground } from './ground.ts';
import type { TypedRequest } from './typed-request.ts';

export interface Explained {
  readonly about: string;
  readonly verdict: Verdict;
  /** Whether a rule takes it. */
  readonly answered: boolean;
  /** Of the rule that answers, where that is known. */
  readonly place: string | undefined;
  /** The match that answers. */
  readonly match: string | undefined;
  readonly candidates: readonly ExplainedCandidate[];
  readonly problems: readonly string[];
  /** What an API server would refuse, `file:line: message`. */
  readonly refused: readonly string[];
  /** What was taken for granted, as sentences. */
  readonly assumed: readonly string[];
  /** What there is to connect to, where the request or connection found nothing. */
  readonly listeners: readonly ListenerOf[];
}

/** One match of a rule that does not answer; the nearest come first. */
export interface ExplainedCandidate {
  readonly gateway: string;
  readonly route: RouteName;
  readonly rule: number;
  readonly match: number;
  readonly matches: string;
  readonly why: string;
  /** Whether it is for the host: it is asked, and something of the request or the order of rules decides. */
  readonly forHost: boolean;
  /** `file:line` of the route, where that is known. */
  readonly place: string | undefined;
}

/** Explains a request or connection on a ground. */
export function explain(ground: Ground, typed: Exclude<TypedRequest, { readonly problem: string }>): Explained {
  const matcher = compileMatcher(ground.gateways, { portOffset: ground.portOffset });
  if (typed.type === 'stream') return explainConnection(ground, matcher, matcher.connect(typed.connection));
  const { verdict, match, losers } = explainRequest(matcher, typed.request);
  const winner = verdict.type === 'rule' ? verdict.rule.entry.route : undefined;
  return {
    ...base(ground, matcher, verdict),
    match: match === undefined ? undefined : matchText(match),
    candidates: losers.map((loser) => toCandidate(loser, ground, winner)),
    assumed: [...ground.assumed, ...agesAssumed(losers, ground, winner)],
    problems: problemsFor(ground, typed.request, verdict),
  };
}

function explainConnection(ground: Ground, matcher: Matcher, verdict: Verdict): Explained {
  const winner = verdict.type === 'stream' ? verdict.rule : undefined;
  const candidates = matcher.tables.streams
    .filter((stream) => stream !== winner)
    .map(({ gateway, entry }): ExplainedCandidate => ({
      gateway,
      route: entry.route,
      rule: entry.index,
      match: 0,
      matches: [...new Set(entry.hosts.map(({ hostname }) => hostname))].join(', '),
      forHost: true,
      why: 'another listener, server name, or a more specific or older route takes the connection',
      place: ground.place(entry.route.kind, entry.route.namespace, entry.route.name),
    }));
  const problems = [
    ...ground.problems,
    ...ground.routes.filter(({ taken }) => taken || verdict.type !== 'stream').flatMap(routeProblems),
  ];
  return { ...base(ground, matcher, verdict), match: undefined, candidates, problems };
}

function base(
  ground: Ground,
  { tables }: Matcher,
  verdict: Verdict,
): Pick<Explained, 'about' | 'verdict' | 'answered' | 'place' | 'listeners' | 'refused' | 'assumed'> {
  const answered = verdict.type === 'rule' || verdict.type === 'stream';
  const route = answered ? verdict.rule.entry.route : undefined;
  return {
    about: ground.about,
    refused: ground.refused,
    assumed: ground.assumed,
    verdict,
    answered,
    place: route && ground.place(route.kind, route.namespace, route.name),
    listeners: verdict.type !== 'rule' && verdict.listener === undefined ? tables.listeners : [],
  };
}

function toCandidate(loser: Loser, ground: Ground, winner: RouteName | undefined): ExplainedCandidate {
  const { entry, gateway } = loser.rule;
  const match = entry.matches[loser.match];
  return {
    gateway,
    route: entry.route,
    rule: entry.index,
    match: loser.match,
    matches: match === undefined ? '' : matchText(match),
    why: `${lossText(loser)}${isByAge(loser, ground, winner) ? ' (in a cluster the older route comes first)' : ''}`,
    forHost: !['hostname', 'listener', 'port'].includes(loser.loss.by),
    place: ground.place(entry.route.kind, entry.route.namespace, entry.route.name),
  };
}

/** Tells whether a cluster decides by age where names decide here, because nobody says when the routes were made. */
function isByAge({ rule, loss }: Loser, { isAgeKnown }: Ground, winner: RouteName | undefined): boolean {
  const by = loss.by === 'shadowed' ? loss.because : loss.by;
  if (winner === undefined || (by !== 'name' && by !== 'older route')) return false;
  return !isAgeKnown(winner) || !isAgeKnown(rule.entry.route);
}

function agesAssumed(losers: readonly Loser[], ground: Ground, winner: RouteName | undefined): readonly string[] {
  const tied = losers.filter((loser) => isByAge(loser, ground, winner)).map(({ rule }) => rule.entry.route);
  const [first, ...others] = new Set(tied.map(({ kind, namespace, name }) => `${kind} ${namespace}/${name}`));
  if (winner === undefined || first === undefined) return [];
  const more = others.length === 0 ? '' : ` and ${others.length} more`;
  const text = `${winner.kind} ${winner.namespace}/${winner.name} and ${first}${more} match alike`;
  return [`${text}: in a cluster the oldest answers, and the manifests do not say which that is (creationTimestamp)`];
}

/** Gives what is wrong with gateways, listeners, and the routes that the host could be for, as sentences. */
function problemsFor(ground: Ground, { host }: HttpRequest, verdict: Verdict): readonly string[] {
  const name = canonicalHost(host);
  const near = ground.routes.filter(
    ({ hostnames, taken }) =>
      (taken || verdict.type !== 'rule') &&
      (hostnames.length === 0 || hostnames.some((hostname) => hostnameMatches(hostname, name))),
  );
  return [...ground.problems, ...near.flatMap(routeProblems)];
}

function routeProblems({ kind, namespace, name, problems }: Ground['routes'][number]): readonly string[] {
  return problems.map((problem) => `${kind} ${namespace}/${name}: ${problem}`);
}
