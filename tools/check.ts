// Checks types, lint, format and layout side by side. A tool that finds something says it whole; the exit code is 1
// then.
//   npm run check [-- --watch]    --watch: again after every change, until Ctrl-C
import { spawn } from 'node:child_process';
import { parseArgs, styleText } from 'node:util';
import { buffer } from 'node:stream/consumers';
import { watchTree } from './watch-tree.ts';

const folders = ['libs', 'services', 'migrations', 'loadtest', 'tools'];
const tools: Readonly<Record<string, readonly string[]>> = {
  types: ['tsc', '--pretty', '--incremental', '--tsBuildInfoFile', '.data/check/types.json'],
  lint: ['oxlint', '--type-aware', '--deny-warnings', ...folders],
  format: ['oxfmt', '--check', ...folders],
  tidy: ['node', 'tools/tidy.ts'],
};

const { values } = parseArgs({ options: { watch: { type: 'boolean', default: false } } });
if (values.watch) await watchTree(check);
else process.exitCode = (await check()) ? 0 : 1;

async function check(): Promise<boolean> {
  const startedAt = Date.now();
  const results = await Promise.all(Object.entries(tools).map(([name, command]) => run(name, command)));
  const failed = results.filter((isGood) => !isGood).length;
  const seconds = ((Date.now() - startedAt) / 1000).toFixed(1);
  console.log(failed === 0 ? `check: all good in ${seconds} s` : `check: ${failed} of ${results.length} failed`);
  return failed === 0;
}

/** Runs one tool of node_modules; true if it found nothing. What it says is shown in one piece, and only then. */
async function run(name: string, [command = '', ...args]: readonly string[]): Promise<boolean> {
  const child = spawn(`node_modules/.bin/${command}`, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve(code ?? 1));
  });
  const [out, errors, code] = await Promise.all([buffer(child.stdout), buffer(child.stderr), ended]);
  console.log(`check: ${name} ${code === 0 ? styleText('green', 'ok') : styleText('red', 'FAILED')}`);
  if (code !== 0) process.stdout.write(`${Buffer.concat([out, errors]).toString().trimEnd()}\n`);
  return code === 0;
}
