// Holds the matches on one hostname of one listener hostname in the order of precedence, and finds them by their paths:
// an exact path and every prefix of a path is one look-up, whatever the number of rules. Regular expressions are asked
// one by one.
import type { HttpRuleEntry } from '#libs/snapshot/entry.ts';
import { compareMatches, type RankedMatch } from '#libs/snapshot/precedence.ts';
import { compilePredicate, holdsBesidePath, holdsPath, type Predicate } from './predicate.ts';
import type { ReadRequest } from './request.ts';

/** One rule as one gateway has it. */
export interface RuleOf {
  readonly gateway: string;
  /** Entry key. */
  readonly key: string;
  readonly entry: HttpRuleEntry;
}

/** One match of a rule at one listener. */
export interface Candidate {
  readonly rule: RuleOf;
  /** Index in the rule's matches. */
  readonly match: number;
  readonly predicate: Predicate;
  /** Name of the listener by which it is here. */
  readonly listener: string;
  /** As its route has it. */
  readonly hostname: string;
  /** Position of the listener among those of its hostname: the oldest Gateway comes first. */
  readonly age: number;
}

interface Ranked extends Candidate {
  /** Position in the order of precedence. */
  readonly rank: number;
}

export class RuleTable {
  readonly #all: readonly Ranked[];
  readonly #exact = new Map<string, Ranked[]>();
  readonly #prefix = new Map<string, Ranked[]>();
  readonly #regex: Ranked[] = [];

  constructor(candidates: Iterable<Candidate>) {
    this.#all = [...candidates].toSorted(compareCandidates).map((candidate, rank) => ({ ...candidate, rank }));
    for (const one of this.#all) {
      const { path } = one.predicate;
      if (path.type === 'regex') this.#regex.push(one);
      else if (path.type === 'exact') append(this.#exact, path.value, one);
      else if (path.type === 'prefix') append(this.#prefix, path.value, one);
    }
  }

  /** Gives all matches, the one that wins first. */
  all(): readonly Candidate[] {
    return this.#all;
  }

  /** Gives the match that takes a request, or undefined. */
  find(request: ReadRequest): Candidate | undefined {
    const { path } = request;
    let best = firstOf(this.#exact.get(path), request, undefined);
    for (const one of this.#regex) {
      if (best !== undefined && one.rank > best.rank) break;
      if (holdsBesidePath(one.predicate, request) && holdsPath(one.predicate.path, path)) best = one;
    }
    if (this.#prefix.size === 0) return best;
    best = firstOf(this.#prefix.get(path), request, best);
    for (let slash = path.lastIndexOf('/'); slash >= 0; slash = slash === 0 ? -1 : path.lastIndexOf('/', slash - 1))
      best = firstOf(this.#prefix.get(path.slice(0, slash)), request, best);
    return best;
  }
}

/** Orders candidates of one hostname, the one that wins first. */
function compareCandidates(a: Candidate, b: Candidate): number {
  return compareMatches(toRanked(a), toRanked(b)) || a.age - b.age || a.match - b.match;
}

function toRanked({ rule, predicate, hostname }: Candidate): RankedMatch {
  return { rule: rule.entry, match: predicate.match, hostname, isPreflight: predicate.asked !== undefined };
}

/** Compiles a rule's matches. */
export function compileRule(rule: RuleOf): readonly Predicate[] {
  return rule.entry.matches.map(compilePredicate);
}

function firstOf(
  list: readonly Ranked[] | undefined,
  request: ReadRequest,
  best: Ranked | undefined,
): Ranked | undefined {
  for (const one of list ?? []) {
    if (best !== undefined && one.rank > best.rank) return best;
    if (holdsBesidePath(one.predicate, request)) return one;
  }
  return best;
}

function append(map: Map<string, Ranked[]>, key: string, one: Ranked): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [one]);
  else list.push(one);
}
