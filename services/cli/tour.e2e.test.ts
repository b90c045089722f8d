// Follows the README literally: it runs every command of its console blocks in order, on a copy of the examples, and
// compares what each one prints with what the README shows.
import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import t, { type Test } from 'tap';
import { pause } from '#libs/runtime/pause.ts';
import { type ConsoleStep, parseConsoleSteps } from './testing/console-steps.ts';
import { DemoFleet, exitOf, until } from './testing/demo-fleet.ts';
import { isAsShown, steadyLines } from './testing/shown-output.ts';

const checkout = resolve(import.meta.dirname, '../..');
const demo = 'npm run demo';
/** These change something and run once. The others are asked again until changes have come through. */
const runsOnce = /^(sed|npx fleetgate (rollback|release)) /u;
const asShownWithinMs = 15_000;
const commandMs = 60_000;

const folder = mkdtempSync(join(tmpdir(), 'fleetgate-tour-'));
cpSync(join(checkout, 'examples'), join(folder, 'examples'), { recursive: true });
const fleet = await DemoFleet.prepare(join(folder, 'examples', 'storefront'));
writeFileSync(join(folder, '.curlrc'), 'silent\nshow-error\nnoproxy = "*"\n');
const env = { ...fleet.env, CURL_HOME: folder };

/** As the README has them, and as they are here. */
const ports: readonly (readonly [string, string])[] = [
  [':7420', `:${fleet.port}`],
  [':8080', `:${fleet.httpPort}`],
  [':8443', `:${fleet.httpsPort}`],
];
const bin = resolve(import.meta.dirname, 'bin.mjs');

interface Printed {
  readonly code: number;
  readonly lines: readonly string[];
}

/** The command as it is run here. */
function commandHere(command: string): string {
  return [
    ...ports,
    ['npx fleetgate ', `'${process.execPath}' '${bin}' `] as const,
    ['sed -i ', process.platform === 'darwin' ? "sed -i '' " : 'sed -i '] as const,
  ].reduce((text, [written, here]) => text.replaceAll(written, here), command);
}

/** What was printed, as the README would show it. */
function linesOf(output: string): readonly string[] {
  return ports.reduce((text, [written, here]) => text.replaceAll(here, written), output).split('\n');
}

function run(command: string): Promise<Printed> {
  return new Promise((done) => {
    const script = `exec 2>&1; ${commandHere(command)}`;
    execFile('sh', ['-c', script], { cwd: folder, env, timeout: commandMs }, (error, stdout) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
      done({ code, lines: linesOf(stdout) });
    });
  });
}

async function follow({ command, shown }: ConsoleStep): Promise<Printed> {
  const giveUpAt = performance.now() + asShownWithinMs;
  for (;;) {
    const printed = await run(command);
    const isDone = printed.code === 0 && isAsShown(shown, printed.lines);
    if (isDone || runsOnce.test(command) || performance.now() > giveUpAt) return printed;
    await pause(100);
  }
}

function check(t: Test, { shown }: ConsoleStep, { code, lines }: Printed): void {
  t.equal(code, 0, 'succeeds');
  if (isAsShown(shown, lines)) t.pass('prints what is shown');
  else t.equal(steadyLines(lines).join('\n'), steadyLines(shown).join('\n'), 'prints what is shown');
}

const [first, ...steps] = parseConsoleSteps(readFileSync(join(checkout, 'README.md'), 'utf8'));
if (first?.command !== demo) throw new Error(`the README begins with \`${first?.command}\` and not with \`${demo}\``);
const scripts: unknown = JSON.parse(readFileSync(join(checkout, 'package.json'), 'utf8'));
t.match(scripts, { scripts: { demo: /services\/cli\/main\.ts up --demo$/ } });

let said = '';
const up = fleet.start([...fleet.upArgs(), '--output', 'plain']);
up.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
up.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
t.teardown(async () => {
  up.kill('SIGTERM');
  await exitOf(up);
  rmSync(folder, { recursive: true, force: true });
});

await t.test(`line ${first.line}: ${demo}`, async (t) => {
  await until(
    () => said,
    (text) => up.exitCode !== null || text.includes('Ctrl-C stops everything'),
  );
  check(t, first, { code: up.exitCode ?? 0, lines: linesOf(said) });
});

// Each command stands on the ones before it.
for (const step of steps) {
  if (!t.passing()) break;
  await t.test(`line ${step.line}: ${step.command}`, async (t) => check(t, step, await follow(step)));
}

await t.test('Ctrl-C', async (t) => {
  up.kill('SIGINT');
  t.equal(await exitOf(up), 0);
});
