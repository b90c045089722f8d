// The tiers of the tests, by the suffix of the file: it names the real peer, `x.pg.test.ts` a Postgres. No suffix:
// pure.
import { spawnSync } from 'node:child_process';
import { existsSync, globSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';

const tiers = ['pure', 'pg', 'nats', 'envoy', 'e2e', 'k8s', 'conformance'] as const;
type Tier = (typeof tiers)[number];

/** What was asked for cannot be: the message says what can. */
export class UsageError extends Error {}

/** Whether a tier needs real clusters, which are built from source with Go. */
export function needsLab(tier: Tier): boolean {
  return tier === 'k8s' || tier === 'conformance';
}

/** The tiers of `--tier`: names with commas, `all`, or without it those that need no lab. */
export function parseTiers(text: string | undefined): readonly Tier[] {
  if (text === 'all') return tiers;
  if (text === undefined) return tiers.filter((tier) => !needsLab(tier));
  const names = text.split(',');
  const unknown = names.filter((name) => !tiers.some((tier) => tier === name));
  if (unknown.length > 0)
    throw new UsageError(`there is no tier ${unknown.join(', ')}; the tiers are ${tiers.join(', ')} and all`);
  return tiers.filter((tier) => names.includes(tier));
}

export function tierOf(file: string): Tier {
  const suffix = /\.([a-z0-9]+)\.test\.ts$/.exec(file)?.[1];
  return tiers.find((tier) => tier === suffix) ?? 'pure';
}

/** The tiers that are not among the given ones. */
export function otherTiers(wanted: readonly Tier[]): readonly Tier[] {
  return tiers.filter((tier) => !wanted.includes(tier));
}

/**
 * The test files that paths from the root mean, sorted: a file stands for itself, a folder for all below; none for all.
 */
export function findTestFiles(root: string, paths: readonly string[]): readonly string[] {
  const found = paths.length === 0 ? testsBelow(root, '{libs,services,migrations,loadtest,tools}') : [];
  for (const given of paths) {
    const path = relative(root, join(root, given)) || '.';
    if (!existsSync(join(root, path))) throw new UsageError(`there is no ${given}${similarTo(root, path)}`);
    const files = statSync(join(root, path)).isDirectory() ? testsBelow(root, path) : [path];
    if (files.length === 0) throw new UsageError(`${given} has no tests: their names end in .test.ts`);
    const wrong = files.find((file) => !file.endsWith('.test.ts'));
    if (wrong !== undefined) throw new UsageError(`${wrong} is no test${testBeside(root, wrong)}`);
    found.push(...files);
  }
  return [...new Set(found)].toSorted();
}

/** What the tiers of real clusters need and this machine lacks. */
export function labProblems(): readonly string[] {
  const commands = ['go', 'ip', 'nsenter', 'openssl'];
  const missing = commands.filter((name) => spawnSync('sh', ['-c', `command -v ${name}`]).status !== 0);
  const privilege = process.getuid?.() === 0 ? [] : ['root (network namespaces)'];
  return [...missing, ...privilege];
}

function testsBelow(root: string, folder: string): string[] {
  return globSync(`${folder}/**/*.test.ts`, { cwd: root, exclude: (name) => name === 'node_modules' });
}

/** A test of the same name elsewhere, because files move. */
function similarTo(root: string, path: string): string {
  const name = path.split('/').at(-1) ?? '';
  const [other] = name.endsWith('.ts') ? testsBelow(root, '.').filter((file) => file.endsWith(`/${name}`)) : [];
  return other === undefined ? '' : `; do you mean ${other}?`;
}

function testBeside(root: string, file: string): string {
  const [beside] = globSync(file.replace(/\.ts$/, '{,.*}.test.ts'), { cwd: root });
  return beside === undefined ? '' : `; beside it is ${beside}`;
}
