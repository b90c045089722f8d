// The keys of one cluster: a CA, the API server's certificate, and the key that signs ServiceAccount tokens.
import { writeFileSync } from 'node:fs';
import { sh } from './processes.ts';

const ec = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

export function makeCertificates(dir: string, addresses: readonly string[]): void {
  const validity = ['-days', '30'];
  sh(
    'openssl',
    'req',
    '-x509',
    ...ec,
    '-keyout',
    `${dir}/ca.key`,
    '-out',
    `${dir}/ca.crt`,
    '-subj',
    '/CN=lab-ca',
    ...validity,
  );
  sh('openssl', 'req', ...ec, '-keyout', `${dir}/api.key`, '-out', `${dir}/api.csr`, '-subj', '/CN=kube-apiserver');
  const names = [...addresses.map((address) => `IP:${address}`), 'DNS:kubernetes.default.svc'];
  writeFileSync(`${dir}/san`, `subjectAltName=${names.join(',')}`);
  const signed = ['-CA', `${dir}/ca.crt`, '-CAkey', `${dir}/ca.key`, '-CAcreateserial', '-extfile', `${dir}/san`];
  sh('openssl', 'x509', '-req', '-in', `${dir}/api.csr`, '-out', `${dir}/api.crt`, ...signed, ...validity);
  sh('openssl', 'genrsa', '-out', `${dir}/sa.key`, '2048');
}
