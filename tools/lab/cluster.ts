// One real cluster: etcd, kube-apiserver and kube-controller-manager in the lab's namespace, one registered node,
// CoreDNS.
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CoreV1Api, KubeConfig } from '@kubernetes/client-node';
import { makeCertificates } from './certificates.ts';
import { bridgeAddress, type LabPaths } from './paths.ts';
import { type Processes, sh } from './processes.ts';

export interface Cluster {
  readonly index: number;
  /** c0, c1, … */
  readonly name: string;
  readonly dir: string;
  /** First two parts of its pods' addresses. */
  readonly net: string;
  readonly address: string;
  readonly apiPort: number;
  readonly kubeletPort: number;
  readonly config: KubeConfig;
  readonly core: CoreV1Api;
}

export async function startCluster(
  index: number,
  paths: LabPaths,
  processes: Processes,
  apiServerFlags: readonly string[] = [],
): Promise<Cluster> {
  const name = `c${index}`;
  const dir = join(paths.dir, name);
  const address = bridgeAddress(index);
  mkdirSync(join(dir, 'logs'), { recursive: true });
  sh('ip', '-n', paths.netns, 'link', 'add', `br${index}`, 'type', 'bridge');
  sh('ip', '-n', paths.netns, 'addr', 'add', `${address}/16`, 'dev', `br${index}`);
  sh('ip', '-n', paths.netns, 'link', 'set', `br${index}`, 'up');
  makeCertificates(dir, ['127.0.0.1', address, `10.${96 + index}.0.1`]);
  const apiPort = 6443 + index;
  writeKubeconfig(name, dir, `https://${address}:${apiPort}`);
  const config = new KubeConfig();
  config.loadFromFile(join(dir, 'kubeconfig'));
  const core = config.makeApiClient(CoreV1Api);
  const cluster = {
    index,
    name,
    dir,
    net: `10.${64 + index}`,
    address,
    apiPort,
    kubeletPort: 10250 + index,
    config,
    core,
  };
  startControlPlane(cluster, paths, processes, apiServerFlags);
  await untilServing(core);
  startController(cluster, paths, processes);
  await registerNode(cluster);
  const kubelet = join(import.meta.dirname, 'pods/kubelet-logs.ts');
  processes.start(`${dir}/kubelet.log`, paths.netns, [
    process.execPath,
    kubelet,
    dir,
    address,
    String(cluster.kubeletPort),
  ]);
  writeFileSync(`${dir}/Corefile`, corefile(cluster));
  processes.start(`${dir}/dns.log`, paths.netns, [`${paths.bin}/coredns`, '-conf', `${dir}/Corefile`]);
  return cluster;
}

function writeKubeconfig(name: string, dir: string, server: string): void {
  const token = randomBytes(16).toString('hex');
  writeFileSync(`${dir}/tokens.csv`, `${token},admin,admin,"system:masters"\n`);
  const authority = readFileSync(`${dir}/ca.crt`).toString('base64');
  const kubeconfig = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': name,
    clusters: [{ name, cluster: { server, 'certificate-authority-data': authority } }],
    users: [{ name, user: { token } }],
    contexts: [{ name, context: { cluster: name, user: name } }],
  };
  writeFileSync(`${dir}/kubeconfig`, JSON.stringify(kubeconfig));
}

function startControlPlane(
  { index, dir, address, apiPort }: Cluster,
  paths: LabPaths,
  processes: Processes,
  flags: readonly string[],
): void {
  const etcd = `http://127.0.0.1:${23790 + 10 * index}`;
  const peer = `http://127.0.0.1:${23791 + 10 * index}`;
  processes.start(`${dir}/etcd.log`, paths.netns, [
    `${paths.bin}/etcd`,
    ...['--data-dir', `${dir}/etcd`, '--listen-client-urls', etcd, '--advertise-client-urls', etcd],
    ...['--listen-peer-urls', peer, '--unsafe-no-fsync', '--log-level', 'warn'],
  ]);
  processes.start(`${dir}/apiserver.log`, paths.netns, [
    `${paths.bin}/kube-apiserver`,
    `--etcd-servers=${etcd}`,
    `--secure-port=${apiPort}`,
    `--advertise-address=${address}`,
    `--tls-cert-file=${dir}/api.crt`,
    `--tls-private-key-file=${dir}/api.key`,
    `--token-auth-file=${dir}/tokens.csv`,
    '--authorization-mode=RBAC',
    '--anonymous-auth=false',
    `--service-cluster-ip-range=10.${96 + index}.0.0/16`,
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-account-key-file=${dir}/sa.key`,
    `--service-account-signing-key-file=${dir}/sa.key`,
    '--allow-privileged=true',
    '--endpoint-reconciler-type=none',
    '--kubelet-preferred-address-types=InternalIP',
    `--kubelet-client-certificate=${dir}/api.crt`,
    `--kubelet-client-key=${dir}/api.key`,
    ...flags,
  ]);
}

function startController({ index, dir }: Cluster, paths: LabPaths, processes: Processes): void {
  const without = [
    ...['nodeipam', 'nodelifecycle', 'cloud-node-lifecycle', 'service-lb-controller'],
    ...['attachdetach', 'persistentvolume-binder', 'horizontalpodautoscaling'],
  ];
  processes.start(`${dir}/kcm.log`, paths.netns, [
    `${paths.bin}/kube-controller-manager`,
    `--kubeconfig=${dir}/kubeconfig`,
    `--service-account-private-key-file=${dir}/sa.key`,
    `--root-ca-file=${dir}/ca.crt`,
    '--use-service-account-credentials=true',
    '--leader-elect=false',
    `--controllers=*,${without.map((name) => `-${name}`).join(',')}`,
    `--secure-port=${10357 + index}`,
    '--kube-api-qps=200',
    '--kube-api-burst=400',
  ]);
}

async function untilServing(core: CoreV1Api): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      await core.listNamespace();
      return;
    } catch (error) {
      if (tries > 300) throw error;
      await sleep(200);
    }
  }
}

async function registerNode({ name, address, kubeletPort, core }: Cluster): Promise<void> {
  const node = `${name}-node`;
  const now = new Date();
  const size = { cpu: '64', memory: '256Gi', pods: '1000' };
  const ready = {
    type: 'Ready',
    status: 'True',
    reason: 'Lab',
    message: 'lab node',
    lastHeartbeatTime: now,
    lastTransitionTime: now,
  };
  await core.createNode({ body: { metadata: { name: node, labels: { 'kubernetes.io/hostname': node } } } });
  const status = {
    capacity: size,
    allocatable: size,
    addresses: [{ type: 'InternalIP', address }],
    daemonEndpoints: { kubeletEndpoint: { Port: kubeletPort } },
    conditions: [ready],
  };
  await core.patchNodeStatus({ name: node, body: [{ op: 'replace', path: '/status', value: status }] });
}

function corefile({ address, dir, name }: Cluster): string {
  const kubernetes = `  kubernetes cluster.local {\n    kubeconfig ${dir}/kubeconfig ${name}\n  }\n`;
  return `.:53 {\n  bind ${address}\n${kubernetes}  errors\n}\n`;
}
