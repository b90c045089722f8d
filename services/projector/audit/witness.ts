// Asks witnesses to cosign a checkpoint (C2SP tlog-witness). A witness remembers the newest checkpoint that it saw of a
// log and cosigns only what continues it, so a log that forked, or went back, gets no cosignature.
import { fail, messageOf } from '#libs/runtime/errors.ts';
import type { Logger } from '#libs/runtime/log.ts';
import type { Checkpoint } from '#libs/tlog/checkpoint.ts';
import type { NoteKey } from '#libs/tlog/note-key.ts';
import { formatNote, parseNote, parseSignatures, verifyNote } from '#libs/tlog/signed-note.ts';

export interface Witness {
  /** The prefix of its submissions. */
  readonly url: string;
  readonly key: NoteKey;
}

/** Is what a witness is asked: a text, the log's signatures, and proofs that it continues what the witness saw. */
interface CosignRequest {
  readonly checkpoint: Checkpoint;
  readonly text: string;
  readonly lines: readonly string[];
  /** Proves that the tree of that size is the beginning of this one. */
  readonly proveSince: (size: number) => Promise<readonly Uint8Array[]>;
  readonly log: Logger;
}

const timeoutMs = 10_000;
const sizeType = 'text/x.tlog.size';

/**
 * Asks for a cosignature, whose line it gives; undefined = the witness cannot be asked now, which is logged. Throws
 * FleetgateError 'log-forked' where it saw another log.
 */
export async function askWitness(witness: Witness, request: CosignRequest): Promise<string | undefined> {
  try {
    return await converse(witness, request);
  } catch (error) {
    if (error instanceof WitnessConflict)
      throw fail('log-forked', `the witness ${witness.key.name} ${error.message}`, { cause: error });
    request.log.warn({ witness: witness.key.name, reason: messageOf(error) }, 'no cosignature');
    return undefined;
  }
}

/** The witness saw what does not go with what it is shown. */
class WitnessConflict extends Error {
  override readonly name = 'WitnessConflict';
}

async function converse(witness: Witness, request: CosignRequest): Promise<string> {
  const { checkpoint } = request;
  // What it saw last is not kept here: it says so itself when it is asked for a continuation of nothing.
  let response = await submit(witness, request, 0);
  if (response.status === 409 && response.type === sizeType) {
    const seen = Number(response.body.trim());
    if (!Number.isSafeInteger(seen) || seen < 0)
      throw new Error(`it answered the size “${response.body.slice(0, 40)}”`);
    if (seen > checkpoint.size)
      throw new WitnessConflict(`saw ${seen} events, and this history has ${checkpoint.size}`);
    response = await submit(witness, request, seen);
    if (response.status === 409 && response.type === sizeType)
      throw new Error('another publisher of this log asks the same witness');
  }
  const answer = response.body.trim().slice(0, 200);
  if (response.status === 409) throw new WitnessConflict(`saw another root of ${checkpoint.size} events`);
  if (response.status === 422) throw new WitnessConflict(`saw another beginning of this history: ${answer}`);
  if (response.status !== 200) throw new Error(`it answered ${response.status}: ${answer}`);
  return cosignatureOf(witness.key, request.text, response.body);
}

async function submit(witness: Witness, request: CosignRequest, since: number) {
  const proof = since === 0 ? [] : await request.proveSince(since);
  const hashes = proof.map((hash) => `${Buffer.from(hash).toString('base64')}\n`).join('');
  const response = await fetch(`${witness.url.replace(/\/+$/, '')}/add-checkpoint`, {
    method: 'POST',
    headers: { 'content-type': 'text/plain; charset=utf-8' },
    body: `old ${since}\n${hashes}\n${formatNote(request.text, request.lines)}`,
    signal: AbortSignal.timeout(timeoutMs),
  });
  const type = response.headers.get('content-type')?.split(';')[0] ?? '';
  return { status: response.status, type, body: await response.text() };
}

/** Finds the line by that key among those answered, and checks it. */
function cosignatureOf(key: NoteKey, text: string, answer: string): string {
  const lines = parseSignatures(answer);
  if (typeof lines === 'string') throw new Error(`it answered what is no signature: ${lines}`);
  const own = lines.find(({ name, id }) => name === key.name && id === key.id);
  if (own === undefined) throw new Error('it answered no signature by the key given');
  const note = parseNote(formatNote(text, [own.line]));
  const signed = typeof note === 'string' ? note : verifyNote(note, [key]);
  if (typeof signed === 'string') throw new Error(signed);
  return own.line;
}
