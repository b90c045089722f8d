// Explains a request as data, which is what `--output json` prints. The text for people is made from the same facts.
import type { ListenerOf } from '#libs/matching/port-table.ts';
import type { HttpRequest } from '#libs/matching/request.ts';
import { compileMatcher, type Matcher } from '#libs/matching/matcher.ts';
import { explainRequest, type Loser } from '#libs/matching/explain.ts';
import { lossText, matchText } from '#libs/matching/loss-text.ts';
import { canonicalHost } from '#libs/matching/request.ts';
import { hostnameMatches } from '#libs/gateway/hostname.ts';
import type { RouteName } from '#libs/snapshot/entry.ts';
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
  return {
    ...base(ground, matcher, verdict),
    match: match === undefined ? undefined : matchText(match),
    candidates: losers.map((loser) => toCandidate(loser, ground)),
    problems: problemsFor(ground, typed.request),
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
      why: 'another listener, server name or older route takes the connection',
      place: ground.place(entry.route.kind, entry.route.namespace, entry.route.name),
    }));
  const problems = [...ground.problems, ...ground.routes.flatMap(routeProblems)];
  return { ...base(ground, matcher, verdict), match: undefined, candidates, problems };
}

function base(
  ground: Ground,
  { tables }: Matcher,
  verdict: Verdict,
): Pick<Explained, 'about' | 'verdict' | 'answered' | 'place' | 'listeners'> {
  const answered = verdict.type === 'rule' || verdict.type === 'stream';
  const route = answered ? verdict.rule.entry.route : undefined;
  return {
    about: ground.about,
    verdict,
    answered,
    place: route && ground.place(route.kind, route.namespace, route.name),
    listeners: verdict.type !== 'rule' && verdict.listener === undefined ? tables.listeners : [],
  };
}

function toCandidate(loser: Loser, ground: Ground): ExplainedCandidate {
  const { entry, gateway } = loser.rule;
  const match = entry.matches[loser.match];
  return {
    gateway,
    route: entry.route,
    rule: entry.index,
    match: loser.match,
    matches: match === undefined ? '' : matchText(match),
    why: lossText(loser),
    forHost: !['hostname', 'listener', 'port'].includes(loser.loss.by),
    place: ground.place(entry.route.kind, entry.route.namespace, entry.route.name),
  };
}

/** Gives what is wrong with gateways, listeners, and the routes that the host could be for, as sentences. */
function problemsFor(ground: Ground, { host }: HttpRequest): readonly string[] {
  const name = canonicalHost(host);
  const near = ground.routes.filter(
    ({ hostnames }) => hostnames.length === 0 || hostnames.some((hostname) => hostnameMatches(hostname, name)),
  );
  return [...ground.problems, ...near.flatMap(routeProblems)];
}

function routeProblems({ kind, namespace, name, problems }: Ground['routes'][number]): readonly string[] {
  return problems.map((problem) => `${kind} ${namespace}/${name}: ${problem}`);
}
