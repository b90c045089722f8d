// Builds the objects of an agent in a cluster. What it may do is generated from the table of kinds.
import { readFileSync } from 'node:fs';
import { stringify } from 'yaml';
import { sha256 } from '#libs/gateway/canonical.ts';
import { foreignPolicies } from '#libs/gateway/foreign-kinds.ts';
import { type KindInfo, controllerName, kinds } from '#libs/gateway/kinds.ts';
import { fail, messageOf } from '#libs/runtime/errors.ts';
import packageFile from '../../../package.json' with { type: 'json' };
import { crdGroup, telltaleCrd } from '../kubernetes/served-api-report.ts';
import { ownedKinds } from '../provision/owned-objects.ts';
import { type AuditMode, auditFolder, auditName, auditPort, buildAuditObjects } from './audit/audit-objects.ts';
import type { AuditSecret } from './audit/audit-secret.ts';
import type { ManifestOptions } from './options.ts';

/** Holds an object that is to be applied. */
export interface InstallObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels: Readonly<Record<string, string>>;
  };
  readonly [field: string]: unknown;
}

/** Names the Deployment of the agent and what belongs to it. */
export const agentName = 'fleetgate-agent';
const provisionerName = 'fleetgate-agent-provisioner';
const gatewayClassName = 'fleetgate';
/** Labels what Fleetgate made. */
export const managedBy = { 'app.kubernetes.io/managed-by': 'fleetgate' };
const healthPort = 7423;
const selector = { 'app.kubernetes.io/name': agentName };
const labels = {
  'app.kubernetes.io/name': agentName,
  'app.kubernetes.io/part-of': 'fleetgate',
  ...managedBy,
};

type Content = Omit<ManifestOptions, 'output'>;

/** Builds what audit needs in a mode, in the order in which it is applied. */
export function buildAudit(mode: AuditMode, namespace: string, secret: AuditSecret): readonly InstallObject[] {
  return buildAuditObjects(mode, { namespace, selector, secret }).map((object) => ({
    ...object,
    metadata: { ...object.metadata, labels },
  }));
}

/**
 * Builds the objects in the order in which they are applied; `auditSecret` is what API server and agent know each other
 * by. Throws FleetgateError 'file' for a credentials file that cannot be read.
 */
export function buildManifest(options: Content, auditSecret?: AuditSecret): readonly InstallObject[] {
  const { namespace, provision, controlUrl, provisionerToken, audit } = options;
  if (provision && (controlUrl === undefined || provisionerToken === undefined)) {
    throw fail('config', '--provision needs --control-url and --provisioner-token', {
      hint: 'Make the token by `fleetgate token create --role provisioner --name NAME`.',
    });
  }
  const secret = secretData(options);
  return [
    {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: namespace, labels: { ...labels, 'pod-security.kubernetes.io/enforce': 'restricted' } },
    },
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: agentName, namespace, labels } },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRole',
      metadata: { name: agentName, labels },
      rules: buildRules(),
    },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRoleBinding',
      metadata: { name: agentName, labels },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: agentName },
      subjects: [{ kind: 'ServiceAccount', name: agentName, namespace }],
    },
    ...(options.provision ? buildProvisionerRole(namespace) : []),
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: agentName, namespace, labels },
      type: 'Opaque',
      data: Object.fromEntries(
        Object.entries(secret).map(([key, value]) => [key, Buffer.from(value).toString('base64')]),
      ),
    },
    ...(audit === undefined || auditSecret === undefined ? [] : buildAudit(audit, namespace, auditSecret)),
    buildDeployment(options, Object.keys(secret), secretHash(secret, auditSecret)),
    ...(options.gatewayClass ? [buildGatewayClass()] : []),
  ];
}

/** Prints the objects as YAML documents, or as one JSON list. */
export function printManifest(objects: readonly InstallObject[], output: ManifestOptions['output']): string {
  if (output === 'json') return `${JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }, null, 2)}\n`;
  return objects
    .map((object) => stringify(object, { aliasDuplicateObjects: false, lineWidth: 0, singleQuote: true }))
    .join('---\n');
}

/** Allows to read what is watched, the release of the CRDs and which of them are policies, and to write statuses. */
export function buildRules(): readonly object[] {
  const rules: object[] = [];
  for (const [group, infos] of Map.groupBy<string, KindInfo>(kinds, (info) => info.group)) {
    // A watch by name needs no more than these two, and `get` would allow no less.
    const referenced = infos.filter((info) => info.watch === 'referenced');
    const all = infos.filter((info) => info.watch === 'all');
    const status = infos.filter((info) => info.status);
    rules.push(...rule(group, all, ['get', 'list', 'watch'], ''));
    rules.push(...rule(group, referenced, ['list', 'watch'], ''));
    rules.push(...rule(group, status, ['patch'], '/status'));
  }
  rules.push({
    apiGroups: [crdGroup],
    resources: ['customresourcedefinitions'],
    resourceNames: [telltaleCrd],
    verbs: ['get'],
  });
  for (const [group, policies] of foreignPolicies) rules.push(...rule(group, policies, ['list', 'watch'], ''));
  // Their labels say which of them are policies; only metadata are asked for.
  rules.push(...rule(crdGroup, [{ plural: 'customresourcedefinitions' }], ['list'], ''));
  return rules;
}

/** Allows what providing data planes takes beside reading, on the kinds that they are made of. */
function buildProvisionerRole(namespace: string): readonly InstallObject[] {
  const verbs = ['list', 'watch', 'create', 'patch', 'delete'];
  const rules = [...Map.groupBy(ownedKinds, ({ group }) => group)].map(([group, owned]) => ({
    apiGroups: [group],
    resources: owned.map(({ plural }) => plural),
    verbs,
  }));
  return [
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRole',
      metadata: { name: provisionerName, labels },
      rules,
    },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRoleBinding',
      metadata: { name: provisionerName, labels },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: provisionerName },
      subjects: [{ kind: 'ServiceAccount', name: agentName, namespace }],
    },
  ];
}

function rule(
  group: string,
  infos: readonly Pick<KindInfo, 'plural'>[],
  verbs: readonly string[],
  suffix: string,
): readonly object[] {
  if (infos.length === 0) return [];
  return [{ apiGroups: [group], resources: infos.map(({ plural }) => `${plural}${suffix}`), verbs }];
}

function buildDeployment(options: Content, secretKeys: readonly string[], secretHash: string): InstallObject {
  const { namespace, cluster, image, nodePublicKey, audit } = options;
  const container = {
    name: 'agent',
    image: image ?? `ghcr.io/fleetgate/fleetgate:${packageFile.version}`,
    args: ['agent', '--cluster', cluster, '--host', '0.0.0.0', '--port', String(healthPort), ...auditArgs(audit)],
    env: [
      ...secretKeys.map((key) => ({ name: key, valueFrom: { secretKeyRef: { name: agentName, key } } })),
      ...(nodePublicKey === undefined ? [] : [{ name: 'FLEETGATE_NODE_PUBLIC_KEY', value: nodePublicKey }]),
      ...provisionEnv(options),
      ...(audit === undefined ? [] : [auditTokenEnv]),
    ],
    ports: [
      { name: 'health', containerPort: healthPort },
      ...(audit === undefined ? [] : [{ name: 'audit', containerPort: auditPort }]),
    ],
    livenessProbe: { httpGet: { path: '/healthz', port: 'health' }, periodSeconds: 10, failureThreshold: 6 },
    readinessProbe: { httpGet: { path: '/readyz', port: 'health' }, periodSeconds: 5 },
    resources: { requests: { cpu: '50m', memory: '192Mi' }, limits: { memory: '1Gi' } },
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    },
    ...(audit === undefined ? {} : { volumeMounts: [{ name: 'audit', mountPath: auditFolder, readOnly: true }] }),
  };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: agentName, namespace, labels },
    spec: {
      replicas: 1,
      // Two at a time would do no harm, and no good.
      strategy: { type: 'Recreate' },
      selector: { matchLabels: selector },
      template: {
        metadata: {
          labels,
          annotations: { 'fleetgate.dev/secret-hash': secretHash.slice(0, 16) },
        },
        spec: {
          serviceAccountName: agentName,
          terminationGracePeriodSeconds: 20,
          securityContext: {
            runAsNonRoot: true,
            runAsUser: 65532,
            runAsGroup: 65532,
            seccompProfile: { type: 'RuntimeDefault' },
          },
          containers: [container],
          ...(audit === undefined ? {} : { volumes: [auditVolume] }),
        },
      },
    },
  };
}

/** New credentials are a new pod; a new certificate is not, for the agent takes it as it is. */
function secretHash(secret: Readonly<Record<string, string>>, audit: AuditSecret | undefined): string {
  return sha256(JSON.stringify(audit === undefined ? secret : { ...secret, audit: audit.token }));
}

function auditArgs(audit: AuditMode | undefined): readonly string[] {
  if (audit === undefined) return [];
  const files = ['--audit-cert-file', `${auditFolder}/tls.crt`, '--audit-key-file', `${auditFolder}/tls.key`];
  return ['--audit-listen', `0.0.0.0:${auditPort}`, ...files];
}

const auditTokenEnv = {
  name: 'FLEETGATE_AUDIT_TOKEN',
  valueFrom: { secretKeyRef: { name: auditName, key: 'token' } },
};

/** The key of the authority stays out of the pod. */
const auditVolume = {
  name: 'audit',
  secret: { secretName: auditName, items: ['tls.crt', 'tls.key'].map((key) => ({ key, path: key })) },
};

function provisionEnv(options: Content): readonly object[] {
  const { provision, namespace, controlUrl, controlCaFile, nodeImage, image } = options;
  if (!provision) return [];
  const nodes = nodeImage ?? image;
  return [
    { name: 'FLEETGATE_PROVISION', value: 'true' },
    { name: 'FLEETGATE_NAMESPACE', value: namespace },
    { name: 'FLEETGATE_CONTROL_URL', value: controlUrl },
    ...(controlCaFile === undefined ? [] : [{ name: 'FLEETGATE_CONTROL_CA', value: readText(controlCaFile) }]),
    ...(nodes === undefined ? [] : [{ name: 'FLEETGATE_NODE_IMAGE', value: nodes }]),
  ];
}

function buildGatewayClass(): InstallObject {
  return {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'GatewayClass',
    metadata: { name: gatewayClassName, labels },
    spec: { controllerName },
  };
}

function secretData(options: Content): Readonly<Record<string, string>> {
  const { natsUrl, natsToken, natsCredentialsFile, provision, provisionerToken } = options;
  return {
    NATS_URL: natsUrl,
    ...(natsToken === undefined ? {} : { FLEETGATE_NATS_TOKEN: natsToken }),
    ...(natsCredentialsFile === undefined ? {} : { FLEETGATE_NATS_CREDENTIALS: readText(natsCredentialsFile) }),
    ...(provision && provisionerToken !== undefined ? { FLEETGATE_PROVISIONER_TOKEN: provisionerToken } : {}),
  };
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw fail('file', `${path} (${messageOf(error)})`, { cause: error });
  }
}
