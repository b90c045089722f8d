// Writes CA certificates as Envoy has them, and says whether it would take them. Several authorities that are trusted
// together are one secret: it holds those of them that are usable, so that one bad authority costs its own clients
// only.
import { X509Certificate } from 'node:crypto';
import type { ProtoMessage } from './resources.ts';
import { isAuthorityKey } from '#libs/snapshot/discovery-key.ts';

const certificatePattern = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;
const certificatesMax = 1000;
/** Cannot be in a discovery key. */
const separator = ',';

/**
 * Gives the name of the secret that trusts these authorities (discovery keys `ca/…`, at least one), in whatever order
 * they are.
 */
export function authoritiesName(keys: readonly string[]): string {
  return [...new Set(keys)].toSorted().join(separator);
}

/** Gives the discovery keys behind the name of a secret of authorities. */
export function authoritiesOf(name: string): readonly string[] {
  return name.split(separator);
}

/** Tells whether a secret's name is one of authorities. */
export function isAuthoritiesName(name: string): boolean {
  return isAuthorityKey(name);
}

/**
 * Builds the message of a secret that trusts the certificates of all bundles, each PEM. Private keys and comments are
 * left out.
 */
export function buildAuthorities(name: string, bundles: readonly string[]): ProtoMessage {
  const certificates = new Set(bundles.flatMap(certificatesIn));
  return { name, validation_context: { trusted_ca: { inline_string: `${[...certificates].join('\n')}\n` } } };
}

/** Says why Envoy would refuse a bundle, or gives undefined. */
export function authorityProblem(bundle: string): string | undefined {
  const certificates = certificatesIn(bundle);
  if (certificates.length === 0) return 'holds no certificate';
  if (certificates.length > certificatesMax) return `holds more than ${certificatesMax} certificates`;
  return certificates.every(isReadable) ? undefined : 'holds a certificate that cannot be read';
}

function certificatesIn(bundle: string): readonly string[] {
  return bundle.match(certificatePattern) ?? [];
}

function isReadable(pem: string): boolean {
  try {
    // Reading is lazy in parts: the key is asked for as well.
    return new X509Certificate(pem).publicKey.asymmetricKeyType !== undefined;
  } catch {
    return false;
  }
}
