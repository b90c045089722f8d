// Gives, event by event, what was published of a log, and checks that its tiles have the root that was signed. Only the
// tiles around the events in hand are kept.
import { fail } from '#libs/runtime/errors.ts';
import { type Frontier, emptyFrontier, extendFrontier, rootOf } from '#libs/tlog/frontier.ts';
import { tileWidth } from '#libs/tlog/tiles.ts';
import { hashLeaf } from '#libs/tlog/tree-hash.ts';
import type { LogPlace } from '../places/place.ts';
import { type SignedCheckpoint, readEntries, readTile } from './published-log.ts';

/** A page of rows goes over fewer tiles. */
const runsMax = 64;

/** Is a run of published leaves. */
interface Run {
  /** Number of its first event. */
  readonly first: number;
  readonly hashes: readonly Uint8Array[];
}

/** Reads the published leaves in their order. */
export class PublishedLeaves {
  readonly #place: LogPlace;
  readonly #checkpoint: SignedCheckpoint;
  readonly #runs: Run[] = [];
  #frontier: Frontier = emptyFrontier;

  constructor(place: LogPlace, checkpoint: SignedCheckpoint) {
    this.#place = place;
    this.#checkpoint = checkpoint;
  }

  /** How many events are published. */
  get size(): number {
    return this.#checkpoint.size;
  }

  /** Reads on, up to that event; what is far behind it is let go. */
  async upTo(seq: number): Promise<void> {
    while (this.#frontier.size < Math.min(seq, this.size)) {
      const index = this.#frontier.size / tileWidth;
      const hashes = await readTile(this.#place, { level: 0, index, size: this.size });
      this.#runs.push({ first: index * tileWidth + 1, hashes });
      ({ frontier: this.#frontier } = extendFrontier(this.#frontier, hashes));
    }
    while (this.#runs.length > runsMax) this.#runs.shift();
  }

  /** Gives the hash of an event that was read; undefined = it is newer than what is published, or far behind. */
  hashOf(seq: number): Uint8Array | undefined {
    const run = this.#runs.findLast(({ first }) => first <= seq);
    return run?.hashes[seq - run.first];
  }

  /** Gives the texts of the leaves of those events, as they were published. Throws 'checkpoint-untrusted'. */
  async textsOf(seqs: readonly number[]): Promise<ReadonlyMap<number, string>> {
    const texts = new Map<number, string>();
    const published = seqs.filter((seq) => seq <= this.size);
    for (const index of new Set(published.map((seq) => Math.floor((seq - 1) / tileWidth)))) {
      const entries = await readEntries(this.#place, index, this.size);
      const hashes = await readTile(this.#place, { level: 0, index, size: this.size });
      for (const [at, entry] of entries.entries()) {
        if (Buffer.compare(hashLeaf(entry), hashes[at] ?? Buffer.of()) !== 0)
          throw this.#untrusted(`its entry of event ${index * tileWidth + at + 1} has another hash than its tile`);
        texts.set(index * tileWidth + at + 1, entry.toString());
      }
    }
    return texts;
  }

  /** Reads what is left and compares the root with what was signed. Throws FleetgateError 'checkpoint-untrusted'. */
  async check(): Promise<void> {
    await this.upTo(this.size);
    if (Buffer.compare(rootOf(this.#frontier), this.#checkpoint.root) !== 0)
      throw this.#untrusted(`its tiles have another root than ${this.#checkpoint.from} signs`);
  }

  #untrusted(problem: string): Error {
    return fail('checkpoint-untrusted', `${this.#place.name}: ${problem}`);
  }
}
