// Reads what was published of the log: signed checkpoints, tiles, and bundles of entries. Nothing is believed before
// its signature, or its hash, is checked.
import { readFileSync } from 'node:fs';
import { fail, messageOf } from '#libs/runtime/errors.ts';
import { type Checkpoint, parseCheckpoint } from '#libs/tlog/checkpoint.ts';
import { parseEntryBundle } from '#libs/tlog/entry-bundle.ts';
import { type Frontier, emptyFrontier, frontierOfEdges, rootOf } from '#libs/tlog/frontier.ts';
import { type NoteKey, formatVerifierKey } from '#libs/tlog/note-key.ts';
import { type NoteSigned, parseNote, verifyNote } from '#libs/tlog/signed-note.ts';
import { tilePath, tileWidth, widthOfTile } from '#libs/tlog/tiles.ts';
import { cutHashes, hashLeaf } from '#libs/tlog/tree-hash.ts';
import type { LogPlace } from '../places/place.ts';

export const checkpointPath = 'checkpoint';

/** Is a checkpoint whose signature holds. */
export interface SignedCheckpoint extends Checkpoint {
  /** Where it was read, for people. */
  readonly from: string;
  readonly note: string;
  /** Which known keys signed it: at least one of the log. */
  readonly signed: readonly NoteSigned[];
}

/** Reads a checkpoint by the keys that are trusted. Throws FleetgateError 'checkpoint-untrusted'. */
export function readCheckpoint(text: string, from: string, keys: readonly NoteKey[]): SignedCheckpoint {
  const note = parseNote(text);
  if (typeof note === 'string') throw untrusted(from, `it is no signed note: ${note}`);
  const checkpoint = parseCheckpoint(note.text);
  if (typeof checkpoint === 'string') throw untrusted(from, checkpoint);
  const signed = verifyNote(note, keys);
  if (typeof signed === 'string') throw untrusted(from, signed);
  // A witness vouches for what it saw, and a log signs under its own name.
  if (!signed.some(({ key }) => key.algorithm === 'ed25519' && key.name === checkpoint.origin)) {
    const signers = note.signatures.map(({ name, id }) => `${name}+${id.toString(16).padStart(8, '0')}`).join(', ');
    throw untrusted(from, `none of the keys given signed it; it was signed by ${signers}`);
  }
  return { ...checkpoint, from, note: text, signed };
}

/** Reads a checkpoint from a file. Throws FleetgateError 'file' or 'checkpoint-untrusted'. */
export function readCheckpointFile(file: string, keys: readonly NoteKey[]): SignedCheckpoint {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw fail('file', `${file} (${messageOf(error)})`, { cause: error });
  }
  return readCheckpoint(text, file, keys);
}

/** Reads the newest checkpoint of a place; undefined = nothing is published there yet. */
export async function readPublished(place: LogPlace, keys: readonly NoteKey[]): Promise<SignedCheckpoint | undefined> {
  const bytes = await place.read(checkpointPath);
  return bytes === undefined ? undefined : readCheckpoint(bytes.toString(), `${place.name}/${checkpointPath}`, keys);
}

/** Reads the hashes of a tile that a tree of that size has. Throws FleetgateError 'checkpoint-untrusted'. */
export async function readTile(
  place: LogPlace,
  { level, index, size }: { readonly level: number; readonly index: number; readonly size: number },
): Promise<readonly Uint8Array[]> {
  const width = widthOfTile(level, index, size);
  const bytes = await readEither(place, { level, index, width });
  const hashes = cutHashes(bytes.subarray(0, width * 32));
  if (hashes.length !== width || hashes.at(-1)?.length !== 32)
    throw untrusted(place.name, `${tilePath({ level, index, width })} holds ${bytes.length} bytes`);
  return hashes;
}

/** Reads the entries of the tile of leaves with that index. Throws FleetgateError 'checkpoint-untrusted'. */
export async function readEntries(place: LogPlace, index: number, size: number): Promise<readonly Buffer[]> {
  const width = widthOfTile(0, index, size);
  const name = { level: 'entries', index, width } as const;
  const entries = parseEntryBundle(await readEither(place, name));
  if (typeof entries === 'string') throw untrusted(place.name, `${tilePath(name)}: ${entries}`);
  return entries.slice(0, width);
}

/** Is the right edge of a published log: what a publisher goes on from. */
export interface PublishedEdge {
  readonly frontier: Frontier;
  /** The entries of the tile that is not full yet. */
  readonly tail: readonly Buffer[];
  /** The hash of the last entry; undefined = there is none. */
  readonly lastLeaf: Uint8Array | undefined;
}

/** Reads the right edge, and checks it against the checkpoint. Throws FleetgateError 'checkpoint-untrusted'. */
export async function readEdge(place: LogPlace, checkpoint: SignedCheckpoint | undefined): Promise<PublishedEdge> {
  const size = checkpoint?.size ?? 0;
  if (checkpoint === undefined || size === 0) return { frontier: emptyFrontier, tail: [], lastLeaf: undefined };
  const edges: (readonly Uint8Array[])[] = [];
  for (let level = 0; Math.floor(size / tileWidth ** level) > 0; level++) {
    const hashes = Math.floor(size / tileWidth ** level);
    const index = Math.floor(hashes / tileWidth);
    edges.push(hashes % tileWidth === 0 ? [] : await readTile(place, { level, index, size }));
  }
  const frontier = frontierOfEdges(size, edges);
  if (Buffer.compare(rootOf(frontier), checkpoint.root) !== 0)
    throw untrusted(place.name, `its tiles have another root than its checkpoint of ${size} events`);
  const last = Math.floor((size - 1) / tileWidth);
  const tail = edges[0]?.length === 0 ? [] : await readEntries(place, last, size);
  if (tail.some((entry, at) => Buffer.compare(hashLeaf(entry), edges[0]?.[at] ?? Buffer.of()) !== 0))
    throw untrusted(place.name, `its entries from event ${last * tileWidth + 1} on have other hashes than its tiles`);
  return { frontier, tail, lastLeaf: (await readTile(place, { level: 0, index: last, size })).at(-1) };
}

/** A tile that was partial may have filled since. */
async function readEither(place: LogPlace, name: Parameters<typeof tilePath>[0]): Promise<Buffer> {
  const found = (await place.read(tilePath(name))) ?? (await place.read(tilePath({ ...name, width: tileWidth })));
  if (found === undefined) throw untrusted(place.name, `${tilePath(name)} is missing`);
  return found;
}

function untrusted(from: string, problem: string): Error {
  return fail('checkpoint-untrusted', `${from}: ${problem}`);
}

/** Says who signed a checkpoint, for people. */
export function describeSigners({ signed }: Pick<SignedCheckpoint, 'signed'>): string {
  return signed
    .map(({ key, time }) => {
      const name = formatVerifierKey(key).split('+').slice(0, 2).join('+');
      return time === undefined ? name : `witness ${name} at ${new Date(time * 1000).toISOString()}`;
    })
    .join(', ');
}
