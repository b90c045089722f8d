// Looks up references of Gateways and ListenerSets to Secrets, ConfigMaps and ClusterTrustBundles, in the order of the
// specification: kind, permission, existence.
import type { ParameterSet } from '#libs/gateway/data-plane/data-plane-parameters.ts';
import type { ParametersRef } from '#libs/gateway/fields/infrastructure.ts';
import { kindText, type ObjectRef } from '#libs/gateway/fields/object-ref.ts';
import { gatewayGroup } from '#libs/gateway/fields/parent-ref.ts';
import type { Problem } from '#libs/gateway/problem.ts';
import type { CrossReference } from '#libs/gateway/objects/reference-grant.ts';
import type { CertificateSecret } from '#libs/gateway/objects/secret.ts';
import { type AuthorityFound, type KeyChoice, resolveAuthority } from './authority-ref.ts';
import { type Fault, listProblems } from './conditions.ts';
import { toTlsKey } from '#libs/snapshot/discovery-key.ts';

/** Says what a look-up of parameters gave. */
export type ParameterChoice = { readonly value: ParameterSet } | { readonly fault: Fault };

/** Gives access to what looking up reads. */
export interface ObjectLookup {
  readonly permitted: (cluster: string, namespace: string, reference: CrossReference) => boolean;
  /** What is wrong with ReferenceGrants of a namespace, as the end of a sentence; '' = nothing. */
  readonly brokenGrants: (cluster: string, namespace: string) => string;
  /** What a Secret holds; undefined = there is none. */
  readonly certificate: (cluster: string, namespace: string, name: string) => CertificateSecret | undefined;
  readonly authority: (cluster: string, kind: string, namespace: string, name: string) => AuthorityFound;
  readonly parameters: (
    cluster: string,
    namespace: string,
    name: string,
  ) => { readonly value: ParameterSet; readonly problems: readonly Problem[] } | undefined;
}

/** Describes the object that refers. */
export interface Referrer {
  readonly kind: 'Gateway' | 'ListenerSet';
  readonly cluster: string;
  readonly namespace: string;
}

/** Looks up a certificate; `reason` tells what it is for. */
export function findCertificate(
  ref: ObjectRef,
  from: Referrer,
  lookup: ObjectLookup,
  reason: 'InvalidCertificateRef' | 'InvalidClientCertificateRef' = 'InvalidCertificateRef',
): KeyChoice {
  const { group, kind, namespace, name } = ref;
  if (group !== '' || kind !== 'Secret') return invalid(reason, `${kindText(ref)} is not supported; Secret is`);
  const refused = refusal(ref, from, lookup);
  if (refused !== undefined) return { fault: refused };
  const secret = lookup.certificate(from.cluster, namespace, name);
  if (secret === undefined) return invalid(reason, `Secret ${namespace}/${name} does not exist`);
  if ('problem' in secret) return invalid(reason, `Secret ${namespace}/${name}: ${secret.problem}`);
  return { key: toTlsKey({ cluster: from.cluster, namespace, name }) };
}

/** Looks up CA certificates for those of clients. */
export function findAuthority(ref: ObjectRef, from: Referrer, lookup: ObjectLookup): KeyChoice {
  return resolveAuthority(ref, from.cluster, {
    authority: lookup.authority,
    refusal: (one) => refusal(one, from, lookup),
    strangeKind: 'InvalidCACertificateKind',
  });
}

/** Looks up parameters; without a reference there are none. */
export function findParameters(
  ref: ParametersRef | undefined,
  cluster: string,
  lookup: Pick<ObjectLookup, 'parameters'>,
): ParameterChoice {
  if (ref === undefined) return { value: {} };
  const reason = 'InvalidParameters';
  if ('unreadable' in ref) return invalid(reason, ref.unreadable);
  const { group, kind, namespace, name } = ref;
  if (group !== '' || kind !== 'ConfigMap') return invalid(reason, `${kindText(ref)} is not supported; ConfigMap is`);
  if (namespace === '') return invalid(reason, 'the parametersRef to a ConfigMap must have a namespace');
  const found = lookup.parameters(cluster, namespace, name);
  if (found === undefined) return invalid(reason, `ConfigMap ${namespace}/${name} does not exist`);
  const { value, problems } = found;
  return problems.length === 0
    ? { value }
    : invalid(reason, `ConfigMap ${namespace}/${name}: ${listProblems(problems)}`);
}

function invalid(reason: string, message: string): { readonly fault: Fault } {
  return { fault: { reason, message } };
}

/**
 * Says why a reference over the border of a namespace is not allowed. Grants for a Gateway are none for its
 * ListenerSets, and the other way round.
 */
function refusal(ref: ObjectRef, from: Referrer, lookup: ObjectLookup): Fault | undefined {
  const { kind, namespace, name } = ref;
  const reference = {
    fromGroup: gatewayGroup,
    fromKind: from.kind,
    fromNamespace: from.namespace,
    toGroup: ref.group,
    toKind: kind,
    toName: name,
  };
  if (namespace === from.namespace || lookup.permitted(from.cluster, namespace, reference)) return undefined;
  const broken = lookup.brokenGrants(from.cluster, namespace);
  const message = `no ReferenceGrant in ${namespace} allows the reference to ${kind} ${namespace}/${name}${broken}`;
  return { reason: 'RefNotPermitted', message };
}
