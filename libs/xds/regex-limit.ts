// Whether Envoy's RE2 takes a regular expression. The syntax is checked by the same engine in JavaScript; the size by an upper bound,
// because RE2 compiles to UTF-8 bytes within 8 MiB and refuses what needs more.
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

const verdicts = new Map<string, string>();
const verdictsMax = 10_000;

/** Why Envoy would refuse a pattern, or undefined. */
export function regexLimitProblem(pattern: string): string | undefined {
  let verdict = verdicts.get(pattern);
  if (verdict === undefined) {
    verdict = judge(pattern);
    if (verdicts.size >= verdictsMax) verdicts.clear();
    verdicts.set(pattern, verdict);
  }
  return verdict === '' ? undefined : verdict;
}

function judge(pattern: string): string {
  if (pattern.length > lengthMax) return `the regular expression is longer than ${lengthMax} characters`;
  if (!pattern.isWellFormed()) return 'the regular expression is not Unicode text';
  const named = [...pattern.matchAll(/\\[pP](?:\{\^?([^}]*)\}|(.))/g)].map(([, long, short]) => long ?? short ?? '');
  const unknown = named.find((name) => !classNames.test(name));
  if (unknown !== undefined) return `the regular expression has the unknown character class ${unknown}`;
  const size = programSize(pattern);
  if (size === undefined) return 'the regular expression is not one that RE2 accepts';
  const wide = (pattern.match(/[^\0-\x7f]/gu)?.length ?? 0) + pattern.split('\\x{').length - 1;
  const cost = size * Math.max(perInstruction + perWideCharacter * wide, named.length > 0 ? perNamedClass : 0);
  return cost > instructionsMax ? 'the regular expression is too large' : '';
}

function programSize(pattern: string): number | undefined {
  try {
    return RE2JS.compile(pattern).programSize();
  } catch {
    return undefined;
  }
}
