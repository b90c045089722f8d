// Notices that whoever launched this process is gone. `npm run` and `npx` put a shell between themselves and the
// command that forwards no signal, and the command may run on another Node than it was started with: who ends the first
// of these processes means the last.
//
//   npm ──▶ sh -c ──▶ bin.mjs or bootstrap.mjs ──▶ this process
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { pause } from '#libs/runtime/pause.ts';
import { commandLineOf } from './process-identity.ts';

/** Set by `startChild` with `tied`: standard input is a pipe that ends with the parent. */
export const tiedVariable = 'FLEETGATE_TIED';

/** Names the process that handed over to this one, where it did; set by bin.mjs and bootstrap.mjs. */
const launcherVariable = 'FLEETGATE_LAUNCHER';

interface Ancestor {
  readonly pid: number;
  readonly command: string;
}

const ancestorsMax = 16;
const everyMs = process.platform === 'linux' ? 250 : 2000;
/** A longer time between two looks means that this process was held, and its shell with it. */
const heldMs = 5000;
/** Until then after `fg` the others may not have gone on. */
const settledMs = 3 * everyMs;
/** The wall clock goes on while a machine sleeps, the other does not. */
const sleptMs = 1000;

/**
 * Calls `gone` once when a process between this one and its npm ends, npm included, or the launcher that handed over;
 * on Linux also when npm passes SIGINT to its shell, which keeps it to itself. Does nothing for a process that neither
 * started: whose shell ends may well go on (nohup).
 */
export async function watchLauncher(gone: () => void, env: NodeJS.ProcessEnv = process.env): Promise<void> {
  const chain = await launchersOf(env);
  if (chain.length === 0) return;
  const pids = chain.map(({ pid }) => pid);
  const shells = await watchShells(chain.filter(({ command }) => isShell(command)).map(({ pid }) => pid));
  let looking = false;
  const timer = setInterval(() => {
    if (looking) return;
    looking = true;
    void Promise.all([shells.woke(), isWhole(pids)]).then(([woke, whole]) => {
      looking = false;
      if (whole && !woke) return;
      clearInterval(timer);
      gone();
    });
  }, everyMs);
  timer.unref();
}

/**
 * Tells of shells whether a signal woke one since it was asked last. What wakes all processes together, such as a sleep
 * of the machine or `fg`, is none.
 */
async function watchShells(pids: readonly number[]): Promise<{ woke(): Promise<boolean> }> {
  let before = await wakingsOf(pids);
  let wall = Date.now();
  let steady = performance.now();
  let continuedAt = Number.NEGATIVE_INFINITY;
  if (pids.length > 0) process.on('SIGCONT', () => (continuedAt = performance.now()));
  return {
    async woke() {
      const now = await wakingsOf(pids);
      const [sinceWall, sinceSteady] = [Date.now() - wall, performance.now() - steady];
      const woke = now.some(
        (count, index) => count !== undefined && before[index] !== undefined && count !== before[index],
      );
      before = now;
      wall = Date.now();
      steady = performance.now();
      if (!woke) return false;
      // A signal that came meanwhile is told later than what was read.
      await pause(everyMs);
      const continued = performance.now() - continuedAt < settledMs;
      return !continued && sinceSteady < heldMs && Math.abs(sinceWall - sinceSteady) < sleptMs;
    },
  };
}

/** Finds the processes that end with their child's purpose, the nearest first; empty = this one stands alone. */
async function launchersOf(env: NodeJS.ProcessEnv): Promise<readonly Ancestor[]> {
  const ancestors: Ancestor[] = [];
  let pid = process.ppid;
  while (pid > 0 && ancestors.length < ancestorsMax) {
    ancestors.push({ pid, command: await commandLineOf(pid) });
    pid = (await parentOf(pid)) ?? 0;
  }
  const handedOver = env[launcherVariable] === String(process.ppid) ? 1 : 0;
  const count = env['npm_command'] === undefined ? handedOver : Math.max(handedOver, lastNpm(ancestors) + 1);
  return ancestors.slice(0, count);
}

/** Gives the index of npm; of the outermost where npm scripts run npm; -1 = there is none. */
function lastNpm(ancestors: readonly Ancestor[]): number {
  let last = -1;
  for (const [index, { command }] of ancestors.entries()) {
    if (isNpm(command)) last = index;
    else if (last >= 0 && !isShell(command)) break;
  }
  return last;
}

function isShell(command: string): boolean {
  return /^\S*sh -c /u.test(command);
}

/** npm shows itself as `npm exec …`, and until it has done so as `node /usr/bin/npm …`. */
function isNpm(command: string): boolean {
  const [program = '', script = ''] = command.split(' ');
  return /(^|\/)(p?npm|p?npx|yarn)(-cli)?(\.c?js)?$/u.test(/(^|\/)node$/u.test(program) ? script : program);
}

async function isWhole(chain: readonly number[]): Promise<boolean> {
  if (process.ppid !== chain[0]) return false;
  const parents = await Promise.all(chain.slice(0, -1).map(parentOf));
  return parents.every((parent, index) => parent === chain[index + 1]);
}

/**
 * Counts how often each shell has slept. One that waits for its one child sleeps until a signal comes; dash then waits
 * on, and dies of the signal only after its child. Undefined of a shell with other children: those wake it, too.
 */
async function wakingsOf(pids: readonly number[]): Promise<readonly (string | undefined)[]> {
  if (process.platform !== 'linux') return [];
  return Promise.all(
    pids.map(async (pid) => {
      const read = (file: string): Promise<string> => readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '');
      const [status, children] = await Promise.all([read('status'), read(`task/${pid}/children`)]);
      if (!/^\d+$/u.test(children.trim())) return undefined;
      return /^voluntary_ctxt_switches:\s*(\d+)/mu.exec(status)?.[1];
    }),
  );
}

/** Gives the parent of a process; undefined when there is no such process. */
async function parentOf(pid: number): Promise<number | undefined> {
  try {
    if (process.platform !== 'linux') {
      const { stdout } = await promisify(execFile)('ps', ['-o', 'ppid=', '-p', String(pid)]);
      return Number(stdout.trim());
    }
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    // The name in parentheses may hold spaces; behind it come the state and the parent.
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return undefined;
  }
}
