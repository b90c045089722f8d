// Resolves references to CA certificates, of BackendTLSPolicies and of Gateways. A ClusterTrustBundle needs no grant:
// it is of no namespace, and everybody in its cluster may read it (GEP-5075).
import { authorityKind, authorityKinds, type Authority } from '#libs/gateway/fields/authority.ts';
import { kindText, type ObjectRef } from '#libs/gateway/fields/object-ref.ts';
import { toAuthorityKey } from '#libs/snapshot/discovery-key.ts';
import { type Fault, listFacts } from './conditions.ts';

/** What a look-up of CA certificates found; unserved = the cluster has no such API; undefined = no such object. */
export type AuthorityFound = Authority | 'unserved' | undefined;

/** Says what a look-up of a reference gave: a discovery key, or why there is none. */
export type KeyChoice = { readonly key: string } | { readonly fault: Fault };

/** Gives access to what resolving reads. */
export interface AuthorityLookup {
  readonly authority: (cluster: string, kind: string, namespace: string, name: string) => AuthorityFound;
  /** Why the reference is not permitted; undefined = it is. Asked for objects with a namespace only. */
  readonly refusal: (ref: ObjectRef) => Fault | undefined;
  /** Reason for a kind that holds no CA certificates. */
  readonly strangeKind: 'InvalidKind' | 'InvalidCACertificateKind';
}

const reason = 'InvalidCACertificateRef';

/** Resolves one reference in the order of the specification: kind, permission, existence. */
export function resolveAuthority(ref: ObjectRef, cluster: string, lookup: AuthorityLookup): KeyChoice {
  const { namespace, name } = ref;
  const kind = authorityKind(ref);
  if (kind === undefined) {
    const kinds = listFacts(authorityKinds);
    const message = `${kindText(ref)} ${name} is not of a kind that can hold CA certificates (${kinds})`;
    return { fault: { reason: lookup.strangeKind, message } };
  }
  if (kind === 'ClusterTrustBundle' && namespace !== '')
    return { fault: { reason, message: `${kind} ${name} has no namespace, and the reference to it must have none` } };
  const refused = kind === 'ClusterTrustBundle' ? undefined : lookup.refusal(ref);
  if (refused !== undefined) return { fault: refused };
  const found = lookup.authority(cluster, kind, namespace, name);
  const what = namespace === '' ? `${kind} ${name}` : `${kind} ${namespace}/${name}`;
  if (found === 'unserved') return { fault: { reason: 'InvalidKind', message: `${what}: ${unserved}` } };
  if (found === undefined) {
    const why = kind === 'ClusterTrustBundle' ? 'does not exist, or may not be read' : 'does not exist';
    return { fault: { reason, message: `${what} ${why}` } };
  }
  if ('problem' in found) return { fault: { reason, message: `${what} ${found.problem}` } };
  return { key: toAuthorityKey({ cluster, kind, namespace, name }) };
}

const unserved =
  'the cluster does not serve this kind; Kubernetes does from 1.37 on, and before that with the feature gate ' +
  'ClusterTrustBundle and the API certificates.k8s.io/v1beta1 switched on';
