// Stages for what others refer to: grants, Secrets, Services, namespaces.
import { type Authority, parseAuthority } from '#libs/gateway/authority.ts';
import type { Service } from '#libs/gateway/service.ts';
import { parseService } from '#libs/gateway/service.ts';
import { parseBackendTlsTargets } from '#libs/gateway/backend-tls-policy.ts';
import { labels } from '#libs/gateway/metadata.ts';
import {
  type CrossReference,
  grants,
  parseReferenceGrant,
  type ReferenceGrant,
} from '#libs/gateway/reference-grant.ts';
import { type CertificateSecret, parseCertificateSecret } from '#libs/gateway/secret.ts';
import { type BackendLookup, type BackendResolution, resolvePort } from '#libs/snapshot/backends.ts';
import type { Derivation, Read, Stage } from '#libs/snapshot/derive.ts';
import type { Sources } from '#libs/snapshot/sources.ts';

export interface ReferenceStages {
  readonly services: Stage<Service>;
  readonly certificates: Stage<CertificateSecret>;
  /** CA certificates. Keys: `cluster/kind/namespace/name`; nothing where there is no such ConfigMap or Secret. */
  readonly authorities: Stage<Authority>;
  readonly backends: Stage<BackendResolution>;
  readonly permissions: Stage<true>;
  readonly namespaceLabels: Stage<Readonly<Record<string, string>>>;
}

/** Makes the stages. Keys are `cluster/namespace/name`, those of backends end in `/port`. */
export function createReferenceStages(engine: Derivation, sources: Sources): ReferenceStages {
  const services = engine.stage({
    name: 'service',
    each: sources.objects('Service'),
    compute: (key, read) => withObject(read.get(sources.objects('Service'), key), parseService),
  });
  const certificates = engine.stage({
    name: 'certificate',
    each: sources.objects('Secret'),
    compute: (key, read) => withObject(read.get(sources.objects('Secret'), key), parseCertificateSecret),
  });
  const authorities = engine.stage({
    name: 'authority',
    compute: (key, read) => {
      const [cluster = '', kind = '', namespace = '', name = ''] = key.split('/');
      if (kind !== 'ConfigMap' && kind !== 'Secret') return undefined;
      return withObject(read.get(sources.objects(kind), `${cluster}/${namespace}/${name}`), parseAuthority);
    },
  });
  const namespaceLabels = engine.stage({
    name: 'namespace labels',
    each: sources.objects('Namespace'),
    compute: (key, read) => withObject(read.get(sources.objects('Namespace'), key), labels),
  });
  const grants = createPermissionStage(engine, sources);
  const backends = createBackendStage(engine, sources, services);
  return { services, certificates, authorities, backends, permissions: grants, namespaceLabels };
}

/** Looks up backends and permissions for the stage that reads. */
export function backendLookup(stages: ReferenceStages, read: Read): BackendLookup {
  return {
    backend: (cluster, namespace, service, port) =>
      read.get(stages.backends, `${cluster}/${namespace}/${service}/${port}`),
    permitted: (cluster, namespace, reference) => isPermitted(stages, read, cluster, namespace, reference),
  };
}

/** Whether a ReferenceGrant in a namespace allows a reference. */
export function isPermitted(
  stages: ReferenceStages,
  read: Read,
  cluster: string,
  namespace: string,
  reference: CrossReference,
): boolean {
  return read.get(stages.permissions, permissionKey(`${cluster}/${namespace}`, reference)) === true;
}

/** Labels of a namespace, with the one that the API server always sets. */
export function labelsOfNamespace(
  stages: ReferenceStages,
  read: Read,
  cluster: string,
  namespace: string,
): Readonly<Record<string, string>> {
  return { ...read.get(stages.namespaceLabels, `${cluster}//${namespace}`), 'kubernetes.io/metadata.name': namespace };
}

function createPermissionStage(engine: Derivation, sources: Sources): Stage<true> {
  const parsed = engine.stage({
    name: 'reference grant',
    each: sources.objects('ReferenceGrant'),
    compute: (key, read) => withObject(read.get(sources.objects('ReferenceGrant'), key), parseReferenceGrant),
  });
  const byNamespace = engine
    .group<ReferenceGrant>()
    .feed(parsed, (key, grant) => [{ group: placeOf(key), member: key, item: grant }]);
  return engine.stage({
    name: 'permission',
    compute: (key, read) => {
      const [place, reference] = parsePermissionKey(key);
      return read.list(byNamespace, place).some((grant) => grants(grant, reference)) ? true : undefined;
    },
  });
}

function createBackendStage(engine: Derivation, sources: Sources, services: Stage<Service>): Stage<BackendResolution> {
  const policies = engine.group<string>().feed(sources.objects('BackendTLSPolicy'), (key, known) =>
    parseBackendTlsTargets(known.object).map((service) => ({
      group: `${placeOf(key)}/${service}`,
      member: key,
      item: `${known.namespace}/${known.name}`,
    })),
  );
  return engine.stage({
    name: 'backend',
    compute: (key, read) => {
      const [cluster = '', namespace = '', service = '', port = ''] = key.split('/');
      const serviceKey = `${cluster}/${namespace}/${service}`;
      const found = read.get(services, serviceKey);
      if (found === undefined) return undefined;
      return resolvePort({ cluster, namespace, service, port: Number(port) }, found, read.list(policies, serviceKey));
    },
  });
}

function withObject<T>(
  known: { readonly object: Parameters<typeof labels>[0] } | undefined,
  parse: (object: Parameters<typeof labels>[0]) => T,
): T | undefined {
  return known === undefined ? undefined : parse(known.object);
}

/** `cluster/namespace` of a key. */
function placeOf(key: string): string {
  return key.slice(0, key.lastIndexOf('/'));
}

/** No part of it has a space in it. */
function permissionKey(place: string, reference: CrossReference): string {
  const { fromGroup, fromKind, fromNamespace, toGroup, toKind, toName } = reference;
  return [place, fromGroup, fromKind, fromNamespace, toGroup, toKind, toName].join(' ');
}

function parsePermissionKey(key: string): [place: string, reference: CrossReference] {
  const [place = '', fromGroup = '', fromKind = '', fromNamespace = '', toGroup = '', toKind = '', toName = ''] =
    key.split(' ');
  return [place, { fromGroup, fromKind, fromNamespace, toGroup, toKind, toName }];
}
