// Reads a Secret's TLS material: what the history may know of it, and the part that is to be sealed. No byte of a key
// gets into a summary, an error or a log line.
import { X509Certificate, createHash, createPrivateKey, type KeyObject } from 'node:crypto';
import type { SecretSummary } from '#libs/events/change-event.ts';
import { isRecord } from '#libs/gateway/fields/record.ts';
import type { KubeObject } from '#libs/gateway/object.ts';

const chainLengthMax = 20;
const bundleLengthMax = 1000;

/** What is sealed to the fleet's node key: PEM chain, leaf first, and the key as PKCS #8 PEM. */
interface TlsMaterial {
  readonly certificate: string;
  readonly key: string;
}

interface TlsSecret {
  readonly summary: SecretSummary;
  readonly material: TlsMaterial | null;
}

/** Envoy serves certificates with RSA keys from this length on, and with ECDSA keys on these curves. */
const rsaBitsMin = 2048;
const servedCurves: ReadonlySet<string> = new Set(['prime256v1', 'secp384r1', 'secp521r1']);

/** Reads the summary of a Secret and its material; unusable material becomes a `problem`. */
export function readTlsSecret(secret: KubeObject): TlsSecret {
  const data = isRecord(secret['data']) ? secret['data'] : {};
  const type = typeof secret['type'] === 'string' ? secret['type'] : 'Opaque';
  const bundle = readBundle(data['ca.crt']);
  const base = bundle === null ? { type } : { type, caCertificates: bundle };
  const certificate = decode(data['tls.crt']);
  const key = decode(data['tls.key']);
  if (certificate === null && key === null) {
    if (bundle !== null) return { summary: base, material: null };
    return { summary: { ...base, problem: 'it holds neither tls.crt and tls.key nor ca.crt' }, material: null };
  }
  const read = readPair(certificate, key);
  if (typeof read === 'string') return { summary: { ...base, problem: read }, material: null };
  return { summary: { ...base, certificate: read.certificate }, material: read.material };
}

function readPair(
  chainPem: string | null,
  keyPem: string | null,
): string | { readonly certificate: NonNullable<SecretSummary['certificate']>; readonly material: TlsMaterial } {
  if (chainPem === null) return 'tls.crt is missing or not base64';
  if (keyPem === null) return 'tls.key is missing or not base64';
  const chain = parseCertificates(chainPem, chainLengthMax);
  const leaf = chain?.[0];
  if (chain === null || leaf === undefined) return 'tls.crt does not hold PEM certificates';
  const key = parseKey(keyPem);
  if (key === null) return 'tls.key is not an unencrypted private key in PEM';
  const unserved = unservedKey(key);
  if (unserved !== undefined) return unserved;
  if (!leaf.checkPrivateKey(key)) return 'tls.key does not belong to the first certificate of tls.crt';
  const certificate = chain.map((link) => link.toString()).join('');
  return {
    certificate: {
      fingerprint: fingerprintOf(chain, leaf),
      dnsNames: dnsNamesOf(leaf),
      notAfter: new Date(leaf.validTo).toISOString(),
    },
    material: { certificate, key: key.export({ type: 'pkcs8', format: 'pem' }) },
  };
}

function unservedKey({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): string | undefined {
  const { modulusLength = 0, namedCurve = '' } = asymmetricKeyDetails ?? {};
  if (asymmetricKeyType === 'rsa')
    return modulusLength < rsaBitsMin ? `tls.key is an RSA key of less than ${rsaBitsMin} bits` : undefined;
  if (asymmetricKeyType !== 'ec') return 'tls.key is neither an RSA nor an ECDSA key';
  return servedCurves.has(namedCurve) ? undefined : 'tls.key is on a curve other than P-256, P-384 and P-521';
}

// The key is the one that belongs to the leaf's public key, so that a digest over the public parts changes when either
// changes.
function fingerprintOf(chain: readonly X509Certificate[], leaf: X509Certificate): string {
  const digest = createHash('sha256');
  for (const link of chain) digest.update(link.raw);
  digest.update(leaf.publicKey.export({ type: 'spki', format: 'der' }));
  return digest.digest('hex');
}

function dnsNamesOf(leaf: X509Certificate): readonly string[] {
  const names = (leaf.subjectAltName ?? '').split(', ').filter((name) => name.startsWith('DNS:'));
  return names.map((name) => name.slice('DNS:'.length).toLowerCase());
}

function parseCertificates(text: string, max: number): readonly X509Certificate[] | null {
  const blocks = certificateBlocks(text);
  if (blocks.length > max) return null;
  try {
    return blocks.map((block) => new X509Certificate(block));
  } catch {
    return null;
  }
}

function parseKey(text: string): KeyObject | null {
  try {
    return createPrivateKey(text);
  } catch {
    return null;
  }
}

function readBundle(value: unknown): string | null {
  const text = decode(value);
  const chain = text === null ? null : parseCertificates(text, bundleLengthMax);
  return chain === null || chain.length === 0 ? null : chain.map((link) => link.toString()).join('');
}

function certificateBlocks(text: string): readonly string[] {
  const begin = '-----BEGIN CERTIFICATE-----';
  const end = '-----END CERTIFICATE-----';
  const blocks: string[] = [];
  for (let from = text.indexOf(begin); from !== -1; from = text.indexOf(begin, from)) {
    const to = text.indexOf(end, from);
    if (to === -1) break;
    blocks.push(text.slice(from, to + end.length));
    from = to + end.length;
  }
  return blocks;
}

function decode(value: unknown): string | null {
  if (typeof value !== 'string' || value === '') return null;
  const bytes = Buffer.from(value, 'base64');
  return bytes.length === 0 ? null : bytes.toString('utf8');
}
