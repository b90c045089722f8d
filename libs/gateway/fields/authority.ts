// Reads CA certificates out of a ConfigMap or a Secret: PEM that Envoy takes, or why there is none.
import { X509Certificate } from 'node:crypto';
import type { KubeObject } from '#libs/gateway/object.ts';
import { isRecord } from './record.ts';

export type Authority =
  /** One certificate after the other, each parsed and written anew. */
  { readonly pem: string } | { readonly problem: string };

const certificatesMax = 1000;
const begin = '-----BEGIN CERTIFICATE-----';
const end = '-----END CERTIFICATE-----';

/** Reads the authority of a ConfigMap (`ca.crt`) or of a Secret's summary. */
export function parseAuthority(object: KubeObject): Authority {
  // The agent says here what it left out of the history.
  const problem = typeof object['problem'] === 'string' ? object['problem'] : undefined;
  const source = object.kind === 'Secret' ? object['summary'] : object['data'];
  const text = isRecord(source) ? source[object.kind === 'Secret' ? 'caCertificates' : 'ca.crt'] : undefined;
  if (typeof text !== 'string' || text === '') return { problem: problem ?? 'has no ca.crt with certificates' };
  return parseBundle(text);
}

function parseBundle(text: string): Authority {
  const blocks = certificateBlocks(text);
  if (blocks.length === 0) return { problem: 'ca.crt holds no certificate in PEM' };
  if (blocks.length > certificatesMax) return { problem: `ca.crt holds more than ${certificatesMax} certificates` };
  try {
    return { pem: blocks.map((block) => new X509Certificate(block).toString()).join('') };
  } catch {
    return { problem: 'ca.crt holds a certificate that cannot be read' };
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
