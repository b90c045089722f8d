// The lab's outer network namespace. What an earlier lab of the same name left behind goes first.
import type { LabPaths } from './paths.ts';
import { sh } from './processes.ts';

export function makeNetwork({ netns }: LabPaths): void {
  removeNetwork(netns);
  sh('ip', 'netns', 'add', netns);
  sh('ip', '-n', netns, 'link', 'set', 'lo', 'up');
  sh('ip', 'netns', 'exec', netns, 'sysctl', '-qw', 'net.ipv4.ip_forward=1');
}

function removeNetwork(netns: string): void {
  const names = sh('ip', 'netns', 'list')
    .split('\n')
    .map((line) => line.split(' ')[0] ?? '')
    .filter((name) => name === netns || name.startsWith(`${netns}-`));
  for (const name of names) {
    for (const pid of sh('ip', 'netns', 'pids', name).split('\n').filter(Boolean)) killNow(Number(pid));
    sh('ip', 'netns', 'del', name);
  }
}

function killNow(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // gone meanwhile
  }
}
