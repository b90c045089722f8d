// The Secrets and ConfigMaps that a GatewayClass, Gateway, ListenerSet or BackendTLSPolicy names. Only these are read from the cluster.
import { controllerName, type WatchedKind } from '#libs/gateway/kinds.ts';
import type { KubeObject } from '#libs/gateway/object.ts';
import { type ObjectName, objectKey } from './source.ts';
import { isRecord } from './stripped-object.ts';

/** Kinds whose objects refer to Secrets and ConfigMaps. */
export const referringKinds: ReadonlySet<WatchedKind> = new Set<WatchedKind>([
  'GatewayClass',
  'Gateway',
  'ListenerSet',
  'BackendTLSPolicy',
]);

export const referencesPerObjectMax = 200;
const depthMax = 10;

/** Kind of a reference that does not say it, by the field that holds the reference. */
const referenceFields: ReadonlyMap<string, WatchedKind | null> = new Map([
  ['certificateRefs', 'Secret'],
  ['clientCertificateRef', 'Secret'],
  ['caCertificateRefs', null],
  ['parametersRef', null],
]);

// RFC 1123: what an API server accepts as names; anything else cannot exist, and must not get into a URL.
const namePattern = /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/;
const namespacePattern = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

/** What the object refers to, each once. Malformed references are left out: the projection reports them. */
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
        if (name !== null && found.size < referencesPerObjectMax) found.set(objectKey(name), name);
      }
    }
  };
  // What another controller's class refers to is none of our business.
  const spec = object['spec'];
  if (object.kind === 'GatewayClass' && (!isRecord(spec) || spec['controllerName'] !== controllerName)) return [];
  visit(spec, 0);
  return [...found.values()];
}

function readReference(value: unknown, ownNamespace: string, defaultKind: WatchedKind | null): ObjectName | null {
  if (!isRecord(value)) return null;
  const { group = '', kind = defaultKind, name, namespace = ownNamespace } = value;
  if (group !== '' || (kind !== 'Secret' && kind !== 'ConfigMap')) return null;
  if (typeof name !== 'string' || !namePattern.test(name)) return null;
  if (typeof namespace !== 'string' || !namespacePattern.test(namespace)) return null;
  return { kind, namespace, name };
}
