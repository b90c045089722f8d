// A later fact speaks of a change that was told before: who asked for it, or what a tool claims of it. It comes on its
// own, before or after the change, folds into nothing, and is found from the change by `event_facts`.
import { type AttributionEvent, attributionMessageId } from './attribution-event.ts';
import { parseAttributionEvent } from './parse-attribution-event.ts';
import { parseTraceEvent } from './parse-trace-event.ts';
import { type TraceEvent, traceMessageId } from './trace-event.ts';
import type { Conceal } from './private-text.ts';
import { isRecord } from '#libs/gateway/fields/record.ts';
import type { Parsed } from '#libs/gateway/problem.ts';

/** Any later fact. */
export type ChangeFact = AttributionEvent | TraceEvent;

/** Every type of later fact. */
export const factTypes: readonly ChangeFact['type'][] = ['attributed', 'traced'];

/** Which attribution of a change holds: the surest, and of those the newest. */
const ranks: Readonly<Record<AttributionEvent['certainty'], number>> = {
  verified: 3,
  admission: 2,
  'one-of': 1,
  unknown: 0,
};

/** Kubernetes keeps these names for its own parts and for service accounts: they are no people. */
const systemPrefix = 'system:';

/** Reads one later fact; what has neither type is read as an attribution, which says so. */
export function parseChangeFact(json: unknown): Parsed<ChangeFact> {
  return isRecord(json) && json['type'] === 'traced' ? parseTraceEvent(json) : parseAttributionEvent(json);
}

/** Gives the Nats-Msg-Id of a later fact, and its id in the history. */
export function factMessageId(fact: ChangeFact): string {
  return fact.type === 'attributed' ? attributionMessageId(fact) : traceMessageId(fact);
}

/** Says how sure a fact is, beside others of its type. */
export function factRank(fact: ChangeFact): number {
  return fact.type === 'attributed' ? ranks[fact.certainty] : 0;
}

/** Says by which names of users and tools the change of a fact is found. */
export function factNames(fact: ChangeFact): readonly { readonly what: 'by' | 'tool'; readonly name: string }[] {
  if (fact.type === 'traced') return [{ what: 'tool', name: fact.tool }];
  const users = fact.requests.flatMap(({ user, impersonatedUser }) => [user, impersonatedUser ?? user]);
  const agents = fact.requests.map(({ userAgent }) => toolOf(userAgent)).filter((tool) => tool !== '');
  return [
    ...[...new Set(users.map(({ username }) => username))].map((name) => ({ what: 'by', name }) as const),
    ...[...new Set(agents)].map((name) => ({ what: 'tool', name }) as const),
  ];
}

/** Names the program that a user agent belongs to: `kubectl` of `kubectl/v1.36.3 (linux/amd64)`. */
export function toolOf(userAgent: string): string {
  return /^[^\s/(]*/.exec(userAgent)?.[0] ?? '';
}

/** Gives the fact with ids in the place of its texts about people. What is concealed must not be concealed again. */
export function concealFact(fact: ChangeFact, idOf: Conceal): ChangeFact {
  const conceal: Conceal = (text) => (text === '' ? text : idOf(text.toWellFormed()));
  if (fact.type === 'traced') return concealTrace(fact, conceal);
  const requests = fact.requests.map(({ user, impersonatedUser, sourceIPs, ...request }) => ({
    ...request,
    user: concealUser(user, conceal),
    ...(impersonatedUser === undefined ? {} : { impersonatedUser: concealUser(impersonatedUser, conceal) }),
    sourceIPs: sourceIPs.map(conceal),
  }));
  return { ...fact, requests };
}

/** Collects the texts about people of some facts, each once. */
export function personalTextsOfFacts(facts: readonly ChangeFact[]): readonly string[] {
  const texts = new Set<string>();
  for (const fact of facts)
    concealFact(fact, (text) => {
      texts.add(text);
      return text;
    });
  return [...texts];
}

function concealUser<U extends { readonly username: string; readonly uid: string }>(user: U, conceal: Conceal): U {
  if (user.username.startsWith(systemPrefix)) return user;
  return { ...user, username: conceal(user.username), uid: conceal(user.uid) };
}

function concealTrace({ commit, initiatedBy, ...fact }: TraceEvent, conceal: Conceal): TraceEvent {
  return {
    ...fact,
    ...(commit === undefined ? {} : { commit: { ...commit, author: conceal(commit.author) } }),
    ...(initiatedBy === undefined ? {} : { initiatedBy: { ...initiatedBy, username: conceal(initiatedBy.username) } }),
  };
}
