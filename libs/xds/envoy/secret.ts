// Writes TLS material as Envoy has it, and says whether Envoy would take it: one bad certificate must not hold up a
// snapshot.
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import type { ProtoMessage } from './resources.ts';

/** An opened certificate chain and key, both PEM. */
export interface TlsMaterial {
  readonly certificate: string;
  readonly key: string;
}

/** Builds the message of a secret. */
export function buildSecret(name: string, material: TlsMaterial): ProtoMessage {
  return {
    name,
    tls_certificate: {
      certificate_chain: { inline_string: material.certificate },
      private_key: { inline_string: material.key },
    },
  };
}

/** Says that Envoy asks for the secret of this name over ADS. */
export function secretConfig(name: string): ProtoMessage {
  return { name, sds_config: { ads: {}, resource_api_version: 'V3' } };
}

/** Says why Envoy would refuse it, or gives undefined. Says nothing of the key's content. */
export function tlsProblem({ certificate, key }: TlsMaterial): string | undefined {
  const blocks = certificate.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  if (blocks.length === 0) return 'holds no certificate';
  const chain = blocks.map(parseCertificate);
  const leaf = chain[0];
  if (leaf === undefined || chain.includes(undefined)) return 'holds a certificate that cannot be read';
  const privateKey = parseKey(key);
  if (privateKey === undefined) return 'holds a private key that cannot be read';
  if (!leaf.checkPrivateKey(privateKey)) return 'holds a private key that is not the certificate’s';
  return keyProblem(privateKey);
}

/** Says what BoringSSL in Envoy takes. */
function keyProblem(key: KeyObject): string | undefined {
  const { modulusLength, namedCurve } = key.asymmetricKeyDetails ?? {};
  const type = key.asymmetricKeyType;
  if (type === 'rsa' && (modulusLength ?? 0) < 2048) return 'has an RSA key of less than 2048 bits';
  if (type === 'ec' && !curves.has(namedCurve ?? '')) return 'has a key on a curve other than P-256, P-384 and P-521';
  return type !== undefined && keyTypes.has(type) ? undefined : 'has a key of a kind that Envoy does not take';
}

const keyTypes: ReadonlySet<string> = new Set(['rsa', 'ec', 'ed25519']);
const curves: ReadonlySet<string> = new Set(['prime256v1', 'secp384r1', 'secp521r1']);

function parseCertificate(pem: string): X509Certificate | undefined {
  try {
    return new X509Certificate(pem);
  } catch {
    return undefined;
  }
}

function parseKey(pem: string): KeyObject | undefined {
  try {
    return createPrivateKey(pem);
  } catch {
    return undefined;
  }
}
