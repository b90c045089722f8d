// Says which discovery an entry needs beside it on a node: a node is sent the items of these keys, and of no others.

/** Names the fields of listener and backend entries that name discovery keys; entries of other kinds name none. */
type Referring =
  | {
      readonly kind: 'listener';
      readonly certificates: readonly string[];
      readonly clientValidation?: { readonly authorities: readonly string[] } | undefined;
    }
  | {
      readonly kind: 'backend';
      readonly endpoints: string;
      readonly tls?: { readonly authorities: readonly string[] | 'system' } | undefined;
      readonly clientCertificate?: string | undefined;
    };

/** Gives the discovery keys that an entry names, each once. */
export function discoveryKeysOf(entry: Referring | { readonly kind: 'http-rule' | 'stream-rule' }): readonly string[] {
  if (entry.kind === 'listener')
    return [...new Set([...entry.certificates, ...(entry.clientValidation?.authorities ?? [])])];
  if (entry.kind !== 'backend') return [];
  const { endpoints, tls, clientCertificate } = entry;
  const authorities = tls === undefined || tls.authorities === 'system' ? [] : tls.authorities;
  return [...new Set([endpoints, ...authorities, ...(clientCertificate === undefined ? [] : [clientCertificate])])];
}
