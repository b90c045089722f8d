// For tests: runs `fleetgate up --demo` as a user would, on a copy of the storefront, with ports and folders of its
// own.
import { type ChildProcess, type ChildProcessByStdio, execFile, spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { join, resolve } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { z } from 'zod';
import { identityOf } from '#libs/runtime/process/process-identity.ts';
import { tiedVariable } from '#libs/runtime/process/launcher.ts';
import { pause } from '#libs/runtime/pause.ts';
import { tryPort } from '#libs/runtime/ports.ts';
import { storefront } from '../demo/storefront.ts';
import { choosePort } from '../up/ports.ts';
import { readRecord } from '../local/record-file.ts';

const bin = resolve(import.meta.dirname, '..', 'bin.mjs');
const deadlineMs = 60_000;
const runRecord = z.object({ pid: z.number() });
const readyEvent = z.object({ event: z.literal('ready'), tookMs: z.number(), url: z.string() });

interface CliResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

interface UpOptions {
  readonly demo: boolean;
  /** More of `up`'s own. */
  readonly flags?: readonly string[];
}

export interface RunningUp {
  readonly process: ChildProcess;
  readonly ready: z.output<typeof readyEvent>;
  /** Lines of JSON that it printed. */
  readonly events: readonly string[];
}

/** A folder with a copy of the example, whose upstreams have free ports. */
export class DemoFleet {
  readonly folder: string;
  readonly data: string;
  /** Of the API. */
  readonly port: number;
  readonly #offset: number;

  private constructor(folder: string, port: number, offset: number) {
    this.folder = folder;
    this.data = join(folder, 'data');
    this.port = port;
    this.#offset = offset;
  }

  static async prepare(folder: string): Promise<DemoFleet> {
    cpSync(storefront, folder, { recursive: true });
    await freeUpstreamPorts(folder);
    mkdirSync(join(folder, 'state'), { recursive: true });
    return new DemoFleet(folder, await choosePort('127.0.0.1', 0), await freeOffset());
  }

  get httpPort(): number {
    return 80 + this.#offset;
  }

  get httpsPort(): number {
    return 443 + this.#offset;
  }

  get certificateAuthority(): string {
    return readFileSync(join(this.folder, 'demo-ca.pem'), 'utf8');
  }

  get env(): NodeJS.ProcessEnv {
    const { FLEETGATE_URL: _, FLEETGATE_TOKEN: __, FLEETGATE_DATA: ___, ...env } = process.env;
    return { ...env, XDG_STATE_HOME: join(this.folder, 'state') };
  }

  upArgs({ demo, flags = [] }: UpOptions = { demo: true }): readonly string[] {
    const clusters = ['eu', 'us'].flatMap((name) => ['--cluster', `${name}=${join(this.folder, name)}`]);
    const ports = ['--port', String(this.port), '--port-offset', String(this.#offset)];
    const upstreams = demo ? ['--demo'] : [];
    return ['up', ...upstreams, ...clusters, '--data', this.data, ...ports, '--output', 'json', ...flags];
  }

  /** Starts `up` and waits until it says that it is ready; without `demo` the upstreams are not its business. */
  up(options?: UpOptions): Promise<RunningUp> {
    return untilReady(this.start(this.upArgs(options)));
  }

  /** Starts a command that goes on until it is stopped. */
  start(
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ): ChildProcessByStdio<Writable, Readable, Readable> {
    // Tied: when the test is killed, what it started stops too.
    const all = { ...this.env, ...env, [tiedVariable]: '1' };
    const child = spawn(process.execPath, [bin, ...args], { env: all, stdio: ['pipe', 'pipe', 'pipe'] });
    child.stdin.on('error', () => undefined);
    return child;
  }

  /** Runs one command as a user would. */
  cli(...args: readonly string[]): Promise<CliResult> {
    return this.#run(this.env, args);
  }

  /** Does the same as somebody else, by their token. */
  cliAs(token: string, ...args: readonly string[]): Promise<CliResult> {
    return this.#run({ ...this.env, FLEETGATE_TOKEN: token }, args);
  }

  #run(env: NodeJS.ProcessEnv, args: readonly string[]): Promise<CliResult> {
    return new Promise((done) => {
      const options = { env, timeout: deadlineMs };
      execFile(process.execPath, [bin, ...args], options, (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
        done({ code, stdout, stderr });
      });
    });
  }

  /** Replaces a manifest by rename, as editors do. */
  edit(file: string, change: (text: string) => string): void {
    const path = join(this.folder, file);
    const text = existsSync(path) ? readFileSync(path, 'utf8') : '';
    writeFileSync(`${path}~`, change(text));
    renameSync(`${path}~`, path);
  }

  /** Finds the processes of the fleet that run now, by part; Envoy and the servers included. */
  async processes(): Promise<ReadonlyMap<string, number>> {
    const run = join(this.data, 'run');
    const files = [...readdirSync(run).map((file) => join(run, file)), join(this.data, 'node', 'envoy.json')];
    const pids = new Map<string, number>();
    for (const file of files) {
      const pid = readRecord(file, runRecord)?.pid;
      if (pid === undefined || (await identityOf(pid)) === undefined) continue;
      pids.set(file.replace(/^.*\/|\.json$/gu, ''), pid);
    }
    return pids;
  }
}

/** Waits until an `up` with `--output json` says that it is ready; rejects when it ends first. */
export async function untilReady(child: ChildProcessByStdio<Writable | null, Readable, Readable>): Promise<RunningUp> {
  const events: string[] = [];
  const errors: string[] = [];
  child.stderr.setEncoding('utf8').on('data', (text: string) => errors.push(text));
  const { promise, resolve: ready, reject } = Promise.withResolvers<RunningUp['ready']>();
  const timer = setTimeout(() => reject(new Error(`not ready: ${events.join('\n')}`)), deadlineMs);
  createInterface({ input: child.stdout }).on('line', (line) => {
    events.push(line);
    // npm says what it runs before that.
    if (!line.startsWith('{')) return;
    const parsed = readyEvent.safeParse(JSON.parse(line));
    if (parsed.success) ready(parsed.data);
  });
  child.once('exit', (code) => reject(new Error(`up ended with ${code}: ${errors.join('')}`)));
  try {
    return { process: child, ready: await promise, events };
  } finally {
    clearTimeout(timer);
  }
}

/** Waits for the end of a process; gives the exit code. */
export function exitOf(child: ChildProcess): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve(child.exitCode);
  return new Promise((done) => child.once('exit', (code) => done(code)));
}

/** Asks again until the answer is as wanted; throws with the last answer after a minute. */
export async function until<T>(ask: () => Promise<T> | T, wanted: (answer: T) => boolean): Promise<T> {
  const giveUpAt = performance.now() + deadlineMs;
  for (;;) {
    const answer = await ask();
    if (wanted(answer)) return answer;
    if (performance.now() > giveUpAt) throw new Error(`never as wanted: ${JSON.stringify(answer)}`);
    await pause(20);
  }
}

/** Gives the upstreams free ports: the example's are fixed, and other tests may run beside this one. */
export async function freeUpstreamPorts(folder: string): Promise<void> {
  const ports = new Map<string, number>();
  for (const file of ['eu', 'us'].flatMap((name) =>
    readdirSync(join(folder, name)).map((one) => join(folder, name, one)),
  )) {
    const text = readFileSync(file, 'utf8');
    for (const [port] of text.matchAll(/\b18[12]\d\d\b/gu)) {
      if (!ports.has(port)) ports.set(port, await freeUpstreamPort([...ports.values()]));
    }
    writeFileSync(
      file,
      text.replaceAll(/\b18[12]\d\d\b/gu, (port) => String(ports.get(port))),
    );
  }
}

/**
 * Finds a port that no other server has; one below those that the system hands out, lest another process is handed it.
 */
async function freeUpstreamPort(taken: readonly number[]): Promise<number> {
  for (;;) {
    const port = 10_000 + Math.floor(Math.random() * 9000);
    if (!taken.includes(port) && (await tryPort('127.0.0.1', port)) !== undefined) return port;
  }
}

/** Finds an offset at which both ports of the example are free. */
export async function freeOffset(): Promise<number> {
  for (;;) {
    const offset = 20_000 + Math.floor(Math.random() * 12_000);
    const free = await Promise.all([80, 443].map((port) => tryPort('127.0.0.1', port + offset)));
    if (free.every((port) => port !== undefined)) return offset;
  }
}
