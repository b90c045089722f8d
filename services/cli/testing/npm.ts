// For tests: runs npm and npx as a user does, and finds what they leave running.
import { type ChildProcessByStdio, execFile, spawn } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { promisify } from 'node:util';

interface NpmOptions {
  readonly cwd: string;
  /** Added to the environment, from which what an npm around the test says is taken. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Starts `npm …` or `npx …`. */
export function startNpm(
  command: 'npm' | 'npx',
  args: readonly string[],
  { cwd, env }: NpmOptions,
): ChildProcessByStdio<null, Readable, Readable> {
  return spawn(command, args, { cwd, env: userEnv(env), stdio: ['ignore', 'pipe', 'pipe'] });
}

/** Runs `npm …` or `npx …` to its end; gives what it printed. Rejects with its errors when it fails. */
export async function runNpm(
  command: 'npm' | 'npx',
  args: readonly string[],
  { cwd, env }: NpmOptions,
): Promise<string> {
  const { stdout } = await promisify(execFile)(command, args, { cwd, env: userEnv(env), maxBuffer: 2 ** 24 });
  return stdout;
}

/** Lists the command lines of the processes that name a folder; Linux only, elsewhere empty. */
export function processesNaming(folder: string): readonly string[] {
  if (process.platform !== 'linux') return [];
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/u.test(entry))
    .map((pid) => commandLine(pid))
    .filter((command) => command.includes(folder));
}

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
  } catch {
    return '';
  }
}

function userEnv(env: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([name]) => !/^(npm_|FLEETGATE_|NODE_OPTIONS$|TAP)/u.test(name));
  return { ...Object.fromEntries(own), ...env };
}
