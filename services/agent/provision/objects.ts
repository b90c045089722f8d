// Builds the objects of one data plane. It sets only what Fleetgate means to decide, so that everything else is left
// to others.
import { sha256 } from '#libs/gateway/canonical.ts';
import {
  dataPlaneLabel,
  extraServiceName,
  gatewayClassLabel,
  labelValue,
} from '#libs/gateway/data-plane/data-plane-name.ts';
import {
  extraServiceLabel,
  gatewayNameLabel,
  managedBy,
  managedByLabel,
} from '#libs/gateway/data-plane/data-plane-service.ts';
import { parseNamespacedKey, toPlaceKey } from '#libs/gateway/object-key.ts';
import { deriveNodeKey, deriveToken } from '#libs/runtime/scoped-token.ts';
import type { DataPlane } from './data-plane.ts';

/** Says what every data plane of a cluster has in common. */
export interface ProvisionSettings {
  readonly cluster: string;
  /** Where the agent runs: data planes that a class shares are there. */
  readonly namespace: string;
  readonly controlUrl: string;
  /** PEM of the authorities behind the control URL, where they are not the usual ones. */
  readonly controlCa: string | undefined;
  readonly provisionerToken: string;
  readonly image: string;
}

/** Holds an object as it is applied. */
export interface OwnedObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly annotations: Readonly<Record<string, string>>;
    readonly ownerReferences?: readonly object[];
  };
  readonly [field: string]: unknown;
}

const healthPortDefault = 7424;
/** Of a name that more is added to; the rest is cut. */
const podNameKept = 57;
const drainSeconds = 20;
/** Until everybody who routes to the pod has heard that it ends. */
const noticeSeconds = 5;
const secretFolder = '/etc/fleetgate';
const dataFolder = '/var/lib/fleetgate';

/** Builds the objects of a data plane in the order in which they are applied. */
export function buildObjects(plane: DataPlane, settings: ProvisionSettings): readonly OwnedObject[] {
  const metadata = metadataOf(plane);
  const data = secretData(plane, settings);
  const { ports, parameters } = plane.wish;
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata, automountServiceAccountToken: false },
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata,
      type: 'Opaque',
      data: Object.fromEntries(Object.entries(data).map(([key, text]) => [key, Buffer.from(text).toString('base64')])),
    },
    ...(ports.length === 0 ? [] : [buildService(plane, metadata), ...buildExtraServices(plane, metadata)]),
    buildDeployment(plane, settings, metadata, sha256(JSON.stringify(data)).slice(0, 16)),
    ...(typeof parameters.replicas === 'number' && parameters.replicas > 1 ? [buildBudget(plane, metadata)] : []),
  ];
}

function metadataOf({ namespace, name, className, owner, gateways, wish }: DataPlane): OwnedObject['metadata'] {
  const [gateway = ''] = gateways;
  return {
    name,
    namespace,
    labels: {
      ...wish.labels,
      'app.kubernetes.io/name': 'fleetgate-node',
      [managedByLabel]: managedBy,
      [gatewayClassLabel]: labelValue(className),
      [dataPlaneLabel]: name,
      ...(owner?.kind === 'Gateway' ? { [gatewayNameLabel]: labelValue(parseNamespacedKey(gateway).name) } : {}),
    },
    annotations: { ...wish.annotations, 'fleetgate.dev/gateways': gateways.join(',') },
    ...(owner === null ? {} : { ownerReferences: [{ ...owner, controller: true }] }),
  };
}

function secretData(
  { namespace, name, gateways, owner }: DataPlane,
  { cluster, provisionerToken, controlCa }: ProvisionSettings,
): Readonly<Record<string, string>> {
  const serves =
    owner?.kind === 'Gateway'
      ? gateways.map((gateway) => toPlaceKey({ cluster, ...parseNamespacedKey(gateway) }))
      : [`${cluster}/*/*`];
  const node = `${cluster}.${namespace}.${podNames(name)}`;
  // The nodes that a class shares serve Gateways of any namespace.
  const namespaces = [...new Set([namespace, ...gateways.map((gateway) => parseNamespacedKey(gateway).namespace)])];
  const keys = namespaces.map((each) => deriveNodeKey(provisionerToken, cluster, each).privateKey);
  return {
    token: deriveToken(provisionerToken, { node, serves }),
    'node.key': `${keys.join('\n')}\n`,
    ...(controlCa === undefined ? {} : { 'ca.crt': controlCa }),
  };
}

/** Gives what the names of the pods of a Deployment begin with: Kubernetes cuts a long name before it adds to it. */
function podNames(deployment: string): string {
  const hashLength = 11;
  return deployment.length + hashLength < podNameKept ? `${deployment}-*` : `${deployment.slice(0, podNameKept)}*`;
}

function buildService({ name, wish }: DataPlane, metadata: OwnedObject['metadata']): OwnedObject {
  const { ports, addresses, parameters } = wish;
  const [address] = addresses;
  const addressed =
    address === undefined
      ? {}
      : parameters.serviceType === 'LoadBalancer'
        ? { loadBalancerIP: address }
        : { externalIPs: addresses };
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata,
    spec: { type: parameters.serviceType, ...selection(name, ports), ...addressed },
  };
}

/** Builds a Service for each further address in the cluster: a Service has one, and keeps it for its life. */
function buildExtraServices({ name, wish }: DataPlane, metadata: OwnedObject['metadata']): readonly OwnedObject[] {
  const labels = { ...metadata.labels, [extraServiceLabel]: 'true' };
  return (wish.clusterAddresses ?? []).map((address, index) => ({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { ...metadata, name: extraServiceName(name, address, index), labels },
    spec: {
      type: 'ClusterIP',
      ...selection(name, wish.ports),
      ...(address === '' ? {} : { clusterIP: address }),
    },
  }));
}

/** Says where a Service leads: to the pods of the data plane, on the ports of its listeners. */
function selection(name: string, ports: DataPlane['wish']['ports']): Readonly<Record<string, unknown>> {
  return {
    selector: { [dataPlaneLabel]: name },
    ports: ports.map(({ port, protocol }) => ({
      name: `${protocol.toLowerCase()}-${port}`,
      port,
      targetPort: port,
      protocol,
    })),
  };
}

function buildBudget({ name }: DataPlane, metadata: OwnedObject['metadata']): OwnedObject {
  const spec = { maxUnavailable: 1, selector: { matchLabels: { [dataPlaneLabel]: name } } };
  return { apiVersion: 'policy/v1', kind: 'PodDisruptionBudget', metadata, spec };
}

function buildDeployment(
  plane: DataPlane,
  settings: ProvisionSettings,
  metadata: OwnedObject['metadata'],
  secretHash: string,
): OwnedObject {
  const { name, wish } = plane;
  const { replicas } = wish.parameters;
  const { ownerReferences: _owners, ...common } = metadata;
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata,
    spec: {
      ...(replicas === 'auto' ? {} : { replicas }),
      // A pod goes only when the one that takes its place serves.
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
      selector: { matchLabels: { [dataPlaneLabel]: name } },
      template: {
        metadata: {
          labels: common.labels,
          annotations: { ...wish.annotations, 'fleetgate.dev/secret-hash': secretHash },
        },
        spec: buildPod(plane, settings),
      },
    },
  };
}

function buildPod(plane: DataPlane, settings: ProvisionSettings): object {
  const { name } = plane;
  return {
    serviceAccountName: name,
    automountServiceAccountToken: false,
    terminationGracePeriodSeconds: noticeSeconds + drainSeconds + 10,
    securityContext: {
      runAsNonRoot: true,
      runAsUser: 65532,
      runAsGroup: 65532,
      fsGroup: 65532,
      seccompProfile: { type: 'RuntimeDefault' },
      // Listeners have ports below 1024; this sysctl is among the safe ones.
      sysctls: [{ name: 'net.ipv4.ip_unprivileged_port_start', value: '0' }],
    },
    containers: [buildContainer(plane, settings)],
    volumes: [
      { name: 'credentials', secret: { secretName: name, defaultMode: 0o400 } },
      { name: 'data', emptyDir: {} },
    ],
  };
}

function buildContainer(plane: DataPlane, { cluster, controlUrl, controlCa, image }: ProvisionSettings): object {
  const { parameters, ports } = plane.wish;
  const health = healthPort(ports);
  const { cpu, memory } = parameters;
  return {
    name: 'node',
    image: parameters.image ?? image,
    args: [
      ...['proxy', '--node', `${cluster}.${plane.namespace}.$(POD_NAME)`, '--bind', '0.0.0.0'],
      ...['--address', '$(POD_IP)', '--health-host', '0.0.0.0', '--health-port', String(health)],
      ...['--token-file', `${secretFolder}/token`, '--node-key-file', `${secretFolder}/node.key`],
      ...['--control-url', controlUrl, '--data', dataFolder, '--drain', `${drainSeconds}s`],
      ...['--envoy-concurrency', String(workers(cpu))],
      ...plane.gateways.flatMap((gateway) => ['--serves', toPlaceKey({ cluster, ...parseNamespacedKey(gateway) })]),
    ],
    env: [
      { name: 'POD_NAME', ...fromField('metadata.name') },
      { name: 'POD_IP', ...fromField('status.podIP') },
      ...(controlCa === undefined ? [] : [{ name: 'NODE_EXTRA_CA_CERTS', value: `${secretFolder}/ca.crt` }]),
    ],
    ports: [{ name: 'health', containerPort: health, protocol: 'TCP' }],
    livenessProbe: { httpGet: { path: '/healthz', port: 'health' }, periodSeconds: 10, failureThreshold: 6 },
    readinessProbe: { httpGet: { path: '/readyz', port: 'health' }, periodSeconds: 1, failureThreshold: 2 },
    lifecycle: { preStop: { sleep: { seconds: noticeSeconds } } },
    resources: {
      requests: { cpu: cpu ?? '100m', memory: memory ?? '256Mi' },
      ...(memory === undefined ? {} : { limits: { memory } }),
    },
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    },
    volumeMounts: [
      { name: 'credentials', mountPath: secretFolder, readOnly: true },
      { name: 'data', mountPath: dataFolder },
    ],
  };
}

function fromField(fieldPath: string): object {
  return { valueFrom: { fieldRef: { fieldPath } } };
}

/**
 * Takes the usual port, or the next that no listener has. Listeners are not named in the pod: another one must not
 * restart it.
 */
function healthPort(ports: DataPlane['wish']['ports']): number {
  const taken = new Set(ports.filter(({ protocol }) => protocol === 'TCP').map(({ port }) => port));
  let port = healthPortDefault;
  while (taken.has(port)) port += 1;
  return port;
}

/** Counts the worker threads of Envoy: whole cores of the request, 2 where there is none. */
function workers(cpu: string | undefined): number {
  if (cpu === undefined) return 2;
  const cores = cpu.endsWith('m') ? Number(cpu.slice(0, -1)) / 1000 : Number(cpu);
  return Number.isFinite(cores) ? Math.min(1024, Math.max(1, Math.ceil(cores))) : 1;
}
