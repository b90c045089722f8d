// Sends steady traffic by k6 to `fleetgate up` with a copy of the storefront, while routes change, a rollback and a
// release happen, and agent, projector, control and the node process are killed. Passes when not one answer is failed
// or wrong and every disturbance did what it should.
//
//   npm run loadtest [-- --seconds 60 --rate 200 --out FILE]
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { DemoFleet, exitOf } from '../services/cli/testing/demo-fleet.ts';
import { Disturbances } from './disturbances.ts';
import { findK6 } from './k6.ts';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    rate: { type: 'string', default: '200' },
    out: { type: 'string' },
  },
});
const seconds = Number(values.seconds);
const k6 = findK6((line) => console.error(line));
const folder = mkdtempSync(join(tmpdir(), 'fleetgate-loadtest-'));

let passed = false;
const fleet = await DemoFleet.prepare(folder);
const up = await fleet.up();
try {
  const summary = join(folder, 'summary.json');
  const traffic = runK6(summary);
  const disturbances = new Disturbances(fleet);
  await disturbances.run(seconds);
  const code = await traffic;
  const problems = disturbances.problems;
  for (const line of disturbances.log) console.log(line);
  for (const problem of problems) console.error(`disturbance failed: ${problem}`);
  passed = code === 0 && problems.length === 0;
  if (values.out !== undefined && existsSync(summary)) record(values.out, summary, disturbances.log);
} finally {
  up.process.kill('SIGINT');
  await exitOf(up.process);
  if (passed) rmSync(folder, { recursive: true, force: true });
  else console.error(`logs are kept in ${join(folder, 'data/logs')}`);
}
console.log(passed ? 'loadtest passed: not one failed or wrong answer' : 'loadtest FAILED');
process.exitCode = passed ? 0 : 1;

function runK6(summary: string): Promise<number> {
  const { httpPort, httpsPort } = fleet;
  const env = { BASE_PORT: String(httpPort), TLS_PORT: String(httpsPort), DURATION: `${seconds}s`, RATE: values.rate };
  const args = [
    'run',
    '--quiet',
    '--no-usage-report',
    `--summary-export=${summary}`,
    join(import.meta.dirname, 'steady.k6.ts'),
  ];
  const child = spawn(k6, args, { env: { ...process.env, ...env }, stdio: 'inherit' });
  return new Promise((done, fail) => {
    child.once('error', fail);
    child.once('exit', (code) => done(code ?? 1));
  });
}

function record(out: string, summary: string, log: readonly string[]): void {
  const machine = { cpu: cpus()[0]?.model, cores: cpus().length, memoryGiB: Math.round(totalmem() / 2 ** 30) };
  const command = `npm run loadtest -- --seconds ${values.seconds} --rate ${values.rate}`;
  const k6Summary: unknown = JSON.parse(readFileSync(summary, 'utf8'));
  writeFileSync(out, `${JSON.stringify({ machine, command, disturbances: log, k6: k6Summary }, null, 1)}\n`);
}
