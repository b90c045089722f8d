// Compares roots and tiles with those of golang.org/x/mod/sumdb/tlog, and a restored edge with one that grew.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import t from 'tap';
import {
  type Frontier,
  type FullTile,
  edgeSources,
  emptyFrontier,
  extendFrontier,
  restoreFrontier,
  rootOf,
} from './frontier.ts';
import { hashLeaf } from './tree-hash.ts';

interface Reference {
  readonly largest: number;
  readonly roots: readonly { readonly size: number; readonly root: string }[];
  readonly tiles: readonly { readonly path: string; readonly sha256: string }[];
}

const reference: Reference = JSON.parse(readFileSync(new URL('testdata/reference.json', import.meta.url), 'utf8'));
const leaves = Array.from({ length: reference.largest }, (_, index) => hashLeaf(`leaf ${index}`));

void t.test('a leaf is hashed by its bytes', async (t) => {
  t.strictSame(hashLeaf('é'), hashLeaf(Buffer.from('é')));
  t.equal(hashLeaf('').toString('hex'), createHash('sha256').update(Buffer.of(0)).digest('hex'));
});

void t.test('roots are those of the reference, however the leaves come', async (t) => {
  let frontier = emptyFrontier;
  for (const { size, root } of reference.roots.toSorted((a, b) => a.size - b.size)) {
    ({ frontier } = extendFrontier(frontier, leaves.slice(frontier.size, size)));
    t.equal(frontier.size, size);
    t.equal(Buffer.from(rootOf(frontier)).toString('base64'), root, `root of ${size}`);
  }
});

void t.test('tiles are those of the reference', async (t) => {
  const { frontier, tiles } = extendFrontier(emptyFrontier, leaves);
  const made = new Map(tiles.map((tile) => [`tile/${tile.level}/${`${tile.index}`.padStart(3, '0')}`, tile.hashes]));
  for (const [level, hashes] of frontier.edges.entries()) {
    const index = Math.floor(frontier.size / 256 ** (level + 1));
    const path = `tile/${level}/${`${index}`.padStart(3, '0')}.p/${hashes.length}`;
    if (hashes.length > 0) made.set(path, Buffer.concat(hashes));
  }
  const sums = [...made].map(([path, hashes]) => [path, createHash('sha256').update(hashes).digest('hex')]);
  t.strictSame(Object.fromEntries(sums), Object.fromEntries(reference.tiles.map(({ path, sha256 }) => [path, sha256])));
});

void t.test('an edge is restored from what is stored, and grows on', async (t) => {
  const whole = extendFrontier(emptyFrontier, leaves);
  const restore = (size: number): Frontier => restored(size, whole.tiles);
  const sizes = fc.tuple(fc.nat(leaves.length), fc.nat(600));
  fc.assert(
    fc.property(sizes, ([size, more]) => {
      const grown = extendFrontier(emptyFrontier, leaves.slice(0, size)).frontier;
      const next = leaves.slice(size, size + more);
      t.equal(digest(extendFrontier(restore(size), next)), digest(extendFrontier(grown, next)), `${size} + ${more}`);
    }),
    { numRuns: 15, seed: 20_261_128, examples: [[[0, 1]], [[256, 256]], [[65_536, 0]], [[65_535, 1]]] },
  );
  t.throws(() => restoreFrontier(3, leaves.slice(0, 2), []), /level 0 of the edge has 2, not 3/);
  t.throws(() => restoreFrontier(256, [], []), /level 1 of the edge has 0, not 1/);
});

function digest({ frontier, tiles }: ReturnType<typeof extendFrontier>): string {
  const sum = createHash('sha256').update(rootOf(frontier));
  for (const { level, index, hashes } of tiles) sum.update(`${level} ${index} `).update(hashes);
  return sum.update(`${frontier.size} ${frontier.edges.map((edge) => edge.length).join()}`).digest('hex');
}

function restored(size: number, tiles: readonly FullTile[]): Frontier {
  const wanted = edgeSources(size);
  const found = wanted.tiles.flatMap(({ level, first, count }) =>
    tiles.filter((tile) => tile.level === level && tile.index >= first && tile.index < first + count),
  );
  return restoreFrontier(size, leaves.slice(size - wanted.leaves, size), found);
}
