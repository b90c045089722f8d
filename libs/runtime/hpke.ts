// Seals TLS key material to the fleet's node key, and opens it: HPKE base mode (RFC 9180), DHKEM(X25519, HKDF-SHA256),
// HKDF-SHA256, AES-256-GCM. Only nodes hold the private half. The additional data binds a sealed text to its Secret.
import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto';
import { Aes256Gcm, CipherSuite, DhkemX25519HkdfSha256, HkdfSha256 } from '@hpke/core';
import type { SealedMaterial, SealedText } from '#libs/events/change-event.ts';
import { fail } from './errors.ts';

/** Raw X25519 keys of 32 bytes each, base64. */
export interface NodeKey {
  readonly privateKey: string;
  readonly publicKey: string;
}

const suite = new CipherSuite({
  kem: new DhkemX25519HkdfSha256(),
  kdf: new HkdfSha256(),
  aead: new Aes256Gcm(),
});
const info = new TextEncoder().encode('fleetgate/1').buffer;
const keyLength = 32;
// PKCS #8 of X25519 is this prefix and the 32 raw bytes (RFC 8410).
const pkcs8Prefix = Buffer.from('302e020100300506032b656e04220420', 'hex');

/** Makes a new key pair for the nodes of a fleet. */
export function generateNodeKey(): NodeKey {
  const { privateKey } = generateKeyPairSync('x25519');
  const raw = privateKey.export({ format: 'der', type: 'pkcs8' }).subarray(-keyLength).toString('base64');
  return { privateKey: raw, publicKey: publicKeyOf(raw) };
}

/** Gives the public half of a private key. Throws FleetgateError 'sealed-key' for what is no key. */
export function publicKeyOf(privateKey: string): string {
  const key = createPrivateKey({
    key: Buffer.concat([pkcs8Prefix, rawKey(privateKey)]),
    format: 'der',
    type: 'pkcs8',
  });
  return createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(-keyLength).toString('base64');
}

/** Gives the first 16 hex digits of the SHA-256 of the raw public key. */
export function keyIdOf(publicKey: string): string {
  return createHash('sha256').update(rawKey(publicKey)).digest('hex').slice(0, 16);
}

/** Seals to a public key; `aad` = `cluster/namespace/name` of the Secret. */
export async function seal(publicKey: string, plaintext: Uint8Array, aad: string): Promise<SealedText> {
  const recipientPublicKey = await suite.kem.deserializePublicKey(bytes(rawKey(publicKey)));
  const sealed = await suite.seal({ recipientPublicKey, info }, bytes(plaintext), bytes(Buffer.from(aad)));
  return {
    keyId: keyIdOf(publicKey),
    enc: Buffer.from(sealed.enc).toString('base64'),
    ciphertext: Buffer.from(sealed.ct).toString('base64'),
  };
}

/** Opens with a key that it was sealed to, one of which must be among the given. Throws FleetgateError 'sealed-key'. */
export async function open(
  privateKeys: readonly string[],
  sealed: SealedMaterial,
  aad: string,
): Promise<Uint8Array<ArrayBuffer>> {
  const texts = [sealed, ...(sealed.others ?? [])];
  const byKeyId = new Map(privateKeys.map((key) => [keyIdOf(publicKeyOf(key)), key]));
  const text = texts.find(({ keyId }) => byKeyId.has(keyId));
  const privateKey = byKeyId.get(text?.keyId ?? '');
  if (text === undefined || privateKey === undefined) {
    const keyIds = texts.map(({ keyId }) => keyId).join(', ');
    throw fail('sealed-key', `${aad} is sealed to the key ${keyIds}, which is not here`);
  }
  try {
    const recipientKey = await suite.kem.deserializePrivateKey(bytes(rawKey(privateKey)));
    const enc = bytes(Buffer.from(text.enc, 'base64'));
    const ciphertext = bytes(Buffer.from(text.ciphertext, 'base64'));
    return new Uint8Array(await suite.open({ recipientKey, enc, info }, ciphertext, bytes(Buffer.from(aad))));
  } catch {
    // The library's reason says nothing that the code does not, and must not carry key bytes into a log.
    throw fail('sealed-key', `${aad} was altered, or sealed for another Secret`);
  }
}

function rawKey(base64: string): Buffer {
  const raw = Buffer.from(base64, 'base64');
  if (raw.length !== keyLength) throw fail('sealed-key', `a key must be ${keyLength} bytes in base64`);
  return raw;
}

function bytes(data: Uint8Array): ArrayBuffer {
  return new Uint8Array(data).buffer;
}
