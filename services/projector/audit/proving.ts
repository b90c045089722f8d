// Proves that an event is in the log that was signed: by what was published, or by the database itself. The proof is
// checked before it is given away.
import type { ClientBase } from 'pg';
import { fail } from '#libs/runtime/errors.ts';
import type { NoteKey } from '#libs/tlog/note-key.ts';
import { formatProofFile } from '#libs/tlog/proof-file.ts';
import { inclusionRanges, readRangeHashes, verifyInclusion } from '#libs/tlog/proof.ts';
import { tileWidth } from '#libs/tlog/tiles.ts';
import { hashLeaf } from '#libs/tlog/tree-hash.ts';
import { withClient } from '../store/one-client.ts';
import { beginReading, readLeaves } from './event-leaves.ts';
import { readStoredTile } from './database-tiles.ts';
import { readVerifierKeys } from './log-keys.ts';
import type { ProveOptions } from './options.ts';
import { openPlace } from '../places/open-place.ts';
import type { LogPlace } from '../places/place.ts';
import { type SignedCheckpoint, readCheckpointFile, readEntries, readPublished, readTile } from './published-log.ts';

/** Is the proof of one event. */
interface EventProof {
  readonly seq: number;
  /** The text of its leaf. */
  readonly leaf: string;
  /** The text of the file (C2SP tlog-proof). */
  readonly proof: string;
  /** The stored text of the event, whose hash is in the leaf; absent = it was not asked for. */
  readonly data?: string;
}

/**
 * Proves the event of that number or id. Throws FleetgateError 'not-found', 'checkpoint-untrusted', or
 * 'history-altered' where the database does not give the signed root.
 */
export async function proveEvent(event: string, options: ProveOptions): Promise<EventProof> {
  const keys = readVerifierKeys(options.key);
  if (keys.length === 0) throw fail('config', '--key is required: the public key of the log');
  const place = options.tiles === undefined ? undefined : openPlace(options.tiles, process.env);
  const checkpoint = await findCheckpoint(options, place, keys);
  const isNumber = /^[1-9]\d{0,15}$/.test(event);
  if (place !== undefined && isNumber && !options.withData)
    return proofOf(Number(event), checkpoint, await fromPlace(Number(event), checkpoint, place));
  if (options.databaseUrl === undefined)
    throw fail('config', `--database-url (or DATABASE_URL) is required, or a number of an event and --tiles`);
  return withClient({ url: options.databaseUrl, name: 'fleetgate audit prove' }, async (client) => {
    const { seq, data } = await findEvent(client, event);
    const parts = await (place === undefined
      ? fromDatabase(client, seq, checkpoint)
      : fromPlace(seq, checkpoint, place));
    return { ...proofOf(seq, checkpoint, parts), ...(options.withData ? { data } : {}) };
  });
}

interface ProofParts {
  readonly leaf: string;
  readonly hashes: readonly Uint8Array[];
}

function proofOf(seq: number, checkpoint: SignedCheckpoint, { leaf, hashes }: ProofParts): EventProof {
  const index = seq - 1;
  if (!verifyInclusion({ hash: hashLeaf(leaf), index }, checkpoint, hashes))
    throw fail('history-altered', `event ${seq} is not in the tree whose root ${checkpoint.from} signs`, {
      hint: '`fleetgate audit verify` names the first event that is not what was signed.',
    });
  const proof = formatProofFile({ index, hashes, checkpoint: checkpoint.note, entry: Buffer.from(leaf) });
  return { seq, leaf, proof };
}

async function findCheckpoint(
  options: ProveOptions,
  place: LogPlace | undefined,
  keys: readonly NoteKey[],
): Promise<SignedCheckpoint> {
  if (options.checkpoint !== undefined) return readCheckpointFile(options.checkpoint, keys);
  if (place === undefined) throw fail('config', '--checkpoint or --tiles is required');
  const found = await readPublished(place, keys);
  if (found === undefined) throw fail('not-found', `${place.name} has no checkpoint`, { hint: 'Publish one first.' });
  return found;
}

async function fromPlace(seq: number, checkpoint: SignedCheckpoint, place: LogPlace): Promise<ProofParts> {
  mustHold(seq, checkpoint);
  const { size } = checkpoint;
  const index = seq - 1;
  const hashes = await readRangeHashes(inclusionRanges(index, size), size, async (tile) =>
    Buffer.concat(await readTile(place, { ...tile, size })),
  );
  const entries = await readEntries(place, Math.floor(index / tileWidth), size);
  return { leaf: String(entries[index % tileWidth]), hashes };
}

async function fromDatabase(client: ClientBase, seq: number, checkpoint: SignedCheckpoint): Promise<ProofParts> {
  mustHold(seq, checkpoint);
  const { size } = checkpoint;
  await beginReading(client);
  try {
    const hashes = await readRangeHashes(inclusionRanges(seq - 1, size), size, (tile) =>
      readStoredTile(client, { ...tile, size }),
    );
    let leaf = '';
    for await (const rows of readLeaves(client, seq, seq)) leaf = rows[0]?.leaf ?? '';
    return { leaf, hashes };
  } finally {
    await client.query('rollback');
  }
}

function mustHold(seq: number, { size, from }: SignedCheckpoint): void {
  if (seq <= size) return;
  throw fail('not-found', `${from} signs ${size} events, and event ${seq} is newer`, {
    hint: 'Wait for the next checkpoint, or give a newer one.',
  });
}

async function findEvent(client: ClientBase, event: string): Promise<{ readonly seq: number; readonly data: string }> {
  const where = /^[1-9]\d{0,15}$/.test(event) ? 'seq = $1' : 'id = $1';
  const { rows } = await client.query<{ seq: string; data: string }>(
    `select seq, data from events where ${where} limit 1`,
    [event],
  );
  const [row] = rows;
  if (row === undefined)
    throw fail('not-found', `no event has the number or id ${event}`, { hint: '`fleetgate events` lists them.' });
  return { seq: Number(row.seq), data: row.data };
}
