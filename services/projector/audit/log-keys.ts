// Reads and makes the keys that sign the log of the history. The private half lies in a file of its own (0600), never
// in the database.
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { fail, messageOf } from '#libs/runtime/errors.ts';
import {
  type NoteKey,
  type NoteSigner,
  formatSignerKey,
  generateNoteSigner,
  parseSignerKey,
  parseVerifierKey,
} from '#libs/tlog/note-key.ts';

/** Makes a key for the log of that name and writes it to a new file. Throws FleetgateError 'config' or 'file'. */
export function generateLogKey(name: string, file: string): NoteSigner {
  const signer = generateNoteSigner(name);
  if (typeof signer === 'string') throw fail('config', `--name ${name}: ${signer}`);
  if (existsSync(file))
    throw fail('file', `${file} exists already`, { hint: 'Choose a new name; no key is overwritten.' });
  try {
    writeFileSync(file, `${formatSignerKey(signer)}\n`, { mode: 0o600, flag: 'wx' });
  } catch (error) {
    throw fail('file', `${file} (${messageOf(error)})`, { cause: error });
  }
  return signer;
}

/** Reads a private key; a file that others may read is refused. Throws FleetgateError 'file'. */
export function readLogKey(file: string): NoteSigner {
  const { mode, text } = readKeyFile(file);
  if ((mode & 0o077) !== 0)
    throw fail('file', `${file} holds a private key and is open to others`, { hint: `chmod 600 ${file}` });
  const signer = parseSignerKey(text.trim());
  if (typeof signer === 'string') throw fail('file', `${file} holds no private key of a log: ${signer}`);
  return signer;
}

/** Reads public keys: each text is one, or names a file that has one on each line. Throws FleetgateError 'config'. */
export function readVerifierKeys(texts: readonly string[]): readonly NoteKey[] {
  const lines = texts.flatMap((text) =>
    existsSync(text)
      ? readKeyFile(text)
          .text.split('\n')
          .filter((line) => line.trim() !== '' && !line.startsWith('#'))
      : [text],
  );
  return lines.map((line) => {
    const key = parseVerifierKey(line.trim());
    if (typeof key === 'string') throw fail('config', `“${line.slice(0, 200)}” is no public key of a log: ${key}`);
    return key;
  });
}

function readKeyFile(file: string): { readonly mode: number; readonly text: string } {
  try {
    return { mode: statSync(file).mode, text: readFileSync(file, 'utf8') };
  } catch (error) {
    throw fail('file', `${file} (${messageOf(error)})`, { cause: error });
  }
}
