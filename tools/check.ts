// npm run check: types, lint, format, tidy. Each tool says what is wrong; the exit code is 1 if any did.
import { spawnSync } from 'node:child_process';

const tools = [
  ['types', ['tsc']],
  ['lint', ['oxlint', '--type-aware', '--deny-warnings', 'libs', 'services', 'migrations', 'loadtest', 'tools']],
  ['format', ['oxfmt', '--check', 'libs', 'services', 'migrations', 'loadtest', 'tools']],
  ['tidy', ['tap', '--reporter=terse', 'libs/testing/tidy.test.ts']],
] as const;

let failed = 0;
for (const [name, [command, ...args]] of tools) {
  console.log(`check: ${name}`);
  const { status } = spawnSync(`node_modules/.bin/${command}`, args, { stdio: 'inherit' });
  if (status !== 0) failed += 1;
}
console.log(failed === 0 ? 'check: all good' : `check: ${failed} of ${tools.length} failed`);
process.exitCode = failed === 0 ? 0 : 1;
