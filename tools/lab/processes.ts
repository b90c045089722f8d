// Child processes of the lab, each in a network namespace, with its output in a file. All end with the lab.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** Runs a command to its end; throws with what it wrote to standard error. */
export function sh(command: string, ...args: readonly string[]): string {
  return execFileSync(command, args, { stdio: ['ignore', 'pipe', 'pipe'] }).toString();
}

export class Processes {
  readonly #children = new Set<ChildProcess>();
  stopping = false;

  /** Starts argv inside a namespace; the log is a file, so that /dev/stdout can be opened again by the process. */
  start(log: string, namespace: string, argv: readonly string[], env: NodeJS.ProcessEnv = process.env): ChildProcess {
    const out = openSync(log, 'a');
    const child = spawn('ip', ['netns', 'exec', namespace, ...argv], { stdio: ['ignore', out, out], env });
    closeSync(out);
    this.#children.add(child);
    child.once('exit', () => this.#children.delete(child));
    return child;
  }

  /** SIGTERM to all, SIGKILL to those still there after 3 s. */
  async stop(): Promise<void> {
    this.stopping = true;
    for (const child of this.#children) child.kill('SIGTERM');
    for (let i = 0; i < 60 && this.#children.size > 0; i++) await sleep(50);
    for (const child of this.#children) child.kill('SIGKILL');
  }
}
