// Reads tiles of the log of the history from the database, which keeps full tiles and the leaf of each event. Nothing
// of it is believed before a proof made of it holds.
import type { ClientBase } from 'pg';
import { tileWidth, widthOfTile } from '#libs/tlog/tiles.ts';
import { cutHashes, hashLevel } from '#libs/tlog/tree-hash.ts';

interface TileOfTree {
  readonly level: number;
  readonly index: number;
  /** How many leaves the tree has. */
  readonly size: number;
}

/** Reads the hashes of a tile; fewer than there should be where rows or tiles are missing. */
export async function readStoredTile(client: ClientBase, tile: TileOfTree): Promise<Uint8Array> {
  const { level, index, size } = tile;
  const width = widthOfTile(level, index, size);
  const full = await readFullTiles(client, level, index, 1);
  if (full[0] !== undefined) return full[0].subarray(0, width * 32);
  if (level > 0) {
    const below = await readFullTiles(client, level - 1, index * tileWidth, width);
    return Buffer.concat(below.map((hashes) => hashLevel(cutHashes(hashes))));
  }
  const first = index * tileWidth + 1;
  const { rows } = await client.query<{ leaf: Buffer }>(
    'select leaf from events where seq >= $1 and seq < $2 order by seq',
    [first, first + width],
  );
  return Buffer.concat(rows.map(({ leaf }) => leaf));
}

async function readFullTiles(
  client: ClientBase,
  level: number,
  first: number,
  count: number,
): Promise<readonly Buffer[]> {
  const { rows } = await client.query<{ hashes: Buffer }>(
    'select hashes from log_tiles where level = $1 and index >= $2 and index < $3 order by index',
    [level, first, first + count],
  );
  return rows.map(({ hashes }) => hashes);
}
