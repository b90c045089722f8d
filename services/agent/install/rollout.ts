// Waits for a Deployment, and says meanwhile what it waits for.
import { isRecord, recordsOf } from '#libs/gateway/fields/record.ts';
import { fail } from '#libs/runtime/errors.ts';
import { pause } from '#libs/runtime/pause.ts';
import type { InstallClient } from './install-client.ts';

interface RolloutOptions {
  readonly client: InstallClient;
  readonly namespace: string;
  readonly name: string;
  readonly timeoutMs: number;
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
}

type Fields = Readonly<Record<string, unknown>>;

const pollMs = 500;

/** Resolves when the newest pods are available. Throws FleetgateError 'agent-not-ready' with the last reason. */
export async function awaitRollout(options: RolloutOptions): Promise<void> {
  const { client, namespace, name, timeoutMs, say, signal } = options;
  const deadline = performance.now() + timeoutMs;
  let last = '';
  for (;;) {
    const deployment = await client.get(deploymentPath(options));
    const pods = await client.get(`/api/v1/namespaces/${namespace}/pods`);
    const state = rolloutState(deployment ?? {}, itemsOf(pods), name);
    if (state === 'ready') return;
    if (state !== last) say(`  waiting: ${state}`);
    last = state;
    if (performance.now() > deadline || signal.aborted) {
      throw fail('agent-not-ready', `${namespace}/${name}: ${last}`, {
        hint: `\`kubectl --namespace ${namespace} logs deployment/${name}\` shows what the agent says.`,
      });
    }
    await pause(pollMs, signal);
  }
}

/** Resolves when the Deployment and its pods are gone, or to false when that takes too long. */
export async function awaitRemoval(options: Omit<RolloutOptions, 'say'>): Promise<boolean> {
  const deadline = performance.now() + options.timeoutMs;
  while ((await options.client.get(deploymentPath(options))) !== null) {
    if (performance.now() > deadline || options.signal.aborted) return false;
    await pause(pollMs, options.signal);
  }
  return true;
}

/** Says 'ready', or what is missing. */
export function rolloutState(deployment: Fields, pods: readonly Fields[], name: string): string {
  const { generation } = fieldsOf(deployment['metadata']);
  const { replicas = 1 } = fieldsOf(deployment['spec']);
  const status = fieldsOf(deployment['status']);
  if (status['observedGeneration'] !== generation) return 'the Deployment has not been seen by its controller';
  if (status['updatedReplicas'] === replicas && status['availableReplicas'] === replicas) return 'ready';
  for (const condition of recordsOf(status['conditions'])) {
    if (condition['type'] === 'ReplicaFailure' && condition['status'] === 'True') return String(condition['message']);
  }
  const own = pods.filter((pod) => fieldsOf(fieldsOf(pod['metadata'])['labels'])['app.kubernetes.io/name'] === name);
  const reasons = own.flatMap(podReasons);
  return reasons[0] ?? (own.length === 0 ? 'no pod yet' : 'the agent is not ready');
}

function deploymentPath({ namespace, name }: Pick<RolloutOptions, 'namespace' | 'name'>): string {
  return `/apis/apps/v1/namespaces/${namespace}/deployments/${name}`;
}

function podReasons(pod: Fields): readonly string[] {
  const status = fieldsOf(pod['status']);
  const scheduling = recordsOf(status['conditions'])
    .filter((condition) => condition['type'] === 'PodScheduled' && condition['status'] === 'False')
    .map((condition) => `not scheduled: ${String(condition['message'])}`);
  const containers = recordsOf(status['containerStatuses']).flatMap((container) => {
    const waiting = fieldsOf(fieldsOf(container['state'])['waiting']);
    if (typeof waiting['reason'] === 'string')
      return [[waiting['reason'], waiting['message']].filter(Boolean).join(': ')];
    return container['ready'] === true ? [] : ['the agent runs and is not ready yet'];
  });
  const phase = typeof status['phase'] === 'string' ? [`the pod is ${status['phase']}`] : [];
  return [...scheduling, ...containers, ...phase];
}

function itemsOf(list: Fields | null): readonly Fields[] {
  return recordsOf(list?.['items']);
}

function fieldsOf(value: unknown): Fields {
  return isRecord(value) ? value : {};
}
