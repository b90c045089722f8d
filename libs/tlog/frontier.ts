// Grows a Merkle tree by its right edge: what is needed to append leaves and to know the root, without the rest of the
// tree. Completed tiles (C2SP tlog-tiles: 256 hashes, of every eighth level of the tree) come out as they fill.
//
//   level 1   [ tile 0 …            ]   ◀─ edges[1]: roots of the full tiles below
//   level 0   [ 256 ] [ 256 ] [ 17  ]   ◀─ edges[0]: hashes of the newest leaves
import { tileWidth } from './tiles.ts';
import { cutHashes, hashLevel, hashNode, hashNothing } from './tree-hash.ts';

const tileHeight = 8;

/** Is the right edge of a tree; immutable. */
export interface Frontier {
  /** How many leaves the tree has. */
  readonly size: number;
  /** By level of tiles: the hashes of the tile that is not full yet, 0 to 255. */
  readonly edges: readonly (readonly Uint8Array[])[];
  /** Roots of the perfect trees that the leaves divide into, by their height; undefined where there is none. */
  readonly peaks: readonly (Uint8Array | undefined)[];
}

/** Is a full tile: 256 hashes, 8,192 bytes. */
export interface FullTile {
  readonly level: number;
  readonly index: number;
  readonly hashes: Uint8Array;
}

export const emptyFrontier: Frontier = { size: 0, edges: [], peaks: [] };

/** Appends the hashes of leaves; gives the tiles that filled, those of lower levels first. */
export function extendFrontier(
  from: Frontier,
  leafHashes: Iterable<Uint8Array>,
): { readonly frontier: Frontier; readonly tiles: readonly FullTile[] } {
  const edges = from.edges.map((hashes) => [...hashes]);
  const peaks = [...from.peaks];
  const tiles: FullTile[] = [];
  let { size } = from;
  for (const leaf of leafHashes) {
    let [hash, height] = [leaf, 0];
    for (;;) {
      if (height % tileHeight === 0) placeInTile(edges, hash, { level: height / tileHeight, size: size + 1, tiles });
      const left = peaks[height];
      if (left === undefined) break;
      hash = hashNode(left, hash);
      peaks[height] = undefined;
      height += 1;
    }
    peaks[height] = hash;
    size += 1;
  }
  return { frontier: { size, edges, peaks }, tiles };
}

/** Gives the root of the tree. */
export function rootOf({ peaks }: Pick<Frontier, 'peaks'>): Uint8Array {
  let root: Uint8Array | undefined;
  for (const peak of peaks) {
    if (peak === undefined) continue;
    root = root === undefined ? peak : hashNode(peak, root);
  }
  return root ?? hashNothing();
}

/** Names the full tiles of one level, from `first` on. */
interface TileRun {
  readonly level: number;
  readonly first: number;
  readonly count: number;
}

/**
 * Says what the edge of a tree of that size is restored from: the hashes of the last `leaves` leaves, and full tiles,
 * whose roots are the edges above.
 */
export function edgeSources(size: number): { readonly leaves: number; readonly tiles: readonly TileRun[] } {
  const tiles: TileRun[] = [];
  for (let full = Math.floor(size / tileWidth), level = 0; full > 0; full = Math.floor(full / tileWidth), level++) {
    const count = full % tileWidth;
    tiles.push({ level, first: full - count, count });
  }
  return { leaves: size % tileWidth, tiles };
}

/**
 * Restores the edge of a tree: `leafHashes` and `tiles` are what `edgeSources` asks for, in its order, the tiles of a
 * level one after the other.
 */
export function restoreFrontier(
  size: number,
  leafHashes: readonly Uint8Array[],
  tiles: readonly Pick<FullTile, 'level' | 'hashes'>[],
): Frontier {
  const roots = edgeSources(size).tiles.map(({ level }) =>
    tiles.filter((tile) => tile.level === level).map(({ hashes }) => hashLevel(cutHashes(hashes))),
  );
  return frontierOfEdges(size, [leafHashes, ...roots]);
}

/** Makes a frontier from the hashes of the tile that is not full yet, by level. Throws where they are not as many. */
export function frontierOfEdges(size: number, edges: Frontier['edges']): Frontier {
  const peaks: (Uint8Array | undefined)[] = [];
  for (let level = 0; level < edges.length || Math.floor(size / tileWidth ** level) > 0; level++) {
    const hashes = edges[level] ?? [];
    const wanted = Math.floor(size / tileWidth ** level) % tileWidth;
    if (hashes.length !== wanted) throw new Error(`level ${level} of the edge has ${hashes.length}, not ${wanted}`);
    let rest = hashes;
    for (let height = tileHeight - 1; height >= 0; height--) {
      const width = 2 ** height;
      if (rest.length < width) continue;
      peaks[level * tileHeight + height] = hashLevel(rest.slice(0, width));
      rest = rest.slice(width);
    }
  }
  return { size, edges, peaks: Array.from(peaks) };
}

/** Puts a hash into its tile; a tile that it fills comes out, and the edge begins anew. */
function placeInTile(
  edges: Uint8Array[][],
  hash: Uint8Array,
  { level, size, tiles }: { readonly level: number; readonly size: number; readonly tiles: FullTile[] },
): void {
  const edge = (edges[level] ??= []);
  edge.push(hash);
  if (edge.length < tileWidth) return;
  const index = size / tileWidth ** (level + 1) - 1;
  tiles.push({ level, index, hashes: Buffer.concat(edge) });
  edges[level] = [];
}
