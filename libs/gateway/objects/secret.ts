// Reads a Secret as the history holds it, which is a summary instead of data, and says only whether it is good for a
// listener.
import { openBody } from '#libs/gateway/fields/cursor.ts';
import type { KubeObject } from '#libs/gateway/object.ts';

export type CertificateSecret =
  /** Of certificate chain and key together. */
  | { readonly fingerprint: string }
  /** Why it holds no usable certificate and key. */
  | { readonly problem: string };

/** Reads the summary of a Secret. */
export function parseCertificateSecret(object: KubeObject): CertificateSecret {
  const { at } = openBody(object, 'summary');
  const fingerprint = at.field('certificate').field('fingerprint').text({ min: 1 });
  if (fingerprint !== undefined) return { fingerprint };
  return { problem: at.field('problem').text() ?? 'holds no certificate and key' };
}
