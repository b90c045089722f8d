// Keeps what API server and agent know each other by: a certificate of an authority of its own, and a token. It is made
// once and lives in a Secret; a later install goes on with it, and renews the certificate before it ends.
import { X509Certificate, randomBytes } from 'node:crypto';
import { isRecord } from '#libs/gateway/fields/record.ts';
import { issueCertificate, makeAuthority } from './certificate.ts';

export interface AuditSecret {
  readonly caCertificate: string;
  readonly caKey: string;
  readonly certificate: string;
  readonly key: string;
  readonly token: string;
}

const dayMs = 24 * 3_600_000;
const authorityDays = 3650;
const certificateDays = 365;
const renewedBeforeDays = 60;

/** Names the Secret's data. */
const fields = {
  caCertificate: 'ca.crt',
  caKey: 'ca.key',
  certificate: 'tls.crt',
  key: 'tls.key',
  token: 'token',
} as const;

/** Goes on with what there is, as far as it holds for the name and long enough; makes the rest. */
export function renewAuditSecret(held: AuditSecret | undefined, dnsName: string, nowMs: number): AuditSecret {
  const name = `${dnsName} authority`;
  const authority =
    held !== undefined && holds(held.caCertificate, nowMs + certificateDays * dayMs)
      ? { certificate: held.caCertificate, key: held.caKey }
      : makeAuthority(name, validity(nowMs, authorityDays));
  const isKept =
    held !== undefined &&
    held.caCertificate === authority.certificate &&
    holds(held.certificate, nowMs + renewedBeforeDays * dayMs) &&
    new X509Certificate(held.certificate).checkHost(dnsName) !== undefined;
  const pair = isKept
    ? { certificate: held.certificate, key: held.key }
    : issueCertificate(
        { ...authority, name: issuerOf(authority.certificate, name) },
        [dnsName],
        validity(nowMs, certificateDays),
      );
  return {
    caCertificate: authority.certificate,
    caKey: authority.key,
    ...pair,
    // Lower-case hex: the path of a webhook takes nothing else.
    token: held?.token ?? randomBytes(32).toString('hex'),
  };
}

/** Reads the Secret as the API server gives it; undefined where something is missing. */
export function readAuditSecret(object: Readonly<Record<string, unknown>> | null): AuditSecret | undefined {
  const data = isRecord(object?.['data']) ? object['data'] : {};
  const text = (field: string): string => {
    const value = data[field];
    return typeof value === 'string' ? Buffer.from(value, 'base64').toString('utf8') : '';
  };
  const secret = {
    caCertificate: text(fields.caCertificate),
    caKey: text(fields.caKey),
    certificate: text(fields.certificate),
    key: text(fields.key),
    token: text(fields.token),
  };
  return Object.values(secret).includes('') ? undefined : secret;
}

/** Writes the Secret's data. */
export function auditSecretData(secret: AuditSecret): Readonly<Record<string, string>> {
  return {
    [fields.caCertificate]: encode(secret.caCertificate),
    [fields.caKey]: encode(secret.caKey),
    [fields.certificate]: encode(secret.certificate),
    [fields.key]: encode(secret.key),
    [fields.token]: encode(secret.token),
  };
}

function encode(text: string): string {
  return Buffer.from(text).toString('base64');
}

function holds(certificate: string, untilMs: number): boolean {
  try {
    return Date.parse(new X509Certificate(certificate).validTo) > untilMs;
  } catch {
    return false;
  }
}

/** A certificate must name its authority as that names itself. */
function issuerOf(certificate: string, otherwise: string): string {
  return /CN=(.+)/.exec(new X509Certificate(certificate).subject)?.[1] ?? otherwise;
}

/** A clock that is a little late must not refuse it. */
function validity(nowMs: number, days: number): { readonly fromMs: number; readonly untilMs: number } {
  return { fromMs: nowMs - 3_600_000, untilMs: nowMs + days * dayMs };
}
