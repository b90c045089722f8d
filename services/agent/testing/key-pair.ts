// Makes self-signed certificates for tests, by the openssl command.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { X509Certificate } from 'node:crypto';

interface KeyPair {
  /** PEM, as Node writes it. */
  readonly certificate: string;
  readonly key: string;
}

/** Makes a new pair for one DNS name; `algorithm` as openssl names it. */
export function keyPair(
  dnsName: string,
  algorithm: readonly string[] = ['ec', '-pkeyopt', 'ec_paramgen_curve:P-256'],
): KeyPair {
  const folder = mkdtempSync(join(tmpdir(), 'fg-key-'));
  const [key, certificate] = [join(folder, 'key'), join(folder, 'crt')];
  try {
    const subject = ['-subj', `/CN=${dnsName}`, '-addext', `subjectAltName=DNS:${dnsName}`, '-days', '2'];
    const files = ['-keyout', key, '-out', certificate];
    execFileSync('openssl', ['req', '-x509', '-nodes', '-newkey', ...algorithm, ...subject, ...files], {
      stdio: 'ignore',
    });
    return { certificate: new X509Certificate(readFileSync(certificate)).toString(), key: readFileSync(key, 'utf8') };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
