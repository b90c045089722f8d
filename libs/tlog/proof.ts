// Makes and checks the proofs of RFC 6962, sections 2.1.1 and 2.1.2: that a leaf is in a tree, and that a tree only
// grew since it was smaller.
import { cutHashes, hashLevel, hashNode, hashNothing } from './tree-hash.ts';
import { tileWidth, widthOfTile } from './tiles.ts';

/** Is a run of leaves, from the first to before the last, whose root is one hash of a proof. */
interface LeafRange {
  readonly from: number;
  readonly to: number;
}

/** Names a tile of hashes. */
interface HashTile {
  readonly level: number;
  readonly index: number;
  readonly width: number;
}

const tileHeight = 8;

/** Says which hashes prove that the leaf is in the tree, from its sibling up to the root's child. */
export function inclusionRanges(index: number, size: number): readonly LeafRange[] {
  const ranges: LeafRange[] = [];
  let [from, to] = [0, size];
  while (to - from > 1) {
    const middle = from + leftWidth(to - from);
    ranges.unshift(index < middle ? { from: middle, to } : { from, to: middle });
    if (index < middle) to = middle;
    else from = middle;
  }
  return ranges;
}

/** Says which hashes prove that the tree of `older` leaves is the beginning of the tree of `size`. */
export function consistencyRanges(older: number, size: number): readonly LeafRange[] {
  if (older === 0 || older >= size) return [];
  const ranges: LeafRange[] = [];
  let [from, to] = [0, size];
  while (to !== older) {
    const middle = from + leftWidth(to - from);
    ranges.unshift(older <= middle ? { from: middle, to } : { from, to: middle });
    if (older <= middle) to = middle;
    else from = middle;
  }
  return from === 0 ? ranges : [{ from, to }, ...ranges];
}

/** Names the tiles of a tree of that size from which the hashes are computed. */
export function tilesOfRanges(ranges: readonly LeafRange[], size: number): readonly HashTile[] {
  const tiles = new Map<string, HashTile>();
  for (const range of ranges)
    for (const { height, index } of nodesOf(range)) {
      const { level, tile } = placeOf(height, index);
      tiles.set(`${level}/${tile}`, { level, index: tile, width: widthOfTile(level, tile, size) });
    }
  return [...tiles.values()];
}

/** Computes the hash of each range of a tree of that size; `read` gives the bytes of a tile, each once. */
export async function readRangeHashes(
  ranges: readonly LeafRange[],
  size: number,
  read: (tile: HashTile) => Promise<Uint8Array>,
): Promise<readonly Uint8Array[]> {
  const tiles = new Map<string, Uint8Array>();
  for (const tile of tilesOfRanges(ranges, size)) tiles.set(`${tile.level}/${tile.index}`, await read(tile));
  return hashRanges(ranges, (level, index) => tiles.get(`${level}/${index}`) ?? Buffer.of());
}

/** Computes the hash of each range from tiles; `tileOf` gives the bytes of one that `tilesOfRanges` names. */
export function hashRanges(
  ranges: readonly LeafRange[],
  tileOf: (level: number, index: number) => Uint8Array,
): readonly Uint8Array[] {
  return ranges.map((range) => {
    const nodes = nodesOf(range).map(({ height, index }) => {
      const { level, tile, first, count } = placeOf(height, index);
      return hashLevel(cutHashes(tileOf(level, tile)).slice(first, first + count));
    });
    return (
      nodes.reduceRight<Uint8Array | undefined>(
        (right, left) => (right === undefined ? left : hashNode(left, right)),
        undefined,
      ) ?? hashNothing()
    );
  });
}

/** Tells whether the proof shows that the leaf with that hash and index is in the tree with that root. */
export function verifyInclusion(
  leaf: { readonly hash: Uint8Array; readonly index: number },
  tree: { readonly size: number; readonly root: Uint8Array },
  proof: readonly Uint8Array[],
): boolean {
  if (leaf.index < 0 || leaf.index >= tree.size) return false;
  const ranges = inclusionRanges(leaf.index, tree.size);
  if (ranges.length !== proof.length) return false;
  let { hash } = leaf;
  for (const [at, range] of ranges.entries()) {
    const sibling = proof[at] ?? hash;
    hash = range.from > leaf.index ? hashNode(hash, sibling) : hashNode(sibling, hash);
  }
  return sameHash(hash, tree.root);
}

interface Tree {
  readonly size: number;
  readonly root: Uint8Array;
}

/** Tells whether the proof shows that the older tree is the beginning of the newer one. */
export function verifyConsistency(older: Tree, newer: Tree, proof: readonly Uint8Array[]): boolean {
  if (older.size > newer.size) return false;
  if (older.size === newer.size) return proof.length === 0 && sameHash(older.root, newer.root);
  if (older.size === 0) return proof.length === 0 && sameHash(older.root, hashNothing());
  const ranges = consistencyRanges(older.size, newer.size);
  if (ranges.length !== proof.length) return false;
  // The first hash stands at the older tree's right edge; it is the older root itself where that is a whole subtree.
  const isWhole = (ranges[0]?.from ?? 0) === older.size || ranges[0]?.to !== older.size;
  let oldHash = isWhole ? older.root : (proof[0] ?? older.root);
  let newHash = oldHash;
  for (const [at, range] of ranges.entries()) {
    if (at === 0 && !isWhole) continue;
    const sibling = proof[at] ?? newHash;
    if (range.from >= older.size) newHash = hashNode(newHash, sibling);
    else {
      oldHash = hashNode(sibling, oldHash);
      newHash = hashNode(sibling, newHash);
    }
  }
  return sameHash(oldHash, older.root) && sameHash(newHash, newer.root);
}

/** Divides a range into perfect subtrees, from left to right. */
function nodesOf({ from, to }: LeafRange): readonly { readonly height: number; readonly index: number }[] {
  const nodes: { height: number; index: number }[] = [];
  for (let at = from; at < to;) {
    let height = Math.floor(Math.log2(to - at));
    while (2 ** height > to - at || at % 2 ** height !== 0) height -= 1;
    nodes.push({ height, index: at / 2 ** height });
    at += 2 ** height;
  }
  return nodes;
}

/** Says in which tile a node's hashes stand. */
function placeOf(height: number, index: number) {
  const level = Math.floor(height / tileHeight);
  const count = 2 ** (height % tileHeight);
  const first = index * count;
  return { level, tile: Math.floor(first / tileWidth), first: first % tileWidth, count };
}

/** Gives the largest power of two below a number of leaves, at least two. */
function leftWidth(leaves: number): number {
  let width = 1;
  while (width * 2 < leaves) width *= 2;
  return width;
}

function sameHash(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
