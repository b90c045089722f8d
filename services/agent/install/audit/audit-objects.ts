// Builds what a cluster needs beside the agent so that it learns who changes what: the agent's Service and Secret, and
// the policy or the webhook that tells of requests. Nothing here grants a right: the API server is the one that calls.
import { foreignPolicies } from '#libs/gateway/foreign-kinds.ts';
import { type KindInfo, kinds } from '#libs/gateway/kinds.ts';
import { annotatingPolicy } from '../../audit/parse-audit-event.ts';
import { type AuditSecret, auditSecretData } from './audit-secret.ts';

export type AuditMode = 'webhook' | 'admission';

/** An object without the labels that all have. */
interface AuditObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly [field: string]: unknown;
}

/** Names Service and Secret. */
export const auditName = 'fleetgate-agent-audit';
export const auditPort = 7424;
export const auditFolder = '/etc/fleetgate/audit';
const registration = 'admissionregistration.k8s.io/v1';

/** Gives the name by which the API server knows the agent. */
export function auditHost(namespace: string): string {
  return `${auditName}.${namespace}.svc`;
}

/** Builds the objects of a mode; the agent's own come first. */
export function buildAuditObjects(
  mode: AuditMode,
  {
    namespace,
    selector,
    secret,
  }: {
    readonly namespace: string;
    readonly selector: Readonly<Record<string, string>>;
    readonly secret: AuditSecret;
  },
): readonly AuditObject[] {
  const metadata = { name: auditName, namespace };
  const port = { name: 'audit', port: auditPort, targetPort: auditPort, protocol: 'TCP' };
  return [
    { apiVersion: 'v1', kind: 'Secret', metadata, type: 'Opaque', data: auditSecretData(secret) },
    { apiVersion: 'v1', kind: 'Service', metadata, spec: { selector, ports: [port] } },
    ...(mode === 'webhook' ? buildPolicy() : [buildWebhook(namespace, secret)]),
  ];
}

/** Has each audit event say which object and version its request met. It validates nothing, and needs no receiver. */
function buildPolicy(): readonly AuditObject[] {
  const metadata = { name: annotatingPolicy };
  const annotations = {
    uid: 'string(oldObject != null ? oldObject.metadata.uid : object.metadata.uid)',
    old: "string(oldObject != null ? oldObject.metadata.resourceVersion : '')",
    dry: 'string(has(request.dryRun) && request.dryRun)',
  };
  return [
    {
      apiVersion: registration,
      kind: 'ValidatingAdmissionPolicy',
      metadata,
      spec: {
        failurePolicy: 'Ignore',
        matchConstraints: { matchPolicy: 'Equivalent', resourceRules: rules(recordedKinds, 'any version') },
        validations: [{ expression: 'true' }],
        auditAnnotations: Object.entries(annotations).map(([key, valueExpression]) => ({ key, valueExpression })),
      },
    },
    {
      apiVersion: registration,
      kind: 'ValidatingAdmissionPolicyBinding',
      metadata,
      spec: { policyName: annotatingPolicy, validationActions: ['Audit'] },
    },
  ];
}

function buildWebhook(namespace: string, secret: AuditSecret): AuditObject {
  return {
    apiVersion: registration,
    kind: 'ValidatingWebhookConfiguration',
    metadata: { name: annotatingPolicy },
    webhooks: [
      {
        name: annotatingPolicy,
        admissionReviewVersions: ['v1'],
        // Whoever asks is told yes, and where the agent is away nobody waits.
        failurePolicy: 'Ignore',
        timeoutSeconds: 1,
        sideEffects: 'None',
        matchPolicy: 'Equivalent',
        clientConfig: {
          service: { name: auditName, namespace, port: auditPort, path: `/admission/${secret.token}` },
          caBundle: Buffer.from(secret.caCertificate).toString('base64'),
        },
        // Bodies of Secrets and ConfigMaps are not sent anywhere.
        rules: rules(
          recordedKinds.filter(({ plural }) => !bodiless.has(plural)),
          'the version that is watched',
        ),
      },
    ],
  };
}

type RecordedKind = Pick<KindInfo, 'group' | 'plural' | 'versions'>;

/** Kinds whose bodies the audit does not record, and a webhook does not get. */
export const bodiless: ReadonlySet<string> = new Set(['secrets', 'configmaps']);

/** Kinds whose changes are in the history. */
export const recordedKinds: readonly RecordedKind[] = [
  ...kinds.filter(({ stream }) => stream === 'history'),
  ...[...foreignPolicies.values()].flat().map(({ group, plural }) => ({ group, plural, versions: [] })),
];

function rules(
  infos: readonly RecordedKind[],
  which: 'any version' | 'the version that is watched',
): readonly object[] {
  const keyOf = ({ group, versions }: RecordedKind): string =>
    JSON.stringify([group, which === 'any version' ? '*' : (versions[0] ?? '*')]);
  return [...Map.groupBy(infos, keyOf)].map(([key, same]) => {
    const [group, version]: readonly unknown[] = JSON.parse(key);
    return {
      apiGroups: [group],
      apiVersions: [version],
      operations: ['CREATE', 'UPDATE', 'DELETE'],
      resources: same.map(({ plural }) => plural),
    };
  });
}
