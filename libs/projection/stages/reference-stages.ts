// Wires the stages of what others refer to: grants, Secrets, Services, namespaces.
import { type Authority, authorityKinds, parseAuthority } from '#libs/gateway/fields/authority.ts';
import { parseParameters } from '#libs/gateway/data-plane/data-plane-parameters.ts';
import { parseServedApi } from '#libs/gateway/objects/served-api.ts';
import type { Service } from '#libs/gateway/objects/service.ts';
import { parseService } from '#libs/gateway/objects/service.ts';
import { labels } from '#libs/gateway/fields/metadata.ts';
import {
  type CrossReference,
  grants,
  parseReferenceGrant,
  type ReferenceGrant,
} from '#libs/gateway/objects/reference-grant.ts';
import { type CertificateSecret, parseCertificateSecret } from '#libs/gateway/objects/secret.ts';
import { listProblems } from '#libs/projection/model/conditions.ts';
import type { Derivation } from '#libs/derivation/derivation.ts';
import type { Read, Stage } from '#libs/derivation/stage.ts';
import type { ObjectLookup } from '#libs/projection/model/object-lookup.ts';
import type { Sources } from './sources.ts';
import { clusterOf, parseObjectKey, parsePlaceKey, toObjectKey, toPlaceKey } from '#libs/gateway/object-key.ts';

export interface ReferenceStages {
  readonly services: Stage<Service>;
  readonly certificates: Stage<CertificateSecret>;
  /** CA certificates. Keys: object keys; nothing where there is no such object. */
  readonly authorities: Stage<Authority>;
  /** What ConfigMaps say about data planes. */
  readonly parameters: Stage<ReturnType<typeof parseParameters>>;
  readonly permissions: Stage<true>;
  /** What is wrong with ReferenceGrants of a namespace. Keys: Namespaces. */
  readonly brokenGrants: Stage<string>;
  readonly namespaceLabels: Stage<Readonly<Record<string, string>>>;
  /** Whether a cluster lacks the API of ClusterTrustBundles, as far as its agent says. Keys: names of clusters. */
  readonly lacksBundles: Stage<true>;
}

/** Makes the stages. Keys are `cluster/namespace/name`. */
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
      const { kind, ...place } = parseObjectKey(key);
      const known = authorityKinds.find((one) => one === kind);
      return known && withObject(read.get(sources.objects(known), toPlaceKey(place)), parseAuthority);
    },
  });
  const parameters = engine.stage({
    name: 'parameters',
    compute: (key, read) => withObject(read.get(sources.objects('ConfigMap'), key), parseParameters),
  });
  const namespaceLabels = engine.stage({
    name: 'namespace labels',
    each: sources.objects('Namespace'),
    compute: (key, read) => withObject(read.get(sources.objects('Namespace'), key), labels),
  });
  const grants = createPermissionStages(engine, sources);
  const lacksBundles = createBundleStage(engine, sources);
  return { services, certificates, authorities, parameters, ...grants, namespaceLabels, lacksBundles };
}

/** Looks up Secrets, ConfigMaps and ClusterTrustBundles for the stage that reads. */
export function objectLookup(stages: ReferenceStages, read: Read): ObjectLookup {
  return {
    permitted: (cluster, namespace, reference) => isPermitted(stages, read, cluster, namespace, reference),
    brokenGrants: (cluster, namespace) => brokenGrantsIn(stages, read, cluster, namespace),
    certificate: (cluster, namespace, name) => read.get(stages.certificates, toPlaceKey({ cluster, namespace, name })),
    authority: (cluster, kind, namespace, name) => {
      const found = read.get(stages.authorities, toObjectKey({ cluster, kind, namespace, name }));
      if (found !== undefined || kind !== 'ClusterTrustBundle') return found;
      return read.get(stages.lacksBundles, cluster) === true ? 'unserved' : undefined;
    },
    parameters: (cluster, namespace, name) => read.get(stages.parameters, toPlaceKey({ cluster, namespace, name })),
  };
}

/** Tells whether a ReferenceGrant in a namespace allows a reference. */
export function isPermitted(
  stages: ReferenceStages,
  read: Read,
  cluster: string,
  namespace: string,
  reference: CrossReference,
): boolean {
  return read.get(stages.permissions, permissionKey(namespaceKey(cluster, namespace), reference)) === true;
}

/** Says what is wrong with ReferenceGrants of a namespace, as the end of a sentence; '' = nothing. */
export function brokenGrantsIn(stages: ReferenceStages, read: Read, cluster: string, namespace: string): string {
  return read.get(stages.brokenGrants, namespaceKey(cluster, namespace)) ?? '';
}

/** Gives the labels of a namespace, with the one that the API server always sets. */
export function labelsOfNamespace(
  stages: ReferenceStages,
  read: Read,
  cluster: string,
  namespace: string,
): Readonly<Record<string, string>> {
  return {
    ...read.get(stages.namespaceLabels, namespaceKey(cluster, namespace)),
    'kubernetes.io/metadata.name': namespace,
  };
}

/** Makes the stage that gathers what the GatewayClasses of a cluster say of its APIs. */
function createBundleStage(engine: Derivation, sources: Sources): Stage<true> {
  const told = engine.stage({
    name: 'kinds that a cluster serves',
    each: sources.objects('GatewayClass'),
    compute: (key, read) => {
      const known = read.get(sources.objects('GatewayClass'), key);
      return known && parseServedApi(known.object).kinds;
    },
  });
  const byCluster = engine
    .group<readonly string[]>()
    .feed(told, (key, kinds) => [{ group: clusterOf(key), member: key, item: kinds }]);
  return engine.stage({
    name: 'cluster without trust bundles',
    compute: (cluster, read): true | undefined => {
      const lists = read.list(byCluster, cluster);
      return lists.length > 0 && !lists.some((kinds) => kinds.includes('ClusterTrustBundle')) ? true : undefined;
    },
  });
}

function createPermissionStages(
  engine: Derivation,
  sources: Sources,
): Pick<ReferenceStages, 'permissions' | 'brokenGrants'> {
  const parsed = engine.stage({
    name: 'reference grant',
    each: sources.objects('ReferenceGrant'),
    compute: (key, read) => withObject(read.get(sources.objects('ReferenceGrant'), key), parseReferenceGrant),
  });
  const byNamespace = engine.group<ReferenceGrant>().feed(parsed, (key, grant) => {
    const { cluster, namespace } = parsePlaceKey(key);
    return [{ group: namespaceKey(cluster, namespace), member: key, item: grant }];
  });
  const brokenGrants = engine.stage({
    name: 'broken reference grants',
    compute: (place, read): string | undefined => {
      const problems = read.list(byNamespace, place).flatMap((grant) => grant.problems);
      return problems.length === 0 ? undefined : `; one that cannot be read as a whole: ${listProblems(problems)}`;
    },
  });
  const permissions = engine.stage({
    name: 'permission',
    compute: (key, read): true | undefined => {
      const [place, reference] = parsePermissionKey(key);
      return read.list(byNamespace, place).some((grant) => grants(grant, reference)) ? true : undefined;
    },
  });
  return { permissions, brokenGrants };
}

function withObject<T>(
  known: { readonly object: Parameters<typeof labels>[0] } | undefined,
  parse: (object: Parameters<typeof labels>[0]) => T,
): T | undefined {
  return known === undefined ? undefined : parse(known.object);
}

/** Writes the place key of a Namespace. */
function namespaceKey(cluster: string, namespace: string): string {
  return toPlaceKey({ cluster, namespace: '', name: namespace });
}

/** Writes a key no part of which has a space in it. */
function permissionKey(place: string, reference: CrossReference): string {
  const { fromGroup, fromKind, fromNamespace, toGroup, toKind, toName } = reference;
  return [place, fromGroup, fromKind, fromNamespace, toGroup, toKind, toName].join(' ');
}

function parsePermissionKey(key: string): [place: string, reference: CrossReference] {
  const [place = '', fromGroup = '', fromKind = '', fromNamespace = '', toGroup = '', toKind = '', toName = ''] =
    key.split(' ');
  return [place, { fromGroup, fromKind, fromNamespace, toGroup, toKind, toName }];
}
