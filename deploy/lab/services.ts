// The part of kube-proxy and of a load balancer: a Service's cluster address, and its outer one where its type is LoadBalancer,
// are spread over its ready pods by equal-cost routes. Nothing translates ports: service port and target port must be equal.
import type { V1Pod, V1Service } from '@kubernetes/client-node';
import type { Cluster } from './cluster.ts';
import { inform } from './informer.ts';
import type { LabPaths } from './paths.ts';
import { podKey, type Pods } from './pods.ts';
import { sh } from './processes.ts';

export function balanceServices(cluster: Cluster, paths: LabPaths, pods: Pods): void {
  const { config, core } = cluster;
  const services = new Map<string, V1Service>();
  const outer = new Map<string, string>();
  const see = (service: V1Service): void => {
    services.set(service.metadata?.uid ?? '', service);
    assign(cluster, paths, pods, outer, service).catch((error: unknown) =>
      console.error(`service ${service.metadata?.name}: ${String(error)}`),
    );
  };
  inform(
    config,
    '/api/v1/services',
    () => core.listServiceForAllNamespaces(),
    see,
    (service) => services.delete(service.metadata?.uid ?? ''),
  );
  const podSeen = (pod: V1Pod): void => {
    const state = pods.running.get(podKey(pod));
    if (state === undefined || !pod.status?.podIP) return;
    state.labels = pod.metadata?.labels ?? {};
    for (const service of services.values()) if (service.metadata?.namespace === pod.metadata?.namespace) see(service);
  };
  inform(
    config,
    '/api/v1/pods',
    () => core.listPodForAllNamespaces(),
    podSeen,
    () => undefined,
  );
}

async function assign(
  { core, net }: Cluster,
  paths: LabPaths,
  pods: Pods,
  outer: Map<string, string>,
  service: V1Service,
): Promise<void> {
  const { namespace = 'default', name = '' } = service.metadata ?? {};
  const id = `${namespace}/${name}`;
  const { selector = {}, type, clusterIP, loadBalancerIP, externalIPs = [] } = service.spec ?? {};
  const balanced = type === 'LoadBalancer';
  if (balanced && !outer.has(id)) outer.set(id, loadBalancerIP ?? `${net}.254.${outer.size + 1}`);
  const address = outer.get(id);
  const networks = backends(pods, namespace, selector);
  for (const own of networks.length > 0 ? [clusterIP, address, ...externalIPs] : []) {
    if (own === undefined || own === 'None') continue;
    for (const network of networks) addAddress(network.namespace, own);
    sh(
      'ip',
      '-n',
      paths.netns,
      'route',
      'replace',
      `${own}/32`,
      ...networks.flatMap((network) => ['nexthop', 'via', network.address]),
    );
  }
  if (balanced && address !== undefined && service.status?.loadBalancer?.ingress?.[0]?.ip !== address) {
    const body = [{ op: 'add', path: '/status/loadBalancer', value: { ingress: [{ ip: address }] } }];
    await core.patchNamespacedServiceStatus({ namespace, name, body });
  }
}

function backends(
  pods: Pods,
  namespace: string,
  selector: Readonly<Record<string, string>>,
): readonly { namespace: string; address: string }[] {
  const wanted = Object.entries(selector);
  if (wanted.length === 0) return [];
  return [...pods.running].flatMap(([key, { labels, network }]) => {
    const selected = key.startsWith(`${namespace}/`) && wanted.every(([label, value]) => labels?.[label] === value);
    return selected && network !== undefined ? [network] : [];
  });
}

function addAddress(namespace: string, address: string): void {
  try {
    sh('ip', '-n', namespace, 'addr', 'replace', `${address}/32`, 'dev', 'lo');
  } catch {
    // the pod is going away
  }
}
