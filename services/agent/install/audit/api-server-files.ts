// Writes what lies on the host of an API server so that it sends its audit to the agent, and says which of its flags
// are missing.
import { stringify } from 'yaml';
import { isRecord } from '#libs/gateway/fields/record.ts';
import { auditHost, auditPort, bodiless, recordedKinds } from './audit-objects.ts';
import type { AuditSecret } from './audit-secret.ts';

export const policyFile = 'fleetgate-audit-policy.yaml';
export const webhookFile = 'fleetgate-audit-webhook.yaml';
const verbs = ['create', 'update', 'patch', 'delete', 'deletecollection'];

/** Flags that an API server needs; those with a value are recommended so, the files must be there. */
const flags = [
  ['--audit-policy-file', `/etc/kubernetes/${policyFile}`],
  ['--audit-webhook-config-file', `/etc/kubernetes/${webhookFile}`],
  ['--audit-webhook-mode', 'batch'],
  ['--audit-webhook-batch-max-wait', '1s'],
  ['--audit-webhook-initial-backoff', '2s'],
] as const;

/** Writes the audit policy: writes of what is in the history, with bodies but for Secrets and ConfigMaps. */
export function printAuditPolicy(): string {
  const withBodies = recordedKinds.filter(({ plural }) => !bodiless.has(plural));
  const without = recordedKinds.filter(({ plural }) => bodiless.has(plural));
  const policy = {
    apiVersion: 'audit.k8s.io/v1',
    kind: 'Policy',
    omitStages: ['RequestReceived', 'ResponseStarted', 'Panic'],
    rules: [
      { level: 'RequestResponse', verbs, resources: resourcesOf([...withBodies, finalizing]) },
      { level: 'Metadata', verbs, resources: resourcesOf(without) },
      { level: 'None' },
    ],
  };
  return `${policyHead}${stringify(policy, { lineWidth: 0, singleQuote: true })}`;
}

const policyHead =
  '# Where the API server has an audit policy already, put these rules in front of its own, without the last.\n';
/** The last finalizer of a namespace goes by a subresource. */
const finalizing = { group: '', plural: 'namespaces/finalize' };

/** Writes the kubeconfig by which the API server finds the agent, and each knows the other. */
export function printWebhookConfig(secret: AuditSecret, namespace: string, address: string): string {
  const name = 'fleetgate';
  return stringify(
    {
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': name,
      clusters: [
        {
          name,
          cluster: {
            server: `${address}/audit`,
            'tls-server-name': auditHost(namespace),
            'certificate-authority-data': Buffer.from(secret.caCertificate).toString('base64'),
          },
        },
      ],
      users: [{ name, user: { token: secret.token } }],
      contexts: [{ name, context: { cluster: name, user: name } }],
    },
    { lineWidth: 0 },
  );
}

/**
 * Gives the address of the agent's Service as the host of an API server reaches it, by the Service as the API server
 * gives it.
 */
export function serviceAddress(service: Readonly<Record<string, unknown>> | null): string {
  const address = isRecord(service?.['spec']) ? service['spec']['clusterIP'] : undefined;
  const host = typeof address === 'string' && address !== '' && address !== 'None' ? address : 'CLUSTER-IP';
  return `https://${host.includes(':') ? `[${host}]` : host}:${auditPort}`;
}

/** Says which flags the API servers lack, by their pods (a List); where there are none, which they need. */
export function describeFlags(pods: Readonly<Record<string, unknown>> | null): readonly string[] {
  const items: readonly unknown[] = Array.isArray(pods?.['items']) ? pods['items'] : [];
  const servers = items.filter(isRecord);
  if (servers.length === 0) {
    return ['The API servers cannot be seen from here. Each needs these flags, and its two files:', ...lines(flags)];
  }
  return servers.flatMap((pod) => {
    const given = commandOf(pod);
    const has = (flag: string): string | undefined =>
      given.find((text) => text.startsWith(`${flag}=`))?.slice(flag.length + 1);
    const name = isRecord(pod['metadata']) ? String(pod['metadata']['name']) : 'kube-apiserver';
    const missing = flags.filter(([flag]) => has(flag) === undefined);
    const said =
      missing.length === 0 ? [`${name} has every flag that it needs.`] : [`${name} lacks:`, ...lines(missing)];
    const policy = has('--audit-policy-file');
    return policy === undefined || policy.endsWith(policyFile)
      ? said
      : [...said, `${name} has the audit policy ${policy}: put the rules of ${policyFile} in front of its own.`];
  });
}

function lines(missing: readonly (readonly [string, string])[]): readonly string[] {
  return missing.map(([flag, value]) => `  ${flag}=${value}`);
}

function commandOf(pod: Readonly<Record<string, unknown>>): readonly string[] {
  const containers = isRecord(pod['spec']) ? pod['spec']['containers'] : undefined;
  return (Array.isArray(containers) ? containers : []).flatMap((container: unknown) => {
    const { command, args } = isRecord(container) ? container : {};
    return [command, args].flatMap((list): readonly string[] =>
      Array.isArray(list) ? list.filter((text): text is string => typeof text === 'string') : [],
    );
  });
}

function resourcesOf(infos: readonly { readonly group: string; readonly plural: string }[]): readonly object[] {
  return [...Map.groupBy(infos, ({ group }) => group)].map(([group, same]) => ({
    group,
    resources: same.map(({ plural }) => plural),
  }));
}
