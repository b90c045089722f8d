// Makes X.509 certificates (RFC 5280) of an authority of one's own, on P-256, with nothing but node:crypto.
import { type KeyObject, createPrivateKey, generateKeyPairSync, randomBytes, sign } from 'node:crypto';

interface Pair {
  /** PEM. */
  readonly certificate: string;
  readonly key: string;
}

interface Validity {
  readonly fromMs: number;
  readonly untilMs: number;
}

/** Makes an authority that may sign certificates of servers. */
export function makeAuthority(name: string, validity: Validity): Pair {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const extensions = [
    extension(oids.basicConstraints, sequence(boolean(true)), 'critical'),
    // keyCertSign
    extension(oids.keyUsage, bits([0x04], 2), 'critical'),
  ];
  const subject = commonName(name);
  const names = { issuer: subject, subject };
  return toPair(signed({ ...names, validity, publicKey, extensions, signer: privateKey }), privateKey);
}

/** Makes the certificate of a server with these names. */
export function issueCertificate(
  authority: Pair & { readonly name: string },
  dnsNames: readonly string[],
  validity: Validity,
): Pair {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const names = dnsNames.map((name) => tlv(0x82, Buffer.from(name, 'ascii')));
  const extensions = [
    extension(oids.basicConstraints, sequence(), 'critical'),
    // digitalSignature
    extension(oids.keyUsage, bits([0x80], 7), 'critical'),
    extension(oids.extendedKeyUsage, sequence(oid(oids.serverAuth)), 'plain'),
    extension(oids.subjectAltName, sequence(...names), 'plain'),
  ];
  const certificate = signed({
    issuer: commonName(authority.name),
    subject: commonName(dnsNames[0] ?? ''),
    validity,
    publicKey,
    extensions,
    signer: createPrivateKey(authority.key),
  });
  return toPair(certificate, privateKey);
}

const oids = {
  ecdsaWithSha256: [1, 2, 840, 10_045, 4, 3, 2],
  commonName: [2, 5, 4, 3],
  basicConstraints: [2, 5, 29, 19],
  keyUsage: [2, 5, 29, 15],
  extendedKeyUsage: [2, 5, 29, 37],
  subjectAltName: [2, 5, 29, 17],
  serverAuth: [1, 3, 6, 1, 5, 5, 7, 3, 1],
} as const;

function signed(content: {
  readonly issuer: Buffer;
  readonly subject: Buffer;
  readonly validity: Validity;
  readonly publicKey: KeyObject;
  readonly extensions: readonly Buffer[];
  readonly signer: KeyObject;
}): Buffer {
  const { issuer, subject, validity, publicKey, extensions, signer } = content;
  const algorithm = sequence(oid(oids.ecdsaWithSha256));
  // Positive, and 127 bits of chance.
  const serial = randomBytes(16);
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40;
  const body = sequence(
    tlv(0xa0, tlv(0x02, Buffer.from([2]))),
    tlv(0x02, serial),
    algorithm,
    issuer,
    sequence(time(validity.fromMs), time(validity.untilMs)),
    subject,
    publicKey.export({ type: 'spki', format: 'der' }),
    tlv(0xa3, sequence(...extensions)),
  );
  return sequence(body, algorithm, tlv(0x03, Buffer.concat([Buffer.from([0]), sign('sha256', body, signer)])));
}

function toPair(certificate: Buffer, key: KeyObject): Pair {
  const lines = certificate.toString('base64').match(/.{1,64}/g) ?? [];
  return {
    certificate: `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`,
    key: key.export({ type: 'pkcs8', format: 'pem' }),
  };
}

function commonName(name: string): Buffer {
  return sequence(tlv(0x31, sequence(oid(oids.commonName), tlv(0x0c, Buffer.from(name)))));
}

function extension(id: readonly number[], value: Buffer, weight: 'critical' | 'plain'): Buffer {
  return sequence(oid(id), ...(weight === 'critical' ? [boolean(true)] : []), tlv(0x04, value));
}

/** RFC 5280 writes years before 2050 with two digits. */
function time(ms: number): Buffer {
  const text = new Date(ms).toISOString().replace(/[-:T]|\.\d+/g, '');
  return Number(text.slice(0, 4)) < 2050 ? tlv(0x17, Buffer.from(text.slice(2))) : tlv(0x18, Buffer.from(text));
}

function bits(bytes: readonly number[], unused: number): Buffer {
  return tlv(0x03, Buffer.from([unused, ...bytes]));
}

function boolean(value: boolean): Buffer {
  return tlv(0x01, Buffer.from([value ? 0xff : 0]));
}

function oid([first = 0, second = 0, ...rest]: readonly number[]): Buffer {
  const bytes = rest.flatMap((part) => {
    const groups = [part & 0x7f];
    for (let left = part >> 7; left > 0; left >>= 7) groups.unshift((left & 0x7f) | 0x80);
    return groups;
  });
  return tlv(0x06, Buffer.from([first * 40 + second, ...bytes]));
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return tlv(0x30, Buffer.concat(parts));
}

/** Writes tag, length and value (X.690, DER). */
function tlv(tag: number, value: Buffer): Buffer {
  if (value.length < 0x80) return Buffer.concat([Buffer.from([tag, value.length]), value]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(value.length);
  const bytes = length.subarray(length.findIndex((byte) => byte !== 0));
  return Buffer.concat([Buffer.from([tag, 0x80 | bytes.length]), bytes, value]);
}
