// The part of kube-proxy and of a load balancer: a Service's cluster address, and its outer one where its type is
// LoadBalancer, are spread over its ready pods by equal-cost routes. Nothing translates ports: service port and target
// port must be equal. Nothing remembers connections: when pods come or go, an open one may reach another pod, which
// resets it. Outer addresses are those of 10.<64+i>.254.0/24: a Service that asks for another one gets none,
// as with any load balancer.
import type { V1Pod, V1Service } from '@kubernetes/client-node';
import type { Cluster } from '../cluster.ts';
import { inform } from './informer.ts';
import type { LabPaths } from '../paths.ts';
import type { PodNetwork } from './pod-network.ts';
import { httpStatus, podKey, type Pods } from './pods.ts';
import { sh } from '../processes.ts';

export function balanceServices(cluster: Cluster, paths: LabPaths, pods: Pods): void {
  const { config, core } = cluster;
  const services = new Map<string, V1Service>();
  const outer = new OuterAddresses(cluster.net);
  const routed = new Map<string, string>();
  const see = (service: V1Service): void => {
    services.set(service.metadata?.uid ?? '', service);
    assign(cluster, paths, pods, outer, routed, service).catch((error: unknown) => {
      // One that is gone by now wants nothing.
      if (httpStatus(error) !== 404) console.error(`service ${service.metadata?.name}: ${String(error)}`);
    });
  };
  inform(
    config,
    '/api/v1/services',
    () => core.listServiceForAllNamespaces(),
    see,
    (service) => {
      services.delete(service.metadata?.uid ?? '');
      outer.free(`${service.metadata?.namespace}/${service.metadata?.name}`);
      routed.delete(`${service.metadata?.namespace}/${service.metadata?.name}`);
    },
  );
  const podSeen = (pod: V1Pod): void => {
    const state = pods.running.get(podKey(pod));
    if (state === undefined) return;
    state.labels = pod.metadata?.labels ?? {};
    for (const service of services.values()) if (service.metadata?.namespace === pod.metadata?.namespace) see(service);
  };
  pods.onReadiness = podSeen;
  inform(
    config,
    '/api/v1/pods',
    () => core.listPodForAllNamespaces(),
    podSeen,
    () => undefined,
  );
}

async function assign(
  { core }: Cluster,
  paths: LabPaths,
  pods: Pods,
  outer: OuterAddresses,
  routed: Map<string, string>,
  service: V1Service,
): Promise<void> {
  const { namespace = 'default', name = '' } = service.metadata ?? {};
  const id = `${namespace}/${name}`;
  const { selector = {}, type, clusterIP, loadBalancerIP, externalIPs = [] } = service.spec ?? {};
  const balanced = type === 'LoadBalancer';
  const address = balanced ? outer.take(id, loadBalancerIP) : undefined;
  const networks = backends(pods, namespace, selector);
  const own = [clusterIP, address, ...externalIPs].flatMap((each) =>
    each === undefined || each === 'None' ? [] : [each],
  );
  const plan = JSON.stringify([own, networks]);
  if (routed.get(id) !== plan) {
    routed.set(id, plan);
    for (const each of own) route(paths, each, networks);
  }
  if (service.status?.loadBalancer?.ingress?.[0]?.ip !== address) {
    const value = address === undefined ? {} : { ingress: [{ ip: address }] };
    const body = [{ op: 'add', path: '/status/loadBalancer', value }];
    await core.patchNamespacedServiceStatus({ namespace, name, body });
  }
}

function route({ netns }: LabPaths, address: string, networks: readonly PodNetwork[]): void {
  for (const { namespace } of networks) addAddress(namespace, address);
  const hops = networks.flatMap((network) => ['nexthop', 'via', network.address]);
  if (hops.length > 0) sh('ip', '-n', netns, 'route', 'replace', `${address}/32`, ...hops);
  else sh('ip', '-n', netns, 'route', 'replace', 'unreachable', `${address}/32`);
}

/** The addresses of a load balancer's pool, one for each Service. */
class OuterAddresses {
  readonly #pool: string;
  readonly #taken = new Map<string, string>();

  constructor(net: string) {
    this.#pool = `${net}.254.`;
  }

  /** The address of a Service; undefined = the wanted one is not to be had. */
  take(id: string, wanted: string | undefined): string | undefined {
    const held = this.#taken.get(id);
    if (held !== undefined && (wanted === undefined || wanted === held)) return held;
    const taken = new Set(this.#taken.values());
    const free = (address: string): boolean => address.startsWith(this.#pool) && !taken.has(address);
    // Those from 200 on are left to Services that ask for one.
    const candidates = wanted === undefined ? Array.from({ length: 199 }, (_, i) => `${this.#pool}${i + 1}`) : [wanted];
    const address = candidates.find(free);
    if (address === undefined) this.#taken.delete(id);
    else this.#taken.set(id, address);
    return address;
  }

  free(id: string): void {
    this.#taken.delete(id);
  }
}

function backends(pods: Pods, namespace: string, selector: Readonly<Record<string, string>>): readonly PodNetwork[] {
  const wanted = Object.entries(selector);
  if (wanted.length === 0) return [];
  return [...pods.running].flatMap(([key, { labels, network, ready }]) => {
    const selected = key.startsWith(`${namespace}/`) && wanted.every(([label, value]) => labels?.[label] === value);
    return selected && ready && network !== undefined ? [network] : [];
  });
}

function addAddress(namespace: string, address: string): void {
  try {
    sh('ip', '-n', namespace, 'addr', 'replace', `${address}/32`, 'dev', 'lo');
  } catch {
    // the pod is going away
  }
}
