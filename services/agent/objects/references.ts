// Finds the Secrets, ConfigMaps and ClusterTrustBundles that a GatewayClass, Gateway, ListenerSet, BackendTLSPolicy or
// their older kinds name. Only these are read from the cluster.
import { isRecord } from '#libs/gateway/fields/record.ts';
import { certificatesGroup, controllerName, type WatchedKind } from '#libs/gateway/kinds.ts';
import { toLocalKey } from '#libs/gateway/object-key.ts';
import type { KubeObject } from '#libs/gateway/object.ts';
import type { ObjectName } from '../source.ts';

/** Kinds whose objects refer to Secrets, ConfigMaps and ClusterTrustBundles. */
export const referringKinds: ReadonlySet<WatchedKind> = new Set<WatchedKind>([
  'GatewayClass',
  'Gateway',
  'ListenerSet',
  'BackendTLSPolicy',
  'Ingress',
  'Gateway.networking.x-k8s.io',
  'BackendPolicy',
]);

const referencesPerObjectMax = 200;
const depthMax = 10;

/** Kind of a reference that does not say it, by the field that holds the reference. */
const referenceFields: ReadonlyMap<string, WatchedKind | null> = new Map([
  ['certificateRefs', 'Secret'],
  ['clientCertificateRef', 'Secret'],
  ['caCertificateRefs', null],
  ['parametersRef', null],
  // Service APIs 0.1
  ['certificateRef', 'Secret'],
  ['certificateAuthorityRef', 'Secret'],
]);

// RFC 1123: what an API server accepts as names; anything else cannot exist, and must not get into a URL.
const namePattern = /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/;
// Behind the name of a signer, with colons in place of its slash: `example.com:internal:v1`.
const bundleNamePattern = /^[A-Za-z0-9]([-A-Za-z0-9._:]{0,251}[A-Za-z0-9])?$/;
const namespacePattern = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

/** Finds what the object refers to, each once. Malformed references are left out: the projection reports them. */
export function findReferences(object: KubeObject): readonly ObjectName[] {
  const found = new Map<string, ObjectName>();
  const namespace = object.metadata.namespace ?? '';
  const visit = (value: unknown, depth: number): void => {
    if (depth > depthMax || found.size >= referencesPerObjectMax) return;
    if (Array.isArray(value)) {
      for (const item of value) visit(item, depth + 1);
      return;
    }
    if (!isRecord(value)) return;
    for (const [field, inner] of Object.entries(value)) {
      const defaultKind = referenceFields.get(field);
      if (defaultKind === undefined) {
        visit(inner, depth + 1);
        continue;
      }
      for (const item of Array.isArray(inner) ? inner : [inner]) {
        const name = readReference(item, namespace, defaultKind);
        if (name !== null && found.size < referencesPerObjectMax) found.set(toLocalKey(name), name);
      }
    }
  };
  // What another controller's class refers to is none of our business.
  const spec = object['spec'];
  if (object.kind === 'GatewayClass' && (!isRecord(spec) || spec['controllerName'] !== controllerName)) return [];
  // An Ingress has names in place of references.
  if (object.kind === 'Ingress') for (const name of ingressSecrets(spec, namespace)) found.set(toLocalKey(name), name);
  else visit(spec, 0);
  return [...found.values()];
}

/** Gives the namespace of the Gateway that serves what the object refers to; '' where that cannot be said of one. */
export function servingNamespace(object: KubeObject): string {
  const own = object.metadata.namespace ?? '';
  if (object.kind !== 'ListenerSet') return object.kind === 'Gateway' ? own : '';
  const spec = object['spec'];
  const parent = isRecord(spec) && isRecord(spec['parentRef']) ? spec['parentRef'] : {};
  const { namespace = own } = parent;
  return typeof namespace === 'string' && namespacePattern.test(namespace) ? namespace : own;
}

/** Reads `spec.tls[].secretName`. */
function ingressSecrets(spec: unknown, namespace: string): readonly ObjectName[] {
  const tls = isRecord(spec) && Array.isArray(spec['tls']) ? spec['tls'] : [];
  return tls.slice(0, referencesPerObjectMax).flatMap((item: unknown) => {
    const name = isRecord(item) ? readReference({ name: item['secretName'] }, namespace, 'Secret') : null;
    return name === null ? [] : [name];
  });
}

function readReference(value: unknown, ownNamespace: string, defaultKind: WatchedKind | null): ObjectName | null {
  if (!isRecord(value)) return null;
  if (value['group'] === certificatesGroup) return readBundleReference(value);
  const { group: writtenGroup = '', kind: writtenKind, name, namespace = ownNamespace } = value;
  const group = writtenGroup === 'core' ? '' : writtenGroup;
  const kind = writtenKind === undefined || writtenKind === '' ? defaultKind : writtenKind;
  if (group !== '' || (kind !== 'Secret' && kind !== 'ConfigMap')) return null;
  if (typeof name !== 'string' || !namePattern.test(name)) return null;
  if (typeof namespace !== 'string' || !namespacePattern.test(namespace)) return null;
  return { kind, namespace, name };
}

/** Reads a reference to a ClusterTrustBundle, which has no namespace. */
function readBundleReference({ kind, name, namespace }: Readonly<Record<string, unknown>>): ObjectName | null {
  if (kind !== 'ClusterTrustBundle' || (namespace ?? '') !== '') return null;
  return typeof name === 'string' && bundleNamePattern.test(name) ? { kind, namespace: '', name } : null;
}
