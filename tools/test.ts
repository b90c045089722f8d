// Runs the tests by tier (the suffix of a test file names its real peer) and closes with `N passed, N failed`.
//   npm test [-- [--tier pure,pg,nats,envoy,e2e,k8s,conformance|all] [--strict] [--watch] [FILE|FOLDER…]]
// Without --tier: every tier but k8s and conformance, which build Kubernetes from source with Go; a path of theirs is
// run. --strict: a tier or test left out is a failure. --watch: again after every change. FLEETGATE_SEED repeats random
// tests.
import { parseArgs } from 'node:util';
import { buildLab } from './lab/binaries.ts';
import { labPaths } from './lab/paths.ts';
import { prepareTap, runTap, sumOf } from './test/tap-run.ts';
import type { Totals } from './test/tap-run.ts';
import { findTestFiles, labProblems, needsLab, otherTiers, parseTiers, tierOf, UsageError } from './test/tiers.ts';
import { watchTree } from './watch-tree.ts';

interface Plan {
  readonly files: readonly string[];
  /** What of the wanted tiers is not run, a line each. */
  readonly leftOut: readonly string[];
  /** How many of those lines fail a strict run. */
  readonly problems: number;
}

const seedModule = 'libs/testing/seed.ts';
const options = {
  tier: { type: 'string' },
  strict: { type: 'boolean', default: false },
  watch: { type: 'boolean', default: false },
} as const;

try {
  const { values, positionals } = parseArgs({ allowPositionals: true, options });
  const run = async (): Promise<void> => {
    process.exitCode = (await runTests(planOf(values.tier, positionals), values.strict)) ? 0 : 1;
  };
  prepareTap();
  if (values.watch) await watchTree(run);
  else await run();
} catch (error) {
  const isUsage = error instanceof UsageError || (error instanceof TypeError && 'code' in error);
  if (!isUsage) throw error;
  console.error(`npm test: ${error.message}`);
  process.exitCode = 2;
}

/** Which files are run. Without a tier, paths are run whatever their tier. */
function planOf(tier: string | undefined, paths: readonly string[]): Plan {
  const tiers = paths.length > 0 && tier === undefined ? parseTiers('all') : parseTiers(tier);
  const named = findTestFiles(process.cwd(), paths).filter((file) => tiers.includes(tierOf(file)));
  if (named.length === 0) throw new UsageError(`${paths.join(' ')} has no tests of the tier ${tier}`);
  const problems = named.some((file) => needsLab(tierOf(file))) ? labProblems() : [];
  const files = problems.length === 0 ? named : named.filter((file) => !needsLab(tierOf(file)));
  const others = paths.length > 0 ? [] : otherTiers(tiers);
  return {
    files,
    problems: problems.length > 0 ? 1 : 0,
    leftOut: [
      ...(problems.length > 0 ? [`the tiers k8s and conformance, for want of ${problems.join(', ')}`] : []),
      ...(others.length > 0
        ? [`${others.join(', ')} (npm test -- --tier all runs every tier; k8s and conformance need Go and root)`]
        : []),
    ],
  };
}

/**
 * Runs the plan; the tests of real clusters take turns, for their lab has one network, beside the others. What they run
 * is built before them: on a new machine that takes longer than a test may.
 */
async function runTests({ files, leftOut, problems }: Plan, strict: boolean): Promise<boolean> {
  const seeding = process.env['FLEETGATE_SEED'] === undefined ? [] : [`--node-arg=--import=./${seedModule}`];
  const inLab = files.filter((file) => needsLab(tierOf(file)));
  const others = files.filter((file) => !inLab.includes(file));
  const lab = async (): Promise<Totals> => {
    if (inLab.length > 0) await buildLab(labPaths(), console.log);
    return runTap(inLab, [...seeding, '--jobs=1']);
  };
  const runs = await Promise.all([runTap(others, seeding), lab()]);
  return report(sumOf(runs), leftOut, strict, problems);
}

function report(
  { passed, failed, skipped }: Totals,
  leftOut: readonly string[],
  strict: boolean,
  problems: number,
): boolean {
  for (const line of leftOut) console.log(`LEFT OUT: ${line}`);
  if (skipped > 0) console.log(`SKIPPED: ${skipped} tests`);
  const all = failed + (strict ? problems + skipped : 0) + (passed + failed + skipped === 0 ? 1 : 0);
  console.log(`${passed} passed, ${all} failed`);
  return all === 0;
}
