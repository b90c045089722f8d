// Says what a client must get where the matcher is right and services are asked: what `random-consents.ts` has them
// decide is applied in the order that the verdict gives, to what the services see of the request.
import { decideBy } from '#libs/testing/given/random-consents.ts';
import type { Matcher } from '#libs/matching/matcher.ts';
import { type Header, type HttpRequest, readRequest } from '#libs/matching/request.ts';
import type { Consent, RuleVerdict, Share, Verdict } from '#libs/matching/verdict.ts';
import { type ExpectedAnswer, expectedAnswer, localReply } from './expected-answer.ts';

/** Gives the answers that are right. */
export function expectedBehind(matcher: Matcher, sent: HttpRequest): ExpectedAnswer {
  const before = consentsOf(matcher.match(sent)).filter(({ by }) => by === 'listener');
  const passed = ask(before, sent);
  if (passed.by !== undefined) return refusal(passed.by, sent);
  const { request } = passed;
  const verdict = matcher.match(request);
  const own = consentsOf(verdict).filter(({ by }) => by === 'rule');
  if (verdict.type === 'rule' && verdict.outcome.type === 'forward') return expectedShares(verdict, own, request);
  const served = ask(own, request);
  return served.by === undefined ? expectedAnswer(verdict, request) : refusal(served.by, sent);
}

/** Where one share answers a preflight, the others may still want consent. */
function expectedShares(verdict: RuleVerdict, own: readonly Consent[], request: HttpRequest): ExpectedAnswer {
  const { outcome } = verdict;
  if (outcome.type !== 'forward') return expectedAnswer(verdict, request);
  const lists = outcome.shares.map((share): ExpectedAnswer => {
    const served = ask(share.preflight === undefined ? [...own, ...share.consents] : [], request);
    if (served.by !== undefined) return refusal(served.by, request);
    const shares = [withHeaders(share, served.given)];
    return expectedAnswer({ ...verdict, outcome: { ...outcome, shares } }, request);
  });
  return { kind: lists[0]?.kind ?? 'forward', answers: lists.flatMap(({ answers }) => answers) };
}

function withHeaders(share: Share, given: readonly Header[]): Share {
  return { ...share, request: { ...share.request, headers: changed(share.request.headers, given) } };
}

interface Asked {
  /** The request as the last consent left it. */
  readonly request: HttpRequest;
  /** Headers that the consents set. */
  readonly given: readonly Header[];
  /** The protocol of the service that refused. */
  readonly by?: Consent['protocol'];
}

function ask(consents: readonly Consent[], sent: HttpRequest): Asked {
  let now: Asked = { request: sent, given: [] };
  for (const { protocol, pathPrefix = '' } of consents) {
    const read = readRequest(now.request);
    if ('problem' in read) return now;
    const names = Map.groupBy(read.headers, ([name]) => name);
    const headers = Object.fromEntries(
      [...names].map(([name, all]) => [name, all.map(([, value]) => value).join(',')]),
    );
    const { status, headers: given = {} } = decideBy(protocol, {
      method: read.method,
      path: `${pathPrefix}${read.path}`,
      headers,
      body: '',
    });
    if (status !== 200) return { ...now, by: protocol };
    const set = Object.entries(given);
    now = { request: { ...now.request, headers: changed(read.headers, set) }, given: changed(now.given, set) };
  }
  return now;
}

function changed(headers: readonly Header[], set: readonly Header[]): readonly Header[] {
  const names = new Set(set.map(([name]) => name));
  return [...headers.filter(([name]) => !names.has(name)), ...set];
}

function consentsOf(verdict: Verdict): readonly Consent[] {
  if (verdict.type === 'rule') return verdict.outcome.consents;
  return verdict.type === 'unrouted' ? (verdict.consents ?? []) : [];
}

/** A rule's changes of answers are made to refusals too. */
function refusal(by: Consent['protocol'], request: HttpRequest): ExpectedAnswer {
  const reply = localReply(403, request);
  const own = 'status' in reply ? { ...reply, refusedBy: by } : reply;
  return { kind: `refused by ${by}`, answers: [own] };
}
