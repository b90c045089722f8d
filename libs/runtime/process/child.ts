// Supervises a child process in a process group of its own, so that Ctrl-C in the terminal reaches only us and we
// decide the order of stopping. It is restarted with growing pauses, its output becomes log lines, and when we end it
// is ended too.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { fail, messageOf } from '#libs/runtime/errors.ts';
import { tiedVariable } from './launcher.ts';
import type { Logger } from '#libs/runtime/log.ts';
import { backoff, pause } from '#libs/runtime/pause.ts';
import { signalProcess } from './process-identity.ts';

export interface ChildExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

interface ChildOptions {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** Added to our own environment; undefined removes. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  readonly uid?: number;
  readonly gid?: number;
  readonly log: Logger;
  /** Pauses between restarts; they start over once the child has run for maxMs. false = it runs once. */
  readonly restart: { readonly minMs: number; readonly maxMs: number } | false;
  readonly onStart?: (pid: number) => void;
  readonly onExit?: (exit: ChildExit) => void;
  /** Gets the output line by line instead of the log. */
  readonly onLine?: (line: string, stream: 'stdout' | 'stderr') => void;
  /** A file that the output is appended to instead: it does not break when we end before the child. */
  readonly logFile?: string;
  /** The child is one of our services: it stops by itself when we are gone. */
  readonly tied?: boolean;
  /** It goes on when we end; for what the next run adopts. */
  readonly outlives?: boolean;
}

interface StopOptions {
  readonly signal?: NodeJS.Signals;
  readonly graceMs?: number;
}

export interface Child {
  /** Undefined between an exit and the restart. */
  readonly pid: number | undefined;
  /** The signal (default SIGTERM), then SIGKILL to the whole group after graceMs (default 10 s). No restart follows. */
  stop(options?: StopOptions): Promise<void>;
  /** Ends it in the same way, and lets it be started again; resolves when it has ended. */
  restart(): Promise<void>;
  /** Resolves when it has ended for good. Rejects with FleetgateError 'binary-missing' when it cannot be run at all. */
  readonly exited: Promise<ChildExit>;
}

const lineMax = 16_384;
const living = new Set<ChildProcess>();
let watchingExit = false;

/** Starts a child and keeps it running. */
export function startChild(options: ChildOptions): Child {
  const stopping = new AbortController();
  let current: ChildProcess | undefined;

  async function supervise(): Promise<ChildExit> {
    for (let attempt = 0; ; attempt++) {
      const startedAt = performance.now();
      current = spawnChild(options);
      const exit = await exitOf(current, options);
      current = undefined;
      options.onExit?.(exit);
      if (options.restart === false || stopping.signal.aborted) return exit;
      if (performance.now() - startedAt > options.restart.maxMs) attempt = 0;
      const waitMs = backoff(attempt, options.restart);
      options.log.warn({ child: options.name, ...exit, waitMs: Math.round(waitMs) }, 'a child ended and is restarted');
      await pause(waitMs, stopping.signal);
      if (stopping.signal.aborted) return exit;
    }
  }

  async function end({ signal = 'SIGTERM', graceMs = 10_000 }: StopOptions): Promise<void> {
    const child = current;
    if (child?.pid === undefined) return;
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    child.kill(signal);
    const kill = setTimeout(() => {
      options.log.warn({ child: options.name, graceMs }, 'a child did not stop in time and is killed');
      killGroup(child);
    }, graceMs);
    await ended;
    clearTimeout(kill);
  }

  const exited = supervise();
  exited.catch(() => undefined);
  return {
    get pid() {
      return current?.pid;
    },
    exited,
    restart: () => end({}),
    async stop(how = {}) {
      stopping.abort();
      await end(how);
      await exited.catch(() => undefined);
    },
  };
}

let setpriv: Promise<boolean> | undefined;

/**
 * Wraps a command so that it gets the signal when the thread that starts it dies, kill -9 included, where the system
 * can do that (Linux).
 */
export async function withDeathSignal(
  signal: NodeJS.Signals,
  command: string,
  args: readonly string[],
): Promise<readonly [command: string, args: readonly string[]]> {
  const name = signal.replace('SIG', '');
  setpriv ??= promisify(execFile)('setpriv', ['--pdeathsig', name, 'true']).then(
    () => true,
    () => false,
  );
  return (await setpriv) ? ['setpriv', ['--pdeathsig', name, command, ...args]] : [command, args];
}

function spawnChild(options: ChildOptions): ChildProcess {
  const file = options.logFile === undefined ? undefined : openLog(options.logFile);
  const output = file ?? (options.logFile === undefined ? 'pipe' : 'ignore');
  const env = { ...process.env, ...(options.tied ? { [tiedVariable]: '1' } : {}), ...options.env };
  try {
    const child = spawn(options.command, options.args, {
      detached: true,
      stdio: [options.tied ? 'pipe' : 'ignore', output, output],
      env,
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      ...(options.uid === undefined ? {} : { uid: options.uid }),
      ...(options.gid === undefined ? {} : { gid: options.gid }),
    });
    if (child.stdout !== null) readLines(child.stdout, 'stdout', options);
    if (child.stderr !== null) readLines(child.stderr, 'stderr', options);
    child.stdin?.on('error', () => undefined);
    if (child.pid !== undefined) {
      if (!options.outlives) endWithUs(child);
      options.onStart?.(child.pid);
    }
    return child;
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

/** Opens a file for output; undefined where the disk has no room for it: the child runs all the same. */
function openLog(path: string): number | undefined {
  try {
    return openSync(path, 'a', 0o600);
  } catch (error) {
    if (!messageOf(error).includes('ENOSPC')) throw error;
    return undefined;
  }
}

function exitOf(child: ChildProcess, options: ChildOptions): Promise<ChildExit> {
  return new Promise((resolve, reject) => {
    child.once('error', (error) => {
      // After a start 'error' means a signal that could not be sent; 'exit' follows.
      if (child.pid === undefined) {
        reject(fail('binary-missing', `${options.name} (${options.command}): ${messageOf(error)}`, { cause: error }));
      }
    });
    child.once('exit', (code, signal) => {
      living.delete(child);
      resolve({ code, signal });
    });
  });
}

function readLines(stream: Readable, name: 'stdout' | 'stderr', options: ChildOptions): void {
  const lines = createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY });
  lines.on('line', (line) => {
    const text = line.length > lineMax ? `${line.slice(0, lineMax)}…` : line;
    if (options.onLine === undefined) options.log.info({ child: options.name }, text);
    else options.onLine(text, name);
  });
  stream.on('error', () => undefined);
}

/** Ends the child with us, however we end but for kill -9: an uncaught error, process.exit. */
function endWithUs(child: ChildProcess): void {
  living.add(child);
  if (watchingExit) return;
  watchingExit = true;
  process.on('exit', () => {
    for (const left of living) left.kill('SIGTERM');
  });
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  if (!signalProcess(-child.pid, 'SIGKILL')) child.kill('SIGKILL');
}
