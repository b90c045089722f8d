// Runs one part of `up`: a service as a real child process of the same command. It is restarted when it ends, its
// output goes to a file of its own, and run/<part>.json names its process so that people and scripts can find it.
import { existsSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { extname, join, resolve } from 'node:path';
import { z } from 'zod';
import { type Child, type ChildExit, startChild } from '#libs/runtime/process/child.ts';
import type { Logger } from '#libs/runtime/log.ts';
import { type ProcessIdentity, identityOf, isRunning, signalProcess } from '#libs/runtime/process/process-identity.ts';
import { pause } from '#libs/runtime/pause.ts';
import type { DataFolder } from '../local/data-folder.ts';
import { readRecord, writeRecord } from '../local/record-file.ts';

export interface PartSpec {
  readonly name: string;
  /** For Node itself. */
  readonly nodeArgs?: readonly string[];
  /** The command and its arguments, as after `fleetgate`. */
  readonly args: readonly string[];
  /** Configuration; secrets go this way and never into args. */
  readonly env: Readonly<Record<string, string>>;
  /** Where /healthz, /readyz and /metrics are. */
  readonly health?: string;
}

export interface PartEvents {
  readonly onStart: (part: string, pid: number) => void;
  /** `lastWords` = what it logged as error last, '' when nothing. */
  readonly onExit: (part: string, exit: ChildExit, lastWords: string) => void;
}

const runRecord = z.object({ pid: z.number(), started: z.string() });
const logLine = z.object({
  level: z.string().default(''),
  msg: z.string().default(''),
  err: z.object({ message: z.string().default('') }).optional(),
});
/** Beside this module, and built like it in an installed package. */
const main = resolve(import.meta.dirname, '..', `main${extname(import.meta.filename)}`);
const logBytesMax = 16 * 1024 ** 2;
const orphanWaitMs = 20_000;

/** Starts a part and keeps it running until it is stopped. */
export function startPart(spec: PartSpec, folder: DataFolder, log: Logger, events: PartEvents): Child {
  const logFile = join(folder.logs, `${spec.name}.log`);
  const runFile = join(folder.run, `${spec.name}.json`);
  if ((statSync(logFile, { throwIfNoEntry: false })?.size ?? 0) > logBytesMax) renameSync(logFile, `${logFile}.old`);
  let stopWriting: (() => void) | undefined;
  const record = (identity: ProcessIdentity): void => {
    stopWriting?.();
    stopWriting = writeRecord(runFile, recordOf(identity, spec));
  };
  return startChild({
    name: spec.name,
    command: process.execPath,
    args: [...(spec.nodeArgs ?? []), main, ...spec.args],
    env: spec.env,
    log,
    logFile,
    tied: true,
    restart: { minMs: 100, maxMs: 10_000 },
    onStart: (pid) => {
      record({ pid, started: '' });
      void identityOf(pid).then((identity) => {
        if (identity !== undefined) record(identity);
      });
      events.onStart(spec.name, pid);
    },
    onExit: (exit) => {
      stopWriting?.();
      rmSync(runFile, { force: true });
      events.onExit(spec.name, exit, lastWords(logFile));
    },
  });
}

/** Stops the parts of an earlier `up` that ended without stopping them; they end by themselves, this waits for it. */
export async function stopOrphans(folder: DataFolder, files: readonly string[]): Promise<readonly string[]> {
  const orphans: string[] = [];
  for (const file of files) {
    const path = join(folder.run, file);
    const identity = readRecord(path, runRecord);
    if (identity !== undefined && (await isRunning(identity))) {
      orphans.push(file.replace(/\.json$/u, ''));
      signalProcess(identity.pid, 'SIGTERM');
      const giveUpAt = performance.now() + orphanWaitMs;
      while ((await isRunning(identity)) && performance.now() < giveUpAt) await pause(20);
      if (await isRunning(identity)) signalProcess(identity.pid, 'SIGKILL');
    }
    rmSync(path, { force: true });
  }
  return orphans;
}

function recordOf(identity: ProcessIdentity, spec: PartSpec): object {
  return { ...identity, part: spec.name, health: spec.health ?? null, since: new Date().toISOString() };
}

/**
 * Finds the message of the last line at level error or fatal, of an uncaught error the line that names it; '' = none.
 */
function lastWords(logFile: string): string {
  if (!existsSync(logFile)) return '';
  const lines = readFileSync(logFile, 'utf8').slice(-20_000).trimEnd().split('\n').slice(-30).toReversed();
  for (const line of lines) {
    const fields = parseLogLine(line);
    if (fields === undefined && /^\w*Error\b/u.test(line)) return line;
    if (fields?.level === 'error' || fields?.level === 'fatal') {
      return [fields.msg, fields.err?.message ?? ''].filter((text) => text !== '').join(': ');
    }
  }
  return '';
}

function parseLogLine(line: string): z.infer<typeof logLine> | undefined {
  try {
    return logLine.parse(JSON.parse(line));
  } catch {
    return undefined;
  }
}
