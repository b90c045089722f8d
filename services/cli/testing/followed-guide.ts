// Follows a guide literally: it runs every command of its console blocks in order, on a copy of the examples, and
// compares what each one prints with what the guide shows. The first command starts the fleet of the demonstration.
import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Test } from 'tap';
import { pause } from '#libs/runtime/pause.ts';
import { type ConsoleStep, parseConsoleSteps } from './console-steps.ts';
import { DemoFleet, exitOf, until } from './demo-fleet.ts';
import { isAsShown, steadyLines } from './shown-output.ts';

const checkout = resolve(import.meta.dirname, '../../..');
const demo = 'npm run demo';
const asShownWithinMs = 15_000;
const commandMs = 60_000;
const bin = resolve(import.meta.dirname, '../bin.mjs');

interface Printed {
  readonly code: number;
  readonly lines: readonly string[];
}

interface Guide {
  /** From the top of the checkout. */
  readonly path: string;
  /** Commands that change something and run once. The others are asked again until changes have come through. */
  readonly runsOnce: RegExp;
}

/** Follows a guide; each of its commands is a test. Stops the fleet at the end. */
export async function followGuide(t: Test, { path, runsOnce }: Guide): Promise<void> {
  const [first, ...steps] = parseConsoleSteps(readFileSync(join(checkout, path), 'utf8'));
  if (first?.command !== demo) throw new Error(`${path} begins with \`${first?.command}\` and not with \`${demo}\``);
  const scripts: unknown = JSON.parse(readFileSync(join(checkout, 'package.json'), 'utf8'));
  t.match(scripts, { scripts: { demo: /services\/cli\/main\.ts up --demo$/ } });

  const folder = mkdtempSync(join(tmpdir(), 'fleetgate-guide-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  cpSync(join(checkout, 'examples'), join(folder, 'examples'), { recursive: true });
  const fleet = await DemoFleet.prepare(join(folder, 'examples', 'storefront'));
  const place = new Place(fleet, folder);
  let said = '';
  const up = fleet.start([...fleet.upArgs(), '--output', 'plain']);
  up.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
  up.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  t.teardown(async () => {
    up.kill('SIGTERM');
    await exitOf(up);
  });

  await t.test(`line ${first.line}: ${demo}`, async (t) => {
    await until(
      () => said,
      (text) => up.exitCode !== null || text.includes('Ctrl-C stops everything'),
    );
    check(t, first, { code: up.exitCode ?? 0, lines: place.linesOf(said) });
  });
  // Each command stands on the ones before it.
  for (const step of steps) {
    if (!t.passing()) break;
    const printed = (): Promise<Printed> => follow(place, step, runsOnce.test(step.command));
    await t.test(`line ${step.line}: ${step.command}`, async (t) => check(t, step, await printed()));
  }
  await t.test('Ctrl-C', async (t) => {
    up.kill('SIGINT');
    t.equal(await exitOf(up), 0);
  });
}

/** Runs commands of a guide with the ports and programs that are here. */
class Place {
  readonly #folder: string;
  readonly #env: NodeJS.ProcessEnv;
  /** As the guide has them, and as they are here. */
  readonly #ports: readonly (readonly [string, string])[];

  constructor(fleet: DemoFleet, folder: string) {
    writeFileSync(join(folder, '.curlrc'), 'silent\nshow-error\nnoproxy = "*"\n');
    this.#folder = folder;
    this.#env = { ...fleet.env, CURL_HOME: folder };
    this.#ports = [
      [':7420', `:${fleet.port}`],
      [':8080', `:${fleet.httpPort}`],
      [':8443', `:${fleet.httpsPort}`],
    ];
  }

  run(command: string): Promise<Printed> {
    return new Promise((done) => {
      const script = `exec 2>&1; ${this.#commandHere(command)}`;
      execFile('sh', ['-c', script], { cwd: this.#folder, env: this.#env, timeout: commandMs }, (error, stdout) => {
        const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
        done({ code, lines: this.linesOf(stdout) });
      });
    });
  }

  /** Gives what was printed, as the guide would show it. */
  linesOf(output: string): readonly string[] {
    return this.#ports.reduce((text, [written, here]) => text.replaceAll(here, written), output).split('\n');
  }

  #commandHere(command: string): string {
    return [
      ...this.#ports,
      ['npx fleetgate ', `'${process.execPath}' '${bin}' `] as const,
      ['sed -i ', process.platform === 'darwin' ? "sed -i '' " : 'sed -i '] as const,
    ].reduce((text, [written, here]) => text.replaceAll(written, here), command);
  }
}

async function follow(place: Place, { command, shown }: ConsoleStep, once: boolean): Promise<Printed> {
  const giveUpAt = performance.now() + asShownWithinMs;
  for (;;) {
    const printed = await place.run(command);
    const isDone = printed.code === 0 && isAsShown(shown, printed.lines);
    if (isDone || once || performance.now() > giveUpAt) return printed;
    await pause(100);
  }
}

function check(t: Test, { shown }: ConsoleStep, { code, lines }: Printed): void {
  t.equal(code, 0, 'succeeds');
  if (isAsShown(shown, lines)) t.pass('prints what is shown');
  else t.equal(steadyLines(lines).join('\n'), steadyLines(shown).join('\n'), 'prints what is shown');
}
