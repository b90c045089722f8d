// Starts the API server of a cluster of the lab again, with other flags, as an upgrade of its control plane would.
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { spawn } from 'node:child_process';
import { inLab, type LabPaths } from './paths.ts';

/**
 * Ends the API server of a cluster and starts it with the flags that `change` makes of its own. Gives what ends the new
 * one, which outlives the lab otherwise.
 */
export async function restartApiServer(
  paths: LabPaths,
  cluster: string,
  change: (flags: readonly string[]) => readonly string[],
): Promise<() => void> {
  const mark = `--tls-cert-file=${paths.dir}/${cluster}/api.crt`;
  const running = readdirSync('/proc').flatMap((entry) => {
    const argv = /^\d+$/u.test(entry) ? argvOf(entry) : [];
    return argv[0]?.endsWith('/kube-apiserver') === true && argv.includes(mark) ? [{ pid: Number(entry), argv }] : [];
  });
  const [first] = running;
  if (first === undefined) throw new Error(`${cluster} has no API server`);
  process.kill(first.pid, 'SIGTERM');
  for (let tries = 0; argvOf(String(first.pid)).length > 0; tries += 1) {
    if (tries > 300) process.kill(first.pid, 'SIGKILL');
    await sleep(100);
  }
  const [command = '', ...flags] = first.argv;
  const [inside = '', ...args] = inLab(paths, [command, ...change(flags)]);
  const child = spawn(inside, args, { stdio: 'ignore' });
  return () => void child.kill('SIGTERM');
}

/** Gives the command line of a process; empty = it has ended. */
function argvOf(pid: string): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').filter(Boolean);
  } catch {
    return [];
  }
}
