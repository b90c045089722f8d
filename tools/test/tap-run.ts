// Runs test files with tap and says what came of them: a line for each file, and everything that a failing file said.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

export interface Totals {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

const none: Totals = { passed: 0, failed: 0, skipped: 0 };

/** tap builds its own test classes once per installation; its first run without them fails. */
export function prepareTap(): void {
  const marker = 'node_modules/.tap-built';
  if (existsSync(marker)) return;
  const built = spawnSync('node_modules/.bin/tap', ['build'], { stdio: 'inherit' });
  if (built.status !== 0) throw new Error('`tap build` failed');
  writeFileSync(marker, '');
}

/** `flags` are tap's own. */
export async function runTap(files: readonly string[], flags: readonly string[]): Promise<Totals> {
  if (files.length === 0) return none;
  console.log(`running ${files.length} test ${files.length === 1 ? 'file' : 'files'}`);
  const tap = spawn('node_modules/.bin/tap', ['--reporter=tap', ...flags, ...files], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = new Promise<number>((done) => tap.once('exit', (status) => done(status ?? 1)));
  let said: string[] = [];
  let counts: Totals | undefined;
  for await (const line of createInterface({ input: tap.stdout })) {
    said.push(line);
    const top = /^(not ok|ok) \d+ - (.*)$/.exec(line);
    if (top !== null) {
      console.log(top[1] === 'not ok' ? said.join('\n') : `ok ${top[2]}`);
      said = [];
    }
    counts = totalsOf(line) ?? counts;
  }
  const found = counts ?? { ...none, failed: 1 };
  if ((await ended) === 0 || found.failed > 0) return found;
  console.log(said.join('\n'));
  return { ...found, failed: 1 };
}

export function sumOf(runs: readonly Totals[]): Totals {
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
