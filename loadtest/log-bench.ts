// Measures how fast events become leaves of the log of the history, and leaves a tree. Nothing here depends on a
// database or a network.
//
//   npx node loadtest/log-bench.ts [events]
import { leafOfEvent } from '#libs/events/event-leaf.ts';
import {
  type FullTile,
  edgeSources,
  emptyFrontier,
  extendFrontier,
  restoreFrontier,
  rootOf,
} from '#libs/tlog/frontier.ts';
import { hashLeaf } from '#libs/tlog/tree-hash.ts';

const batch = 500;
const dataBytes = 1800;
const count = Number(process.argv[2] ?? 200_000);

const leafSeconds: number[] = [];
const treeSeconds: number[] = [];
const tiles: FullTile[] = [];
const hashes: Uint8Array[] = [];
let frontier = emptyFrontier;
for (let from = 1; from <= count; from += batch) {
  const seqs = Array.from({ length: Math.min(batch, count + 1 - from) }, (_, at) => from + at);
  const events = seqs.map((seq) => eventOf(seq, from + seqs.length - 1));
  const begun = performance.now();
  const leaves = events.map((event) => hashLeaf(leafOfEvent(event)));
  const hashed = performance.now();
  const extended = extendFrontier(frontier, leaves);
  rootOf(extended.frontier);
  leafSeconds.push((hashed - begun) / 1000);
  treeSeconds.push((performance.now() - hashed) / 1000);
  ({ frontier } = extended);
  tiles.push(...extended.tiles);
  hashes.push(...leaves);
}
const root = Buffer.from(rootOf(frontier)).toString('hex');
process.stdout.write(
  `${count} events: leaves ${rate(leafSeconds)}/s, tree ${rate(treeSeconds)} leaves/s, root ${root}\n`,
);

// What a new writer does: it restores the right edge from full tiles and the newest leaves.
const restoredAt = performance.now();
const sources = edgeSources(count);
const edge = sources.tiles.flatMap(({ level, first, count: number }) =>
  tiles.filter((tile) => tile.level === level && tile.index >= first && tile.index < first + number),
);
const restored = restoreFrontier(count, hashes.slice(count - sources.leaves), edge);
if (Buffer.from(rootOf(restored)).toString('hex') !== root) throw new Error('the restored edge has another root');
process.stdout.write(`restored from ${edge.length} tiles in ${(performance.now() - restoredAt).toFixed(1)} ms\n`);

function rate(seconds: readonly number[]): number {
  return Math.round(count / seconds.reduce((sum, one) => sum + one, 0));
}

/** An event of the size that a changed HTTPRoute has. */
function eventOf(seq: number, last: number): Parameters<typeof leafOfEvent>[0] {
  return {
    seq,
    batch: last,
    id: `eu/3f0c6f0e-route-${seq % 1000}/${seq}`,
    type: 'applied',
    cluster: 'eu',
    kind: 'HTTPRoute',
    namespace: 'shop',
    name: `route-${seq % 1000}`,
    uid: `3f0c6f0e-route-${seq % 1000}`,
    manager: 'kubectl',
    operation: 'Update',
    at: '2026-01-01T00:00:00.000Z',
    recordedAt: '2026-01-01T00:00:01.000Z',
    data: `${seq}${'x'.repeat(dataBytes)}`,
  };
}
