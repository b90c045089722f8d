// The kubelet's part: each pod gets a network namespace with an address, its volumes, and a process for each container.
import type { ChildProcess } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import type { V1Container, V1EnvVar, V1Pod } from '@kubernetes/client-node';
import { messageOf } from '#libs/runtime/errors.ts';
import type { Cluster } from '../cluster.ts';
import { inform } from './informer.ts';
import type { LabPaths } from '../paths.ts';
import { makePodNetwork, type PodNetwork, removePodNetwork } from './pod-network.ts';
import { hasProbes, podStatus, watchReadiness } from './pod-status.ts';
import type { Processes } from '../processes.ts';
import { writeVolumes } from './volumes.ts';

/** Image name (last path part, without tag) → command line that stands in for its entrypoint. */
export type Images = Readonly<Record<string, readonly string[]>>;

interface RunningPod {
  readonly serial: number;
  readonly processes: Set<ChildProcess>;
  /** Set once the pod's network is there. */
  network?: PodNetwork;
  /** Whether Services send to it. */
  ready: boolean;
  stopping: boolean;
  readonly probing: AbortController;
  labels?: Readonly<Record<string, string>>;
}

const retriesMax = 120;

export class Pods {
  readonly running = new Map<string, RunningPod>();
  readonly #cluster: Cluster;
  readonly #paths: LabPaths;
  readonly #processes: Processes;
  readonly #images: Images;
  readonly #env: Readonly<Record<string, string>>;
  /** A pod became ready, or is not any more. */
  onReadiness: (pod: V1Pod) => void = () => undefined;
  #serial = 10;

  constructor(
    cluster: Cluster,
    paths: LabPaths,
    processes: Processes,
    images: Images,
    env: Readonly<Record<string, string>>,
  ) {
    this.#cluster = cluster;
    this.#paths = paths;
    this.#processes = processes;
    this.#images = images;
    this.#env = env;
    const seen = (pod: V1Pod): void =>
      void (pod.metadata?.deletionTimestamp ? this.#stop(pod, 'asked') : this.#run(pod, 0));
    const gone = (pod: V1Pod): void => void this.#stop(pod, 'gone');
    inform(cluster.config, '/api/v1/pods', () => cluster.core.listPodForAllNamespaces(), seen, gone);
  }

  async #run(pod: V1Pod, attempt: number): Promise<void> {
    const key = podKey(pod);
    if (attempt === 0 && this.running.has(key)) return;
    const state = this.running.get(key) ?? this.#newState();
    this.running.set(key, state);
    try {
      await this.#launch(pod, key, state);
    } catch (error) {
      // A Secret or ConfigMap that is not there yet: the kubelet waits too.
      const waiting =
        httpStatus(error) === 404 && attempt < retriesMax && this.running.get(key) === state && !state.network;
      if (waiting) setTimeout(() => void this.#run(pod, attempt + 1), 500);
      else if (httpStatus(error) !== 404 || !state.network) console.error(`pod ${key}: ${messageOf(error)}`);
    }
  }

  #newState(): RunningPod {
    return {
      serial: this.#serial++,
      processes: new Set(),
      ready: false,
      stopping: false,
      probing: new AbortController(),
    };
  }

  async #launch(pod: V1Pod, key: string, state: RunningPod): Promise<void> {
    const { core, name: cluster, dir, address } = this.#cluster;
    const { namespace = 'default', name = '', uid = '' } = pod.metadata ?? {};
    if (!pod.spec?.nodeName) {
      const body = { metadata: { name }, target: { apiVersion: 'v1', kind: 'Node', name: `${cluster}-node` } };
      await core.createNamespacedPodBinding({ namespace, name, body }).catch((error: unknown) => {
        if (httpStatus(error) !== 409) throw error;
      });
    }
    const volumes = await writeVolumes(core, pod, `${dir}/pods/${uid}`);
    const network = makePodNetwork(this.#cluster, this.#paths, state.serial, namespace);
    state.network = network;
    for (const container of pod.spec?.containers ?? []) {
      const env = await this.#environment(pod, container, network.address);
      this.#startContainer(key, state, container, volumes, env);
    }
    const tell = async (ready: boolean): Promise<void> => {
      if (state.stopping) return;
      state.ready = ready;
      this.onReadiness(pod);
      const body = [{ op: 'replace', path: '/status', value: podStatus(pod, network.address, address, ready) }];
      await core.patchNamespacedPodStatus({ namespace, name, body });
    };
    if (!hasProbes(pod)) {
      await sleep(150);
      return tell(true);
    }
    await tell(false);
    void watchReadiness(pod, network.address, state.probing.signal, tell);
  }

  async #environment(pod: V1Pod, container: V1Container, podIP: string): Promise<Record<string, string>> {
    const { address, apiPort, name } = this.#cluster;
    const fields: Readonly<Record<string, string | undefined>> = {
      'metadata.name': pod.metadata?.name,
      'metadata.namespace': pod.metadata?.namespace,
      'metadata.uid': pod.metadata?.uid,
      'status.podIP': podIP,
      'status.hostIP': address,
      'spec.nodeName': `${name}-node`,
      'spec.serviceAccountName': pod.spec?.serviceAccountName,
    };
    const env: Record<string, string> = {
      ...this.#env,
      PATH: process.env['PATH'] ?? '',
      HOME: '/tmp',
      KUBERNETES_SERVICE_HOST: address,
      KUBERNETES_SERVICE_PORT: String(apiPort),
    };
    for (const variable of container.env ?? []) {
      env[variable.name] =
        (await this.#reference(pod, variable)) ??
        (variable.value === undefined
          ? fields[variable.valueFrom?.fieldRef?.fieldPath ?? '']
          : expand(variable.value, env)) ??
        '';
    }
    return env;
  }

  async #reference(pod: V1Pod, { valueFrom }: V1EnvVar): Promise<string | undefined> {
    const { core } = this.#cluster;
    const namespace = pod.metadata?.namespace ?? 'default';
    if (valueFrom?.secretKeyRef?.name) {
      const { data } = await core.readNamespacedSecret({ namespace, name: valueFrom.secretKeyRef.name });
      return Buffer.from(data?.[valueFrom.secretKeyRef.key] ?? '', 'base64').toString();
    }
    if (valueFrom?.configMapKeyRef?.name) {
      const { data } = await core.readNamespacedConfigMap({ namespace, name: valueFrom.configMapKeyRef.name });
      return data?.[valueFrom.configMapKeyRef.key] ?? '';
    }
    return undefined;
  }

  #startContainer(
    key: string,
    state: RunningPod,
    container: V1Container,
    volumes: ReadonlyMap<string, string>,
    env: Record<string, string>,
  ): void {
    const image = container.image?.split('/').pop()?.split(/[:@]/)[0] ?? '';
    const command = container.command ?? this.#images[image];
    if (command === undefined)
      throw new Error(`no command for image ${container.image}: name it in FLEETGATE_LAB_IMAGES`);
    // `ip netns exec` gives the process a mount namespace of its own, so these binds stay private to it.
    const mounts = (container.volumeMounts ?? [])
      .filter((mount) => volumes.has(mount.name))
      .map(
        (mount) => `mkdir -p '${mount.mountPath}' && mount --bind '${volumes.get(mount.name)}' '${mount.mountPath}'`,
      );
    const argv = [
      'sh',
      '-c',
      [...mounts, 'exec "$@"'].join(' && '),
      'sh',
      ...[...command, ...(container.args ?? [])].map((word) => expand(word, env)),
    ];
    const log = `${this.#cluster.dir}/logs/${key.replace('/', '_')}_${container.name}.log`;
    const namespace = state.network?.namespace ?? '';
    const alive = (): boolean => this.running.get(key) === state && !state.stopping && !this.#processes.stopping;
    const launch = (restarts: number): void => {
      const child = this.#processes.start(log, namespace, argv, env);
      state.processes.add(child);
      child.once('exit', () => {
        state.processes.delete(child);
        if (alive()) setTimeout(() => alive() && launch(restarts + 1), Math.min(500 * 2 ** restarts, 30_000));
      });
    };
    launch(0);
  }

  /** `asked`: it has its grace period and is deleted then; `gone`: it is deleted already. */
  async #stop(pod: V1Pod, how: 'asked' | 'gone'): Promise<void> {
    const key = podKey(pod);
    const state = this.running.get(key);
    if (state === undefined || (how === 'asked' && state.stopping)) return;
    state.stopping = true;
    state.ready = false;
    this.onReadiness(pod);
    const graceMs = 1000 * (how === 'gone' ? 0 : (pod.metadata?.deletionGracePeriodSeconds ?? 30));
    const noticeMs =
      1000 *
      Math.max(0, ...(pod.spec?.containers ?? []).map(({ lifecycle }) => lifecycle?.preStop?.sleep?.seconds ?? 0));
    if (graceMs > 0) await sleep(Math.min(noticeMs, graceMs));
    state.probing.abort();
    for (const child of state.processes) child.kill('SIGTERM');
    const until = performance.now() + graceMs - noticeMs;
    while (state.processes.size > 0 && performance.now() < until) await sleep(50);
    for (const child of state.processes) child.kill('SIGKILL');
    if (state.network !== undefined) removePodNetwork(state.network.namespace);
    if (this.running.get(key) === state) this.running.delete(key);
    if (how === 'gone') return;
    const { namespace = 'default', name = '', uid = '' } = pod.metadata ?? {};
    await this.#cluster.core
      .deleteNamespacedPod({ namespace, name, body: { gracePeriodSeconds: 0, preconditions: { uid } } })
      .catch(() => undefined);
  }
}

export function podKey(pod: V1Pod): string {
  return `${pod.metadata?.namespace}/${pod.metadata?.name}`;
}

/** `$(NAME)` as in a container's command and environment. */
function expand(text: string, env: Readonly<Record<string, string>>): string {
  return text.replaceAll(/\$\(([A-Za-z_][A-Za-z0-9_]*)\)/g, (all, name: string) => env[name] ?? all);
}

/** Of an API server's answer that says no. */
export function httpStatus(error: unknown): number | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'number' ? error.code : undefined;
}
