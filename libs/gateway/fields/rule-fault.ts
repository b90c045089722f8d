// A fault says why a rule of a route is not as written, and what becomes of it.
import type { Problem } from '#libs/gateway/problem.ts';

/** 'answers 500': its matches stand, and what they match is refused. */
export interface RuleFault {
  readonly effect: 'dropped' | 'answers 500';
  readonly reason: 'UnsupportedValue' | 'IncompatibleFilters';
  readonly problems: readonly Problem[];
}
