// Holds the one table of watched kinds. The agent's watches, its ClusterRole, the event's `kind` and the API's routes
// are read from it. Policies of other gateways are watched, too, and have no rows: foreign-kinds.ts.
import { type ForeignKind, parseForeignKind, toForeignKind } from './foreign-kinds.ts';

export interface KindInfo {
  /**
   * Unique: a kind that another group has, too, is called `<kind>.<group>` everywhere but in the objects themselves.
   */
  readonly kind: string;
  /** API group, '' for core. */
  readonly group: string;
  /**
   * Served versions that Fleetgate reads, best first; the agent watches the first that the cluster serves. Empty = any.
   */
  readonly versions: readonly string[];
  readonly plural: string;
  /** 'Any' is said of foreign kinds, of which only the cluster knows it. */
  readonly scope: 'Cluster' | 'Namespaced' | 'Any';
  /** Whether the agent patches the status subresource. */
  readonly status: boolean;
  /** all: one watch per cluster; referenced: only the objects that others name (as the kubelet watches Secrets). */
  readonly watch: 'all' | 'referenced';
  /** history: appended as an event; discovery: only its newest state is kept (endpoints). */
  readonly stream: 'history' | 'discovery';
  /** Few clusters serve it, and its absence is nothing to tell of. */
  readonly optional?: true;
}

const gateway = 'gateway.networking.k8s.io';
/** The group of Service APIs 0.1, from before the Gateway API was called so. */
export const serviceApisGroup = 'networking.x-k8s.io';

/** The group of ClusterTrustBundles. */
export const certificatesGroup = 'certificates.k8s.io';

const serviceApi = {
  group: serviceApisGroup,
  versions: ['v1alpha1'],
  scope: 'Namespaced',
  status: true,
  watch: 'all',
  stream: 'history',
  optional: true,
} as const;

const serviceApis = [
  { ...serviceApi, kind: 'GatewayClass.networking.x-k8s.io', plural: 'gatewayclasses', scope: 'Cluster' },
  { ...serviceApi, kind: 'Gateway.networking.x-k8s.io', plural: 'gateways' },
  { ...serviceApi, kind: 'HTTPRoute.networking.x-k8s.io', plural: 'httproutes' },
  { ...serviceApi, kind: 'TLSRoute.networking.x-k8s.io', plural: 'tlsroutes' },
  { ...serviceApi, kind: 'TCPRoute.networking.x-k8s.io', plural: 'tcproutes' },
  { ...serviceApi, kind: 'UDPRoute.networking.x-k8s.io', plural: 'udproutes' },
  { ...serviceApi, kind: 'BackendPolicy', plural: 'backendpolicies' },
] as const satisfies readonly KindInfo[];

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
    kind: 'IngressClass',
    group: 'networking.k8s.io',
    versions: ['v1'],
    plural: 'ingressclasses',
    scope: 'Cluster',
    status: false,
    watch: 'all',
    stream: 'history',
  },
  {
    kind: 'Ingress',
    group: 'networking.k8s.io',
    versions: ['v1'],
    plural: 'ingresses',
    scope: 'Namespaced',
    status: true,
    watch: 'all',
    stream: 'history',
  },
  ...serviceApis,
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
  {
    kind: 'ClusterTrustBundle',
    group: certificatesGroup,
    // Kubernetes serves v1 from 1.37 on, and v1beta1 before where it is switched on.
    versions: ['v1', 'v1beta1'],
    plural: 'clustertrustbundles',
    scope: 'Cluster',
    status: false,
    watch: 'referenced',
    stream: 'history',
    optional: true,
  },
] as const satisfies readonly KindInfo[];

/** A kind that has a row. */
type TableKind = (typeof kinds)[number]['kind'];
/** A kind that events are about: of the table, or a policy's of another gateway. */
export type WatchedKind = TableKind | ForeignKind;

type WatchedInfo = KindInfo & { readonly kind: WatchedKind };

const byKind: ReadonlyMap<string, WatchedInfo> = new Map(kinds.map((info) => [info.kind, info]));

/**
 * Gives what is known of a kind: the table's row, or for the name of a foreign kind what holds for all of these;
 * undefined for what can be no watched kind.
 */
export function kindInfo(kind: string): WatchedInfo | undefined {
  return byKind.get(kind) ?? foreignInfo(kind);
}

/** Gives the table's row for an object as Kubernetes names it; foreign kinds have none. */
export function kindInfoOf(object: { readonly apiVersion: string; readonly kind: string }): WatchedInfo | undefined {
  const group = groupOf(object.apiVersion);
  return [byKind.get(object.kind), byKind.get(`${object.kind}.${group}`)].find((info) => info?.group === group);
}

/** Gives the name of an object's kind where it has no row; undefined where it has one, or can be no CRD's. */
export function foreignKindOf(object: { readonly apiVersion: string; readonly kind: string }): ForeignKind | undefined {
  return kindInfoOf(object) === undefined ? toForeignKind(object.kind, groupOf(object.apiVersion)) : undefined;
}

/** Tells whether a kind has no row: its objects are policies of another gateway. */
export function isForeignKind(kind: string): boolean {
  return !byKind.has(kind);
}

/** Reads the name of a kind that has no row; undefined for what has one, or can be none. */
export function readForeignKind(text: string): ForeignKind | undefined {
  const found = parseForeignKind(text);
  const isListed = byKind.has(text) || (found !== undefined && byKind.get(found.kind)?.group === found.group);
  return isListed ? undefined : found?.name;
}

function foreignInfo(text: string): WatchedInfo | undefined {
  const name = readForeignKind(text);
  const found = name && parseForeignKind(name);
  return (
    found && {
      kind: found.name,
      group: found.group,
      versions: [],
      plural: '',
      scope: 'Any',
      status: false,
      watch: 'all',
      stream: 'history',
      optional: true,
    }
  );
}

/** Gives the kind in Kubernetes' own words, for what goes to or comes from an API server or a file. */
export function kubernetesKind(kind: string): string {
  return kind.split('.', 1)[0] ?? kind;
}

/** Kinds whose objects are gateways, of every API. */
export const gatewayKinds: readonly string[] = ['Gateway', 'Gateway.networking.x-k8s.io'];

/** Gives the group of an apiVersion; '' for core, and for what is no apiVersion. */
export function groupOf(apiVersion: unknown): string {
  const [group = '', version] = typeof apiVersion === 'string' ? apiVersion.split('/') : [];
  return version === undefined ? '' : group;
}

export const controllerName = 'fleetgate.dev/gateway-controller';
/** `spec.controller` of the IngressClasses that are served. */
export const ingressControllerName = 'fleetgate.dev/ingress-controller';
