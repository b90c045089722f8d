// A pod's network namespace: its address on the cluster's bridge, its resolver, and its end.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import type { Cluster } from '../cluster.ts';
import type { LabPaths } from '../paths.ts';
import { sh } from '../processes.ts';

export interface PodNetwork {
  readonly namespace: string;
  readonly address: string;
}

export function makePodNetwork(
  { index, name, net, address: bridge }: Cluster,
  { netns }: LabPaths,
  serial: number,
  podNamespace: string,
): PodNetwork {
  const namespace = `${netns}-${name}-${serial}`;
  const address = `${net}.${1 + (serial >> 8)}.${serial & 255}`;
  const link = `v${index}-${serial}`;
  sh('ip', 'netns', 'add', namespace);
  sh('ip', '-n', netns, 'link', 'add', link, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', namespace);
  sh('ip', '-n', netns, 'link', 'set', link, 'master', `br${index}`, 'up');
  const inside = [
    'link set lo up',
    `addr add ${address}/16 dev eth0`,
    'link set eth0 up',
    `route add default via ${bridge}`,
  ];
  sh('sh', '-c', `printf '%s\\n' "$@" | ip -n ${namespace} -batch -`, 'sh', ...inside);
  sh('ip', 'netns', 'exec', namespace, 'sysctl', '-qw', 'net.ipv4.ip_unprivileged_port_start=0');
  mkdirSync(`/etc/netns/${namespace}`, { recursive: true }); // `ip netns exec` lays this folder over /etc
  const search = `${podNamespace}.svc.cluster.local svc.cluster.local cluster.local`;
  writeFileSync(`/etc/netns/${namespace}/resolv.conf`, `nameserver ${bridge}\nsearch ${search}\noptions ndots:5\n`);
  return { namespace, address };
}

/** Also ends what a container started and left behind. */
export function removePodNetwork(namespace: string): void {
  try {
    for (const pid of sh('ip', 'netns', 'pids', namespace).split('\n').filter(Boolean))
      process.kill(Number(pid), 'SIGKILL');
  } catch {
    // gone meanwhile
  }
  try {
    sh('ip', 'netns', 'del', namespace);
  } catch {
    // gone with the lab
  }
  rmSync(`/etc/netns/${namespace}`, { recursive: true, force: true });
}
