// Users' regular expressions are RE2's: linear time, no look-around or back-references. What passes here, Envoy takes too.
import { RE2JS } from 're2js';

/** Why a pattern cannot be used, or undefined. */
export function regexProblem(pattern: string): string | undefined {
  const known = verdicts.get(pattern);
  if (known !== undefined) return known === '' ? undefined : known;
  const verdict = judge(pattern);
  if (verdicts.size >= verdictsMax) verdicts.clear();
  verdicts.set(pattern, verdict);
  return verdict === '' ? undefined : verdict;
}

/** Compiling costs more than the rest of a route, and the same patterns come again. */
const verdicts = new Map<string, string>();
const verdictsMax = 10_000;

function judge(pattern: string): string {
  try {
    RE2JS.compile(pattern);
    return '';
  } catch (error) {
    return `is not a regular expression that RE2 accepts: ${error instanceof Error ? error.message : String(error)}`;
  }
}
