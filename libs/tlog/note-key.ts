// Reads, writes and makes the keys of signed notes (C2SP signed-note): Ed25519 of a log, and of witnesses that cosign
// (C2SP tlog-cosignature). Other algorithms are not known here.
import { type KeyObject, createPrivateKey, createPublicKey, generateKeyPairSync, hash } from 'node:crypto';

/** Which bytes a key signs: the text itself, or the text after a line that says when. */
type NoteAlgorithm = 'ed25519' | 'cosignature';

/** Is the public half of a key. */
export interface NoteKey {
  readonly name: string;
  /** First 32 bits of the SHA-256 over name, algorithm and public key. */
  readonly id: number;
  readonly algorithm: NoteAlgorithm;
  readonly publicKey: KeyObject;
}

/** Is a whole key. */
export interface NoteSigner extends NoteKey {
  readonly privateKey: KeyObject;
}

const algorithmBytes: Readonly<Record<NoteAlgorithm, number>> = { ed25519: 1, cosignature: 4 };
const keyBytes = 32;
const pkcs8Head = Buffer.from('302e020100300506032b657004220420', 'hex');
const spkiHead = Buffer.from('302a300506032b6570032100', 'hex');
const nameFault = 'the name of a key is not empty and has neither white space nor a plus';

/** Makes a new key of a log under that name, or says what is wrong with the name. */
export function generateNoteSigner(name: string): NoteSigner | string {
  if (!isKeyName(name)) return nameFault;
  return toSigner(name, 'ed25519', generateKeyPairSync('ed25519').privateKey);
}

/** Writes the public half: `name+id+base64`, as tools for transparency logs read it (vkey). */
export function formatVerifierKey(key: NoteKey): string {
  return `${key.name}+${formatId(key.id)}+${encodeKey(key.algorithm, rawPublicKey(key.publicKey))}`;
}

/** Writes the whole key: `PRIVATE+KEY+name+id+base64`, as golang.org/x/mod/sumdb/note does. */
export function formatSignerKey(key: NoteSigner): string {
  const seed = key.privateKey.export({ format: 'der', type: 'pkcs8' }).subarray(pkcs8Head.length);
  return `PRIVATE+KEY+${key.name}+${formatId(key.id)}+${encodeKey(key.algorithm, seed)}`;
}

/** Reads a public half, or says what is wrong with it. */
export function parseVerifierKey(text: string): NoteKey | string {
  const parts = splitKey(text);
  if (typeof parts === 'string') return parts;
  const { name, id, algorithm, bytes } = parts;
  const publicKey = createPublicKey({ key: Buffer.concat([spkiHead, bytes]), format: 'der', type: 'spki' });
  const key = toKey(name, algorithm, publicKey);
  return key.id === id ? key : 'the id is not that of the name and the key';
}

/** Reads a whole key, or says what is wrong with it; never with a part of the key. */
export function parseSignerKey(text: string): NoteSigner | string {
  const prefix = 'PRIVATE+KEY+';
  if (!text.startsWith(prefix)) return `it does not begin with ${prefix}`;
  const parts = splitKey(text.slice(prefix.length));
  if (typeof parts === 'string') return parts;
  const { name, id, algorithm, bytes } = parts;
  const privateKey = createPrivateKey({ key: Buffer.concat([pkcs8Head, bytes]), format: 'der', type: 'pkcs8' });
  const signer = toSigner(name, algorithm, privateKey);
  return signer.id === id ? signer : 'the id is not that of the name and the key';
}

/** Tells whether a key, and so the log that it signs for, may have that name. */
function isKeyName(name: string): boolean {
  return name !== '' && !/[\s+\p{Cc}]/u.test(name) && name.isWellFormed();
}

function splitKey(
  text: string,
): { readonly name: string; readonly id: number; readonly algorithm: NoteAlgorithm; readonly bytes: Buffer } | string {
  const [name = '', id = '', ...rest] = text.split('+');
  // Base64 may have a plus of its own.
  const coded = Buffer.from(rest.join('+'), 'base64');
  if (!isKeyName(name)) return nameFault;
  if (!/^[0-9a-f]{8}$/i.test(id)) return 'after the name comes an id of eight hexadecimal digits';
  const algorithm = coded[0] === 1 ? 'ed25519' : coded[0] === 4 ? 'cosignature' : undefined;
  if (algorithm === undefined) return 'the algorithm is not known: Ed25519 is, of a log (1) or a witness (4)';
  if (coded.length !== 1 + keyBytes || coded.toString('base64') !== rest.join('+'))
    return `the key is not ${keyBytes} bytes of base64`;
  return { name, id: Number.parseInt(id, 16), algorithm, bytes: coded.subarray(1) };
}

function toSigner(name: string, algorithm: NoteAlgorithm, privateKey: KeyObject): NoteSigner {
  return { ...toKey(name, algorithm, createPublicKey(privateKey)), privateKey };
}

function toKey(name: string, algorithm: NoteAlgorithm, publicKey: KeyObject): NoteKey {
  const head = Buffer.from(`${name}\n`);
  const bytes = Buffer.concat([head, Buffer.of(algorithmBytes[algorithm]), rawPublicKey(publicKey)]);
  return { name, id: hash('sha256', bytes, 'buffer').readUInt32BE(), algorithm, publicKey };
}

function rawPublicKey(key: KeyObject): Buffer {
  return key.export({ format: 'der', type: 'spki' }).subarray(spkiHead.length);
}

function encodeKey(algorithm: NoteAlgorithm, bytes: Uint8Array): string {
  return Buffer.concat([Buffer.of(algorithmBytes[algorithm]), bytes]).toString('base64');
}

function formatId(id: number): string {
  return id.toString(16).padStart(8, '0');
}
