// Reads CA certificates out of a ConfigMap, a Secret or a ClusterTrustBundle, and references to these: PEM that Envoy
// takes, or why there is none.
import { X509Certificate } from 'node:crypto';
import { certificatesGroup } from '#libs/gateway/kinds.ts';
import type { KubeObject } from '#libs/gateway/object.ts';
import type { Cursor } from './cursor.ts';
import { type ObjectRef, parseObjectRef } from './object-ref.ts';
import { isRecord } from './record.ts';

export type Authority =
  /** One certificate after the other, each parsed and written anew. */
  { readonly pem: string } | { readonly problem: string };

/** The kinds that hold CA certificates, as the table of kinds calls them. */
export const authorityKinds = ['ConfigMap', 'Secret', 'ClusterTrustBundle'] as const;

export type AuthorityKind = (typeof authorityKinds)[number];

/** Where an object has its certificates, as people call it, and what they must be. */
interface BundleField {
  readonly field: string;
  readonly text: unknown;
  /** authorities: the API takes no other certificates (GEP-5075); any: nothing is said of them. */
  readonly holds: 'any' | 'authorities';
}

const certificatesMax = 1000;
const begin = '-----BEGIN CERTIFICATE-----';
const end = '-----END CERTIFICATE-----';

/** Tells which of the kinds that hold CA certificates a reference names; undefined = another kind. */
export function authorityKind({ group, kind }: Pick<ObjectRef, 'group' | 'kind'>): AuthorityKind | undefined {
  const groupOf = (one: AuthorityKind): string => (one === 'ClusterTrustBundle' ? certificatesGroup : '');
  return authorityKinds.find((one) => one === kind && groupOf(one) === group);
}

/** Parses a reference to CA certificates; one to a ClusterTrustBundle has the namespace '' unless it gives another. */
export function parseAuthorityRef(at: Cursor, ownNamespace: string): ObjectRef | undefined {
  const ref = parseObjectRef(at, ownNamespace);
  if (ref === undefined || authorityKind(ref) !== 'ClusterTrustBundle' || at.field('namespace').present) return ref;
  return { ...ref, namespace: '' };
}

/** Reads the authority of a ConfigMap (`ca.crt`), of a Secret's summary, or of a ClusterTrustBundle. */
export function parseAuthority(object: KubeObject): Authority {
  const { field, text, holds } = bundleField(object);
  // The agent says here what it left out of the history.
  const problem = typeof object['problem'] === 'string' ? object['problem'] : undefined;
  if (typeof text !== 'string' || text === '') return { problem: problem ?? `has no ${field} with certificates` };
  const blocks = certificateBlocks(text);
  if (blocks.length === 0) return { problem: `${field} holds no certificate in PEM` };
  if (blocks.length > certificatesMax) return { problem: `${field} holds more than ${certificatesMax} certificates` };
  try {
    const certificates = blocks.map((block) => new X509Certificate(block));
    if (holds === 'authorities' && !certificates.every(({ ca }) => ca))
      return { problem: `${field} holds a certificate that is none of an authority` };
    return { pem: certificates.map((certificate) => certificate.toString()).join('') };
  } catch {
    return { problem: `${field} holds a certificate that cannot be read` };
  }
}

function bundleField(object: KubeObject): BundleField {
  const { data, summary, spec } = object;
  switch (object.kind) {
    case 'Secret':
      return { field: 'ca.crt', text: isRecord(summary) ? summary['caCertificates'] : undefined, holds: 'any' };
    case 'ClusterTrustBundle': {
      const text = isRecord(spec) ? spec['trustBundle'] : undefined;
      return { field: 'spec.trustBundle', text, holds: 'authorities' };
    }
    default:
      return { field: 'ca.crt', text: isRecord(data) ? data['ca.crt'] : undefined, holds: 'any' };
  }
}

function certificateBlocks(text: string): readonly string[] {
  const blocks: string[] = [];
  for (let from = text.indexOf(begin); from !== -1 && blocks.length <= certificatesMax;) {
    const to = text.indexOf(end, from);
    if (to === -1) return [...blocks, text.slice(from)];
    blocks.push(text.slice(from, to + end.length));
    from = text.indexOf(begin, to);
  }
  return blocks;
}
