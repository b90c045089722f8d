// Checks users' regular expressions, which are RE2's: linear time, no look-around or back-references. What passes here,
// Envoy takes too. The syntax is checked by the same engine in JavaScript; the size by an upper bound, because RE2
// compiles within 8 MiB and refuses what needs more. Envoy's works on bytes: escapes above \x{ff} are refused too.
import { RE2JS } from 're2js';

const lengthMax = 4096;
/** RE2 has about 87,000 instructions. */
const instructionsMax = 80_000;
/** A class such as `.` or `[^a]` becomes up to this many byte ranges; a named Unicode class many more. */
const perInstruction = 12;
const perNamedClass = 1500;
const perWideCharacter = 4;

/** Unicode class names that every version of RE2 knows. */
const classNames =
  /^(C[cfos]?|L[lmotu]?|M[cen]?|N[dlo]?|P[cdefios]?|S[ckmo]?|Z[lps]?|Latin|Greek|Cyrillic|Armenian|Hebrew|Arabic|Devanagari|Thai|Hangul|Hiragana|Katakana|Han)$/;

/** Compiling costs more than the rest of a route, and the same patterns come again. */
const verdicts = new Map<string, string>();
const verdictsMax = 10_000;

/** Says why a pattern cannot be used, as a predicate ("is …"), or gives undefined. */
export function regexProblem(pattern: string): string | undefined {
  let verdict = verdicts.get(pattern);
  if (verdict === undefined) {
    verdict = judge(pattern);
    if (verdicts.size >= verdictsMax) verdicts.clear();
    verdicts.set(pattern, verdict);
  }
  return verdict === '' ? undefined : verdict;
}

function judge(pattern: string): string {
  if (pattern === '') return 'is an empty regular expression';
  if (pattern.length > lengthMax) return `is a regular expression of more than ${lengthMax} characters`;
  if (!pattern.isWellFormed()) return 'is a regular expression that is not Unicode text';
  const named = [...pattern.matchAll(/\\[pP](?:\{\^?([^}]*)\}|(.))/g)].map(([, long, short]) => long ?? short ?? '');
  const unknown = named.find((name) => !classNames.test(name));
  if (unknown !== undefined) return `is a regular expression with the unknown character class ${unknown}`;
  const escapes = [...pattern.matchAll(/\\x\{([0-9a-fA-F]+)\}/g)].map(([, digits = '']) => Number.parseInt(digits, 16));
  if (escapes.some((code) => code > 0xff)) return 'is a regular expression with an escape above \\x{ff}';
  if (repetitions(pattern) > instructionsMax / perInstruction)
    return 'is a regular expression that is too large for RE2';
  const size = programSize(pattern);
  if (typeof size === 'string') return `is not a regular expression that RE2 accepts: ${size}`;
  const wide = pattern.match(/[^\0-\x7f]/gu)?.length ?? 0;
  const cost = size * Math.max(perInstruction + perWideCharacter * wide, named.length > 0 ? perNamedClass : 0);
  return cost > instructionsMax ? 'is a regular expression that is too large for RE2' : '';
}

/** At least so many instructions come of the counted repetitions; cheaper to see than to compile. */
function repetitions(pattern: string): number {
  const counts = [...pattern.matchAll(/\{(\d+)(?:,(\d*))?\}/g)].map(([, least, most]) => Number(most || least));
  return counts.reduce((sum, count) => sum + count, 0);
}

/** Counts the instructions, or says what is wrong with the pattern. */
function programSize(pattern: string): number | string {
  try {
    return RE2JS.compile(pattern).programSize();
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
