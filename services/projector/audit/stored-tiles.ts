// Compares the tiles that are stored in the database with those that follow from its rows.
import { hash } from 'node:crypto';
import type { ClientBase } from 'pg';
import type { FullTile } from '#libs/tlog/frontier.ts';
import { tileWidth } from '#libs/tlog/tiles.ts';
import { cutHashes } from '#libs/tlog/tree-hash.ts';
import { type BinaryRow, copyRows } from '../store/binary-copy.ts';
import { readLeaves } from './event-leaves.ts';

type Tell = (seq: number | null, text: string) => void;

/** How many tiles that differ are looked into. */
const lookedIntoMax = 10;

/** Remembers what the tiles should be, by their hashes. */
export class StoredTiles {
  readonly #expected = new Map<string, string>();

  expect(tiles: readonly FullTile[]): void {
    for (const { level, index, hashes } of tiles) this.#expected.set(`${level}/${index}`, hash('sha256', hashes));
  }

  /** Tells of every tile that is missing, too much, or not what it should be; the client must have begun reading. */
  async compare(client: ClientBase, tell: Tell): Promise<void> {
    const query = 'select level, index, hashes from log_tiles order by level, index';
    const other: { readonly level: number; readonly index: number }[] = [];
    for await (const tiles of copyRows(client, query, toTile))
      for (const { level, index, sum } of tiles) {
        const name = `${level}/${index}`;
        const expected = this.#expected.get(name);
        this.#expected.delete(name);
        if (expected === undefined) tell(null, `tile ${name} of the log is stored, and is not full yet`);
        else if (expected !== sum) other.push({ level, index });
      }
    for (const name of this.#expected.keys()) tell(null, `tile ${name} of the log is missing`);
    for (const { level, index } of other) tell(null, `tile ${level}/${index} of the log is not that of the rows`);
    const leaves = other.filter(({ level }) => level === 0).slice(0, lookedIntoMax);
    for (const { index } of leaves) await lookInto(client, index, tell);
  }
}

/** Names the events of a tile of leaves whose hashes are others there. */
async function lookInto(client: ClientBase, index: number, tell: Tell): Promise<void> {
  const { rows } = await client.query<{ hashes: Buffer }>(
    'select hashes from log_tiles where level = 0 and index = $1',
    [index],
  );
  const stored = cutHashes(rows[0]?.hashes ?? Buffer.of());
  const first = index * tileWidth + 1;
  for await (const leaves of readLeaves(client, first, first + tileWidth - 1))
    for (const { seq, hash: own } of leaves)
      if (Buffer.compare(own, stored[seq - first] ?? Buffer.of()) !== 0)
        tell(seq, `event ${seq} is not what the tile of the log has, and its leaf was changed with it`);
}

function toTile([level, index, hashes]: BinaryRow) {
  return {
    level: level?.readInt32BE() ?? 0,
    index: Number(index?.readBigInt64BE() ?? 0n),
    sum: hash('sha256', hashes ?? ''),
  };
}
