// The one table of watched kinds. The agent's watches, its ClusterRole, the event's `kind` and the API's routes are read from it.

export interface KindInfo {
  readonly kind: string;
  /** API group, '' for core. */
  readonly group: string;
  /** Served versions that Fleetgate reads, best first; the agent watches the first that the cluster serves. */
  readonly versions: readonly string[];
  readonly plural: string;
  readonly scope: 'Cluster' | 'Namespaced';
  /** Whether the agent patches the status subresource. */
  readonly status: boolean;
  /** all: one watch per cluster; referenced: only the objects that others name (as the kubelet watches Secrets). */
  readonly watch: 'all' | 'referenced';
  /** history: appended as an event; discovery: only its newest state is kept (endpoints). */
  readonly stream: 'history' | 'discovery';
}

const gateway = 'gateway.networking.k8s.io';

export const kinds = [
  {
    kind: 'GatewayClass',
    group: gateway,
    versions: ['v1', 'v1beta1'],
    plural: 'gatewayclasses',
    scope: 'Cluster',
    status: true,
    watch: 'all',
    stream: 'history',
  },
  {
    kind: 'Gateway',
    group: gateway,
    versions: ['v1', 'v1beta1'],
    plural: 'gateways',
    scope: 'Namespaced',
    status: true,
    watch: 'all',
    stream: 'history',
  },
  {
    kind: 'ListenerSet',
    group: gateway,
    versions: ['v1'],
    plural: 'listenersets',
    scope: 'Namespaced',
    status: true,
    watch: 'all',
    stream: 'history',
  },
  {
    kind: 'HTTPRoute',
    group: gateway,
    versions: ['v1', 'v1beta1'],
    plural: 'httproutes',
    scope: 'Namespaced',
    status: true,
    watch: 'all',
    stream: 'history',
  },
  {
    kind: 'GRPCRoute',
    group: gateway,
    versions: ['v1'],
    plural: 'grpcroutes',
    scope: 'Namespaced',
    status: true,
    watch: 'all',
    stream: 'history',
  },
  {
    kind: 'TLSRoute',
    group: gateway,
    versions: ['v1', 'v1alpha3', 'v1alpha2'],
    plural: 'tlsroutes',
    scope: 'Namespaced',
    status: true,
    watch: 'all',
    stream: 'history',
  },
  {
    kind: 'TCPRoute',
    group: gateway,
    versions: ['v1', 'v1alpha2'],
    plural: 'tcproutes',
    scope: 'Namespaced',
    status: true,
    watch: 'all',
    stream: 'history',
  },
  {
    kind: 'UDPRoute',
    group: gateway,
    versions: ['v1', 'v1alpha2'],
    plural: 'udproutes',
    scope: 'Namespaced',
    status: true,
    watch: 'all',
    stream: 'history',
  },
  {
    kind: 'ReferenceGrant',
    group: gateway,
    versions: ['v1', 'v1beta1'],
    plural: 'referencegrants',
    scope: 'Namespaced',
    status: false,
    watch: 'all',
    stream: 'history',
  },
  {
    kind: 'BackendTLSPolicy',
    group: gateway,
    versions: ['v1', 'v1alpha3'],
    plural: 'backendtlspolicies',
    scope: 'Namespaced',
    status: true,
    watch: 'all',
    stream: 'history',
  },
  {
    kind: 'Namespace',
    group: '',
    versions: ['v1'],
    plural: 'namespaces',
    scope: 'Cluster',
    status: false,
    watch: 'all',
    stream: 'history',
  },
  {
    kind: 'Service',
    group: '',
    versions: ['v1'],
    plural: 'services',
    scope: 'Namespaced',
    status: false,
    watch: 'all',
    stream: 'history',
  },
  {
    kind: 'EndpointSlice',
    group: 'discovery.k8s.io',
    versions: ['v1'],
    plural: 'endpointslices',
    scope: 'Namespaced',
    status: false,
    watch: 'all',
    stream: 'discovery',
  },
  {
    kind: 'Secret',
    group: '',
    versions: ['v1'],
    plural: 'secrets',
    scope: 'Namespaced',
    status: false,
    watch: 'referenced',
    stream: 'history',
  },
  {
    kind: 'ConfigMap',
    group: '',
    versions: ['v1'],
    plural: 'configmaps',
    scope: 'Namespaced',
    status: false,
    watch: 'referenced',
    stream: 'history',
  },
] as const satisfies readonly KindInfo[];

export type WatchedKind = (typeof kinds)[number]['kind'];

const byKind: ReadonlyMap<string, KindInfo & { readonly kind: WatchedKind }> = new Map(
  kinds.map((info) => [info.kind, info]),
);

/** The table's row for a kind, or undefined for a kind that is not watched. */
export function kindInfo(kind: string): (KindInfo & { readonly kind: WatchedKind }) | undefined {
  return byKind.get(kind);
}

export const controllerName = 'fleetgate.dev/gateway-controller';
