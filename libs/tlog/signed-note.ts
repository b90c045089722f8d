// Signs texts and checks who signed them (C2SP signed-note, and tlog-cosignature for witnesses): a text, an empty line,
// and a line for each signature. Signatures of keys that are not known count for nothing and do no harm.
import { sign, verify } from 'node:crypto';
import type { NoteKey, NoteSigner } from './note-key.ts';

/** Is a note as it was read; nothing of it is verified. */
export interface SignedNote {
  /** Ends with a newline. */
  readonly text: string;
  readonly signatures: readonly NoteSignature[];
}

interface NoteSignature {
  readonly name: string;
  readonly id: number;
  readonly bytes: Buffer;
  /** With its newline. */
  readonly line: string;
}

/** Says which of the known keys signed a note. */
export interface NoteSigned {
  readonly key: NoteKey;
  /** When a witness saw it, in seconds since 1970; absent = the log's own signature. */
  readonly time?: number;
}

const bytesMax = 1_000_000;
const signaturesMax = 100;
const idBytes = 4;
const timeBytes = 8;

/** Signs a text, which ends with a newline; witnesses say when, in seconds since 1970. Gives the line. */
export function signNote(text: string, signer: NoteSigner, time = 0): string {
  const head = Buffer.alloc(idBytes + (signer.algorithm === 'cosignature' ? timeBytes : 0));
  head.writeUInt32BE(signer.id);
  if (signer.algorithm === 'cosignature') head.writeBigUInt64BE(BigInt(time), idBytes);
  const bytes = Buffer.concat([head, sign(null, signedBytes(signer, text, BigInt(time)), signer.privateKey)]);
  return `— ${signer.name} ${bytes.toString('base64')}\n`;
}

/** Puts a text and the lines of its signatures together. */
export function formatNote(text: string, lines: readonly string[]): string {
  return `${text}\n${lines.join('')}`;
}

/** Reads a note, or says what is wrong with it. */
export function parseNote(note: string): SignedNote | string {
  if (Buffer.byteLength(note) > bytesMax) return `it has more than ${bytesMax} bytes`;
  if (/[^\P{Cc}\n]/u.test(note)) return 'it has control characters';
  const cut = note.lastIndexOf('\n\n');
  if (cut <= 0) return 'no empty line stands between text and signatures';
  const signatures = parseSignatures(note.slice(cut + 2));
  return typeof signatures === 'string' ? signatures : { text: note.slice(0, cut + 1), signatures };
}

/** Reads lines of signatures, as a witness answers them, or says what is wrong. */
export function parseSignatures(lines: string): readonly NoteSignature[] | string {
  if (!lines.endsWith('\n')) return 'the last line of the signatures does not end';
  const list = lines.slice(0, -1).split('\n');
  if (list.length > signaturesMax) return `it has more than ${signaturesMax} signatures`;
  const signatures: NoteSignature[] = [];
  for (const line of list) {
    const [, name, coded = ''] = /^— (\S+) (\S+)$/u.exec(line) ?? [];
    const bytes = Buffer.from(coded, 'base64');
    if (name === undefined || bytes.length <= idBytes || bytes.toString('base64') !== coded)
      return `“${line.slice(0, 100)}” is no signature`;
    signatures.push({ name, id: bytes.readUInt32BE(), bytes: bytes.subarray(idBytes), line: `${line}\n` });
  }
  return signatures;
}

/** Says which keys signed the note, or, where a signature under a known key is wrong, that it is a forgery. */
export function verifyNote(note: SignedNote, keys: readonly NoteKey[]): readonly NoteSigned[] | string {
  const signed: NoteSigned[] = [];
  for (const { name, id, bytes } of note.signatures) {
    const key = keys.find((known) => known.name === name && known.id === id);
    if (key === undefined || signed.some((one) => one.key === key)) continue;
    const isWitness = key.algorithm === 'cosignature';
    if (isWitness && bytes.length <= timeBytes) return `the signature by ${name} is wrong`;
    const time = isWitness ? bytes.readBigUInt64BE() : 0n;
    const signature = isWitness ? bytes.subarray(timeBytes) : bytes;
    if (!verify(null, signedBytes(key, note.text, time), key.publicKey, signature))
      return `the signature by ${name} is wrong`;
    signed.push(isWitness ? { key, time: Number(time) } : { key });
  }
  return signed;
}

function signedBytes({ algorithm }: NoteKey, text: string, time: bigint): Buffer {
  return Buffer.from(algorithm === 'cosignature' ? `cosignature/v1\ntime ${time}\n${text}` : text);
}
