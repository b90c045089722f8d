// Runs a witness for tests, as C2SP tlog-witness describes one: it remembers the newest checkpoint of a log and cosigns
// what continues it.
import { generateKeyPairSync, hash } from 'node:crypto';
import { type IncomingMessage, type ServerResponse, createServer } from 'node:http';
import { listenOn } from '#libs/runtime/ports.ts';
import type { Teardown } from '#libs/testing/peers/throwaway.ts';
import { parseCheckpoint } from '#libs/tlog/checkpoint.ts';
import { type NoteKey, type NoteSigner, parseVerifierKey } from '#libs/tlog/note-key.ts';
import { verifyConsistency } from '#libs/tlog/proof.ts';
import { parseNote, signNote, verifyNote } from '#libs/tlog/signed-note.ts';
import { hashNothing } from '#libs/tlog/tree-hash.ts';

interface TestWitness {
  readonly url: string;
  readonly key: NoteKey;
  /** What it saw last. */
  readonly seen: { size: number; root: Uint8Array };
  /** Answers everything with that status, until it is undefined again. */
  failing: number | undefined;
}

/** Starts a witness of one log. */
export async function startWitness(t: Teardown, logKey: NoteKey): Promise<TestWitness> {
  const signer = newWitnessKey('witness.example/w1');
  const seen: TestWitness['seen'] = { size: 0, root: hashNothing() };
  const server = createServer((request, response) => void answer(request, response));
  const port = await listenOn(server, { host: '127.0.0.1', port: 0 });
  t.teardown(() => server.close());
  const witness: TestWitness = { url: `http://127.0.0.1:${port}/submit`, key: signer, seen, failing: undefined };
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = Buffer.concat(await request.toArray()).toString();
    const isFailing = witness.failing !== undefined || request.url !== '/submit/add-checkpoint';
    const [status, text, type] = isFailing ? [witness.failing ?? 404, ''] : judge(body, seen, logKey, signer);
    response.writeHead(status, { 'content-type': type ?? 'text/plain' }).end(text);
  };
  return witness;
}

type Verdict = readonly [status: number, text: string, type?: string];

function judge(body: string, seen: TestWitness['seen'], logKey: NoteKey, signer: NoteSigner): Verdict {
  const cut = body.indexOf('\n\n');
  const [old = '', ...lines] = body.slice(0, cut).split('\n');
  const size = Number(/^old (0|[1-9]\d*)$/.exec(old)?.[1]);
  const note = parseNote(body.slice(cut + 2));
  if (!Number.isSafeInteger(size) || typeof note === 'string') return [400, ''];
  const signed = verifyNote(note, [logKey]);
  if (typeof signed === 'string' || signed.length === 0) return [403, ''];
  const checkpoint = parseCheckpoint(note.text);
  if (typeof checkpoint === 'string' || size > checkpoint.size) return [400, ''];
  if (size !== seen.size) return [409, `${seen.size}\n`, 'text/x.tlog.size'];
  if (size === checkpoint.size && Buffer.compare(seen.root, checkpoint.root) !== 0) return [409, ''];
  const proof = lines.map((line) => Buffer.from(line, 'base64'));
  if (!verifyConsistency(seen, checkpoint, proof)) return [422, 'the proof does not hold'];
  Object.assign(seen, { size: checkpoint.size, root: checkpoint.root });
  return [200, signNote(note.text, signer, 1_790_000_000)];
}

function newWitnessKey(name: string): NoteSigner {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const raw = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32);
  const bytes = Buffer.concat([Buffer.of(4), raw]);
  const id = hash('sha256', Buffer.concat([Buffer.from(`${name}\n`), bytes])).slice(0, 8);
  const key = parseVerifierKey(`${name}+${id}+${bytes.toString('base64')}`);
  if (typeof key === 'string') throw new Error(key);
  return { ...key, privateKey };
}
