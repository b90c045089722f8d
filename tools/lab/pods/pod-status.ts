// What the kubelet says of a pod, and the probes that decide whether it is ready.
import { setTimeout as sleep } from 'node:timers/promises';
import type { V1Container, V1Pod, V1Probe } from '@kubernetes/client-node';

const firstPollMs = 50;
const timeoutMs = 1000;

/** The pod's status; a container without a probe is ready when it runs. */
export function podStatus(pod: V1Pod, podIP: string, hostIP: string, ready: boolean): object {
  const at = new Date();
  const conditionOf = (type: string): object => ({
    type,
    status: ready || type === 'PodScheduled' || type === 'Initialized' ? 'True' : 'False',
    lastTransitionTime: at,
  });
  const running = ({ name, image }: V1Container): object => ({
    name,
    image,
    imageID: image,
    ready,
    started: true,
    restartCount: 0,
    state: { running: { startedAt: at } },
  });
  return {
    phase: 'Running',
    podIP,
    podIPs: [{ ip: podIP }],
    hostIP,
    startTime: at,
    conditions: ['PodScheduled', 'Initialized', 'ContainersReady', 'Ready'].map(conditionOf),
    containerStatuses: (pod.spec?.containers ?? []).map(running),
  };
}

export function hasProbes(pod: V1Pod): boolean {
  return (pod.spec?.containers ?? []).some(({ readinessProbe }) => readinessProbe?.httpGet !== undefined);
}

/** Probes until the signal; tells when readiness turns. Before a pod was ready first it is asked often. */
export async function watchReadiness(
  pod: V1Pod,
  address: string,
  signal: AbortSignal,
  onChange: (ready: boolean) => Promise<void>,
): Promise<void> {
  const probes = (pod.spec?.containers ?? []).flatMap((container) =>
    container.readinessProbe?.httpGet === undefined ? [] : [{ container, probe: container.readinessProbe }],
  );
  const periodMs = 1000 * Math.min(...probes.map(({ probe }) => probe.periodSeconds ?? 10));
  const failuresMax = Math.max(...probes.map(({ probe }) => probe.failureThreshold ?? 3));
  let ready: boolean = false;
  let wasReady = false;
  for (let failures = 0; !signal.aborted;) {
    const answers = await Promise.all(probes.map(({ container, probe }) => isReady(container, probe, address)));
    const good = answers.every(Boolean);
    failures = good ? 0 : failures + 1;
    const now: boolean = good || (ready && failures < failuresMax);
    if (now !== ready && !signal.aborted) {
      ready = now;
      await onChange(ready).catch(() => undefined);
    }
    wasReady ||= ready;
    await sleep(wasReady ? periodMs : firstPollMs, undefined, { signal }).catch(() => undefined);
  }
}

async function isReady({ ports = [] }: V1Container, { httpGet }: V1Probe, address: string): Promise<boolean> {
  const wanted = httpGet?.port;
  const port = typeof wanted === 'string' ? ports.find(({ name }) => name === wanted)?.containerPort : wanted;
  try {
    const { status, body } = await fetch(`http://${address}:${port}${httpGet?.path ?? '/'}`, {
      signal: AbortSignal.timeout(timeoutMs),
    });
    await body?.cancel();
    return status >= 200 && status < 400;
  } catch {
    return false;
  }
}
