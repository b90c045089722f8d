// Names the tiles of a tree as C2SP tlog-tiles has them: how wide each is, and under which path it lies.

/** How many hashes a full tile holds: it spans eight levels of the tree. */
export const tileWidth = 256;

/** Names a tile of a tree of some size; bundles of entries are cut as the tiles of level 0 are. */
interface TileName {
  readonly level: number | 'entries';
  readonly index: number;
  /** 256, or less in a tile at the right edge. */
  readonly width: number;
}

/** Gives the path of a tile below the log's prefix. */
export function tilePath({ level, index, width }: TileName): string {
  const digits = String(index);
  const groups = digits.padStart(Math.ceil(digits.length / 3) * 3, '0').match(/\d{3}/g) ?? [];
  const last = groups.pop() ?? '';
  const path = [...groups.map((group) => `x${group}`), last].join('/');
  return `tile/${level}/${path}${width === tileWidth ? '' : `.p/${width}`}`;
}

/** Gives the width that a tile has in a tree of that size; 0 = there is none. */
export function widthOfTile(level: number, index: number, size: number): number {
  const hashes = Math.floor(size / tileWidth ** level);
  return Math.max(0, Math.min(tileWidth, hashes - index * tileWidth));
}
