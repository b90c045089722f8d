// Runs the tests by tier (the suffix of a test file names its real peer) and closes with `N passed, N failed`.
//   node tools/test.ts [--tier pure,pg,nats,envoy,e2e,k8s,conformance|all] [--strict] [FILE…]
// Without --tier: every tier but k8s and conformance, which build Kubernetes from source with Go. --strict: a tier or test left out is a failure.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, globSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';

const tiers = ['pure', 'pg', 'nats', 'envoy', 'e2e', 'k8s', 'conformance'] as const;
/** Real clusters, which are built from source with Go. */
const labTiers: ReadonlySet<Tier> = new Set(['k8s', 'conformance']);
type Tier = (typeof tiers)[number];

interface Totals {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { tier: { type: 'string' }, strict: { type: 'boolean', default: false } },
});
const wanted = wantedTiers(values.tier);
const left = tiers.filter((tier) => !wanted.includes(tier));
const problems = wanted.some((tier) => labTiers.has(tier)) ? labProblems() : [];
prepareTap();
const runnable = wanted.filter((tier) => !labTiers.has(tier) || problems.length === 0);
const files = positionals.length > 0 ? positionals : testFiles().filter((file) => runnable.includes(tierOf(file)));
// Those of one lab take turns: it has one network.
const inLab = files.filter((file) => labTiers.has(tierOf(file)));
const others = files.filter((file) => !inLab.includes(file));
const runs = [await runTap(others, []), await runTap(inLab, ['--jobs=1'])];
report(files.length === 0 ? { passed: 0, failed: 1, skipped: 0 } : sumOf(runs));

function wantedTiers(text: string | undefined): readonly Tier[] {
  if (text === 'all') return tiers;
  if (text === undefined) return tiers.filter((tier) => !labTiers.has(tier));
  const names = text.split(',');
  const unknown = names.filter((name) => !tiers.some((tier) => tier === name));
  if (unknown.length > 0) {
    console.error(`unknown tier ${unknown.join(', ')}; the tiers are ${tiers.join(', ')} and all`);
    process.exit(2);
  }
  return tiers.filter((tier) => names.includes(tier));
}

function testFiles(): readonly string[] {
  return globSync('{libs,services,migrations,loadtest,tools}/**/*.test.ts').toSorted();
}

function tierOf(file: string): Tier {
  const suffix = /\.([a-z0-9]+)\.test\.ts$/.exec(file)?.[1];
  return tiers.find((tier) => tier === suffix) ?? 'pure';
}

/** What the tiers of real clusters need and this machine lacks. */
function labProblems(): readonly string[] {
  const commands = ['go', 'ip', 'nsenter', 'openssl'];
  const missing = commands.filter((name) => spawnSync('sh', ['-c', `command -v ${name}`]).status !== 0);
  const root = process.getuid?.() === 0 ? [] : ['root (network namespaces)'];
  return [...missing, ...root];
}

/** tap builds its own test classes once per installation; its first run without them fails. */
function prepareTap(): void {
  const marker = 'node_modules/.tap-built';
  if (existsSync(marker)) return;
  const built = spawnSync('node_modules/.bin/tap', ['build'], { stdio: 'inherit' });
  if (built.status !== 0) process.exit(1);
  writeFileSync(marker, '');
}

/** Streams tap's output: a line for each file, and everything that a failing file said. */
async function runTap(files: readonly string[], flags: readonly string[]): Promise<Totals> {
  if (files.length === 0) return { passed: 0, failed: 0, skipped: 0 };
  console.log(`running ${files.length} test files`);
  const tap = spawn('node_modules/.bin/tap', ['--reporter=tap', ...flags, ...files], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said: string[] = [];
  let counts: Totals | undefined;
  for await (const line of createInterface({ input: tap.stdout })) {
    said.push(line);
    const top = /^(not ok|ok) \d+ - (.*)$/.exec(line);
    if (top !== null) {
      if (top[1] === 'not ok') console.log(said.join('\n'));
      else console.log(`ok ${top[2]}`);
      said = [];
    }
    counts = totalsOf(line) ?? counts;
  }
  const code = tap.exitCode ?? (await new Promise<number>((done) => tap.once('exit', (status) => done(status ?? 1))));
  const found = counts ?? { passed: 0, failed: 1, skipped: 0 };
  if (code !== 0 && found.failed === 0) {
    console.log(said.join('\n'));
    return { ...found, failed: 1 };
  }
  return found;
}

function sumOf(runs: readonly Totals[]): Totals {
  const sum = (of: (totals: Totals) => number): number => runs.reduce((total, run) => total + of(run), 0);
  return { passed: sum((run) => run.passed), failed: sum((run) => run.failed), skipped: sum((run) => run.skipped) };
}

/** tap's closing line: `# { total: 7, pass: 5, fail: 1, skip: 1 }`. */
function totalsOf(line: string): Totals | undefined {
  const body = /^# \{ (.*) \}$/.exec(line)?.[1];
  if (body === undefined) return undefined;
  const count = (name: string): number => Number(new RegExp(`\\b${name}: (\\d+)`).exec(body)?.[1] ?? 0);
  return { passed: count('pass'), failed: count('fail'), skipped: count('skip') + count('todo') };
}

function report({ passed, failed, skipped }: Totals): void {
  if (problems.length > 0) console.log(`LEFT OUT: the tiers k8s and conformance, for want of ${problems.join(', ')}`);
  if (left.length > 0)
    console.log(
      `LEFT OUT: ${left.join(', ')} (npm test -- --tier all runs every tier; k8s and conformance need Go and root)`,
    );
  if (skipped > 0) console.log(`SKIPPED: ${skipped} tests`);
  const strictFailures = values.strict ? (problems.length > 0 ? 1 : 0) + skipped : 0;
  console.log(`${passed} passed, ${failed + strictFailures} failed`);
  process.exitCode = failed + strictFailures > 0 ? 1 : 0;
}
