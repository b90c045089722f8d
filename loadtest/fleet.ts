// `fleetgate up` on a copy of the storefront, in a folder of its own and on ports of its own, driven as a user would: by its CLI and its files.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';

const main = resolve(import.meta.dirname, '../services/cli/main.ts');
const startDeadlineMs = 180_000;
const runRecord = z.object({ pid: z.number() });

export interface Fleet {
  readonly httpPort: number;
  readonly tlsPort: number;
  readonly examples: string;
  /** Standard output of one CLI command; throws with its standard error. */
  cli(...args: readonly string[]): Promise<string>;
  /** Replaces a manifest by rename, as editors do. */
  edit(file: string, change: (text: string) => string): void;
  /** SIGKILL to one part (`agent-eu`, `projector`, `control`, `proxy`); resolves when `up` has started it again. */
  kill(part: string): Promise<void>;
  parts(): readonly string[];
  stop(): Promise<void>;
}

export async function startFleet(folder: string): Promise<Fleet> {
  const data = join(folder, 'data');
  const examples = join(folder, 'storefront');
  const [port, offset] = [await freePort(), 20_000 + 1000 * Math.floor(Math.random() * 20)];
  const clusters = ['eu', 'us'].flatMap((cluster) => ['--cluster', `${cluster}=${join(examples, cluster)}`]);
  const args = [
    main,
    'up',
    '--demo',
    '--data',
    data,
    '--port',
    String(port),
    '--port-offset',
    String(offset),
    '--output',
    'json',
    ...clusters,
  ];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const run = join(data, 'run');
  const pidOf = (part: string): number | undefined => {
    try {
      return runRecord.parse(JSON.parse(readFileSync(join(run, `${part}.json`), 'utf8'))).pid;
    } catch {
      return undefined;
    }
  };
  await untilReady(child);
  return {
    httpPort: 80 + offset,
    tlsPort: 443 + offset,
    examples,
    cli: (...words) => runCli(words, data),
    edit(file, change) {
      const path = join(examples, file);
      writeFileSync(`${path}.new`, change(readFileSync(path, 'utf8')));
      renameSync(`${path}.new`, path);
    },
    async kill(part) {
      const pid = pidOf(part);
      if (pid === undefined) throw new Error(`${part} is not running`);
      process.kill(pid, 'SIGKILL');
      for (let i = 0; i < 600; i++, await sleep(50)) {
        const now = pidOf(part);
        if (now !== undefined && now !== pid) return;
      }
      throw new Error(`${part} was not started again within 30 s`);
    },
    parts: () => readdirSync(run).map((file) => file.replace(/\.json$/u, '')),
    stop: () => stopChild(child),
  };
}

function runCli(words: readonly string[], data: string): Promise<string> {
  return new Promise((done, fail) => {
    const env = { ...process.env, FLEETGATE_DATA: data };
    execFile(process.execPath, [main, ...words], { env, timeout: 60_000 }, (error, stdout, stderr) => {
      if (error === null) done(stdout);
      else fail(new Error(`fleetgate ${words.join(' ')}: ${stderr.trim() || stdout.trim() || error.message}`));
    });
  });
}

async function untilReady(child: ChildProcess): Promise<void> {
  if (child.stdout === null) throw new Error('no output');
  const lines = createInterface({ input: child.stdout });
  const timer = setTimeout(() => child.kill('SIGTERM'), startDeadlineMs);
  await new Promise<void>((done, fail) => {
    lines.on('line', (line) => {
      if (line.includes('"ready"')) done();
    });
    child.once('exit', (code) => fail(new Error(`fleetgate up ended with ${code}`)));
  });
  clearTimeout(timer);
}

function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return Promise.resolve();
  child.kill('SIGINT');
  return new Promise((done) => child.once('exit', () => done()));
}

function freePort(): Promise<number> {
  return new Promise((done) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => done(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
