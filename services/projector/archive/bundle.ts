// Writes and reads 256 events of an archive: a bundle of entries as C2SP tlog-tiles has it, whose entries are the
// leaves of the log, and beside it what leaves hold as hashes only. What is read is what was hashed, or it is refused.
import { hash } from 'node:crypto';
import { promisify } from 'node:util';
import { zstdCompress, zstdDecompress } from 'node:zlib';
import { z } from 'zod';
import { leafOfEvent } from '#libs/events/event-leaf.ts';
import { fail } from '#libs/runtime/errors.ts';
import type { LoggedRow } from '#libs/runtime/postgres/logged-events.ts';
import { toLoggedEvent } from '#libs/runtime/postgres/logged-events.ts';
import { encodeEntryBundle, parseEntryBundle } from '#libs/tlog/entry-bundle.ts';
import { tilePath, tileWidth } from '#libs/tlog/tiles.ts';
import { hashLeaf } from '#libs/tlog/tree-hash.ts';
import type { LogPlace } from '../places/place.ts';

const compress = promisify(zstdCompress);
const decompress = promisify(zstdDecompress);

const leafForm = z.object({
  at: z.string(),
  batch: z.int(),
  cluster: z.string(),
  data: z.string(),
  kind: z.string(),
  manager: z.string().nullable(),
  name: z.string(),
  namespace: z.string(),
  operation: z.string().nullable(),
  recordedAt: z.string(),
  seq: z.int(),
  type: z.string(),
  uid: z.string(),
});
const restForm = z.tuple([z.string(), z.string()]);

/** Is an event as its row was. */
export interface ArchivedEvent extends Omit<z.output<typeof leafForm>, 'data'> {
  readonly id: string;
  readonly data: string;
  /** The text of its leaf, and its hash. */
  readonly leaf: string;
  readonly hash: Uint8Array;
}

/** Writes a whole bundle, and what its leaves hold as hashes. */
export async function writeBundle(place: LogPlace, index: number, rows: readonly LoggedRow[]): Promise<void> {
  const leaves = rows.map((row) => Buffer.from(leafOfEvent(toLoggedEvent(row))));
  const rest = rows.map(({ id, data }) => JSON.stringify([id, data])).join('\n');
  await place.write(dataPath(index), await compress(rest));
  await place.write(entriesPath(index), encodeEntryBundle(leaves));
}

/**
 * Reads a whole bundle; undefined = there is none. Throws FleetgateError 'archive' where a part is missing or is not
 * what was hashed.
 */
export async function findBundle(place: LogPlace, index: number): Promise<readonly ArchivedEvent[] | undefined> {
  const [entries, rest] = await Promise.all([place.read(entriesPath(index)), place.read(dataPath(index))]);
  if (entries === undefined && rest === undefined) return undefined;
  if (entries === undefined || rest === undefined)
    throw fail('archive', `${place.name} has no ${entriesPath(index)} or no ${dataPath(index)}`);
  const leaves = parseEntryBundle(entries);
  const lines = (await decompress(rest)).toString().split('\n');
  if (typeof leaves === 'string' || leaves.length !== tileWidth || lines.length !== tileWidth)
    throw fail('archive', `${entriesPath(index)} in ${place.name} does not hold ${tileWidth} events`);
  return leaves.map((bytes, at) => {
    const leaf = bytes.toString();
    const { data: digest, ...said } = leafForm.parse(JSON.parse(leaf));
    const [id, data] = restForm.parse(JSON.parse(lines[at] ?? ''));
    if (hash('sha256', data) !== digest || said.seq !== index * tileWidth + at + 1)
      throw fail('archive', `event ${said.seq} in ${place.name} is not what its leaf says`);
    return { ...said, id, data, leaf, hash: hashLeaf(leaf) };
  });
}

/** Reads a whole bundle. Throws FleetgateError 'archive' where there is none, too. */
export async function readBundle(place: LogPlace, index: number): Promise<readonly ArchivedEvent[]> {
  const events = await findBundle(place, index);
  if (events === undefined) throw fail('archive', `${place.name} has no ${entriesPath(index)}`);
  return events;
}

function entriesPath(index: number): string {
  return tilePath({ level: 'entries', index, width: tileWidth });
}

function dataPath(index: number): string {
  return `${entriesPath(index).replace(/^tile\/entries/, 'data')}.zst`;
}
