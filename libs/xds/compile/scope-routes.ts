// Orders the routes of one scope as the Gateway API wants: those of the hostname first, then, for a pattern, those of
// each wider pattern; within a hostname by precedence. An exact hostname's scope has its own routes only: a request
// that none of them takes goes on to the pattern's scope, so that a change of a wildcard or catch-all rule touches the
// patterns below it and no exact hostname.
import { compareMatches, originalHostname } from '#libs/snapshot/precedence.ts';
import { preflightMethod } from '#libs/snapshot/preflight.ts';
import type { ProtoMessage } from '#libs/xds/envoy/resources.ts';
import type { RuleRecord } from './rule-record.ts';
import type { RoutePlace } from '#libs/xds/envoy/rule-routes.ts';

/** One match of one rule. */
export interface RankedRule {
  readonly record: RuleRecord;
  readonly index: number;
  /** As its route has it. */
  readonly hostname: string;
  /** Position of its gateway among those of the port. */
  readonly age: number;
  /** It is there for the preflights of the match, not for its requests. */
  readonly isPreflight: boolean;
}

/**
 * Gives the rules of one hostname, best match first. `previous` = the result before a small change; it saves sorting.
 */
export function rankRules(
  hostname: string,
  records: ReadonlyMap<RuleRecord, number>,
  previous: readonly RankedRule[],
): RankedRule[] {
  const kept = previous.filter(({ record, age }) => records.get(record) === age);
  const known = new Set(kept.map(({ record }) => record));
  const added = [...records].flatMap(([record, age]) => {
    if (known.has(record)) return [];
    const original = originalHostname(record.entry, hostname);
    return record.entry.matches.flatMap((match, index) => {
      const takesPreflights = preflightMethod(record.entry, match) !== undefined;
      const all = takesPreflights ? [false, true] : [false];
      return all.map((isPreflight) => ({ record, index, hostname: original, age, isPreflight }));
    });
  });
  return [...kept, ...added].toSorted(compareRanked);
}

/** Gives the routes of a scope; groups = ranked rules by hostname, most specific hostname first. */
export function scopeRoutes(groups: readonly (readonly RankedRule[])[], place: RoutePlace): readonly ProtoMessage[] {
  return groups.flatMap((group) =>
    group.flatMap(({ record, index, isPreflight }, at) => {
      if (isRepeated(group, at)) return [];
      const { routes, preflights } = record.routesAt(place);
      return (isPreflight ? preflights : routes)[index] ?? [];
    }),
  );
}

function compareRanked(a: RankedRule, b: RankedRule): number {
  const first = a.record.entry;
  const second = b.record.entry;
  const firstMatch = first.matches[a.index];
  const secondMatch = second.matches[b.index];
  if (firstMatch === undefined || secondMatch === undefined) return 0;
  return (
    compareMatches(
      { rule: first, match: firstMatch, hostname: a.hostname, isPreflight: a.isPreflight },
      { rule: second, match: secondMatch, hostname: b.hostname, isPreflight: b.isPreflight },
    ) ||
    a.age - b.age ||
    a.index - b.index
  );
}

/**
 * Tells whether the one before is the same match of the same rule, by way of an older gateway: this one gets no
 * request.
 */
function isRepeated(group: readonly RankedRule[], at: number): boolean {
  const one = group[at];
  const before = group[at - 1];
  if (one === undefined || before === undefined || one.age === before.age || one.index !== before.index) return false;
  if (one.isPreflight !== before.isPreflight) return false;
  const a = one.record.entry;
  const b = before.record.entry;
  return (
    a.index === b.index &&
    JSON.stringify([a.route, a.matches[one.index]]) === JSON.stringify([b.route, b.matches[before.index]])
  );
}
