// Publishes the log of the history: it reads new events, extends the tree that it published, signs size and root, has
// witnesses cosign, and writes entries, tiles and checkpoint. It signs only what continues what it published: a history
// that lost or changed events since is told and signed no more.
import type { ClientBase } from 'pg';
import { FleetgateError, fail } from '#libs/runtime/errors.ts';
import type { Logger } from '#libs/runtime/log.ts';
import { localDoer, noteDeedBy } from '#libs/runtime/postgres/deeds.ts';
import { type Checkpoint, formatCheckpoint } from '#libs/tlog/checkpoint.ts';
import { encodeEntryBundle } from '#libs/tlog/entry-bundle.ts';
import { extendFrontier, rootOf } from '#libs/tlog/frontier.ts';
import type { NoteKey, NoteSigner } from '#libs/tlog/note-key.ts';
import { consistencyRanges, readRangeHashes, verifyConsistency } from '#libs/tlog/proof.ts';
import { formatNote, signNote } from '#libs/tlog/signed-note.ts';
import { tilePath, tileWidth } from '#libs/tlog/tiles.ts';
import { hashLeaf } from '#libs/tlog/tree-hash.ts';
import { beginReading, readLeaves } from './event-leaves.ts';
import type { LogPlace } from '../places/place.ts';
import { type PublishedEdge, checkpointPath, readEdge, readPublished, readTile } from './published-log.ts';
import { type Witness, askWitness } from './witness.ts';

interface PublisherContext {
  readonly place: LogPlace;
  /** At least one; all of one name, which is the log's. While a key is replaced there are two. */
  readonly signers: readonly NoteSigner[];
  /** Keys that signed what is published, beside those that sign now. */
  readonly earlierKeys: readonly NoteKey[];
  readonly witnesses: readonly Witness[];
  readonly log: Logger;
  readonly now: () => Date;
}

/** Says what a turn came to. */
export interface Publication {
  readonly size: number;
  /** Base64. */
  readonly root: string;
  /** How many events are published with it; 0 = there was nothing new. */
  readonly events: number;
  /** Names of the witnesses that cosigned. */
  readonly cosigned: readonly string[];
}

/** Publishes what is new at each turn. */
export class Publisher {
  readonly #context: PublisherContext;
  /** Undefined until it is read from the place, and again after a failure. */
  #edge: PublishedEdge | undefined;

  constructor(context: PublisherContext) {
    this.#context = context;
  }

  get origin(): string {
    return this.#context.signers[0]?.name ?? '';
  }

  /**
   * Publishes the events that are new. Throws FleetgateError 'log-forked' where the history does not continue what was
   * published, 'checkpoint-untrusted' or 'file' where the place cannot be read or written.
   */
  async publish(client: ClientBase): Promise<Publication> {
    try {
      return await this.#publish(client);
    } catch (error) {
      this.#edge = undefined;
      if (error instanceof FleetgateError && error.code === 'log-forked') await this.#noteFork(client, error);
      throw error;
    }
  }

  async #publish(client: ClientBase): Promise<Publication> {
    const { place, signers, earlierKeys } = this.#context;
    const known = [...signers, ...earlierKeys];
    const edge = (this.#edge ??= await readEdge(place, await readPublished(place, known)));
    const { size } = edge.frontier;
    const grown = await this.#writeGrowth(client, edge);
    const root = rootOf(grown.frontier);
    const facts = { size: grown.frontier.size, root: Buffer.from(root).toString('base64') };
    if (grown.frontier.size === size) return { ...facts, events: 0, cosigned: [] };
    const checkpoint = { origin: this.origin, size: grown.frontier.size, root };
    await this.#checkGrowth(edge, checkpoint);
    const text = formatCheckpoint(checkpoint);
    const lines = signers.map((signer) => signNote(text, signer));
    const cosigned: string[] = [];
    for (const witness of this.#context.witnesses) {
      const proveSince = (since: number): Promise<readonly Uint8Array[]> => this.#prove(since, checkpoint.size);
      const line = await askWitness(witness, { checkpoint, text, lines, proveSince, log: this.#context.log });
      if (line === undefined) continue;
      lines.push(line);
      cosigned.push(witness.key.name);
    }
    const note = Buffer.from(formatNote(text, lines));
    // A checkpoint a day stays, so that what a key signed outlives the key.
    await place.write(`checkpoints/${this.#context.now().toISOString().slice(0, 10)}`, note);
    await place.write(checkpointPath, note);
    await place.seal(`${this.origin}: ${checkpoint.size} events`);
    this.#edge = grown;
    return { ...facts, events: checkpoint.size - size, cosigned };
  }

  /** Writes entries and tiles of the new events, and gives the edge after them. */
  async #writeGrowth(client: ClientBase, published: PublishedEdge): Promise<PublishedEdge> {
    await beginReading(client);
    try {
      const before = published.frontier.size;
      let edge = published;
      let isChecked = before === 0;
      for await (const rows of readLeaves(client, Math.max(before, 1))) {
        const leaves = rows.map(({ leaf }) => leaf);
        const first = isChecked ? edge.frontier.size + 1 : before;
        const gap = rows.findIndex(({ seq }, at) => seq !== first + at);
        if (gap !== -1) throw fail('log-forked', `event ${first + gap} is missing`);
        if (!isChecked) checkLast(published, leaves.shift() ?? '');
        isChecked = true;
        edge = await this.#writePage(edge, leaves);
      }
      if (!isChecked) throw fail('log-forked', `${before} events are published, and event ${before} is missing`);
      if (edge.frontier.size > before) await this.#writePartials(edge);
      return edge;
    } finally {
      await client.query('rollback');
    }
  }

  /** Writes what filled by a page of leaves. */
  async #writePage(edge: PublishedEdge, leaves: readonly string[]): Promise<PublishedEdge> {
    const { place } = this.#context;
    const entries = leaves.map((leaf) => Buffer.from(leaf));
    const hashes = entries.map(hashLeaf);
    const { frontier, tiles } = extendFrontier(edge.frontier, hashes);
    let tail = [...edge.tail, ...entries];
    for (const { level, index, hashes: bytes } of tiles) {
      const names = [{ level, index, width: tileWidth }] as const;
      await place.write(tilePath(names[0]), bytes);
      await place.forgetPartial(tilePath(names[0]));
      if (level !== 0) continue;
      const bundle = tilePath({ level: 'entries', index, width: tileWidth });
      await place.write(bundle, encodeEntryBundle(tail.slice(0, tileWidth)));
      await place.forgetPartial(bundle);
      tail = tail.slice(tileWidth);
    }
    return { frontier, tail, lastLeaf: hashes.at(-1) ?? edge.lastLeaf };
  }

  async #writePartials({ frontier, tail }: PublishedEdge): Promise<void> {
    const { place } = this.#context;
    for (const [level, hashes] of frontier.edges.entries()) {
      const index = Math.floor(frontier.size / tileWidth ** (level + 1));
      if (hashes.length > 0) await place.write(tilePath({ level, index, width: hashes.length }), Buffer.concat(hashes));
    }
    const index = Math.floor(frontier.size / tileWidth);
    if (tail.length > 0)
      await place.write(tilePath({ level: 'entries', index, width: tail.length }), encodeEntryBundle(tail));
  }

  /** A checkpoint that does not continue the one before must never be signed, whatever made it. */
  async #checkGrowth({ frontier }: PublishedEdge, checkpoint: Checkpoint): Promise<void> {
    const before = { size: frontier.size, root: rootOf(frontier) };
    if (verifyConsistency(before, checkpoint, await this.#prove(before.size, checkpoint.size))) return;
    throw fail('checkpoint-untrusted', `the tiles in ${this.#context.place.name} do not lead from ${before.size} on`);
  }

  /** Proves from what is written that the tree of `since` leaves is the beginning of the tree of `size`. */
  #prove(since: number, size: number): Promise<readonly Uint8Array[]> {
    return readRangeHashes(consistencyRanges(since, size), size, async ({ level, index }) =>
      Buffer.concat(await readTile(this.#context.place, { level, index, size })),
    );
  }

  /** Tells the history itself, once for what was published. */
  async #noteFork(client: ClientBase, error: FleetgateError): Promise<void> {
    const { place, log, now } = this.#context;
    const published = await readPublished(place, [...this.#context.signers, ...this.#context.earlierKeys]);
    const subject = `${this.origin} ${published?.size ?? 0}`;
    const deed = {
      v: 1,
      type: 'checkpoint-refused',
      outcome: 'failure',
      id: `checkpoint-refused:${subject}:${published === undefined ? '' : Buffer.from(published.root).toString('hex')}`,
      at: now().toISOString(),
      subject,
      reason: `not signed: ${error.message}`.slice(0, 4096),
      ...localDoer(),
    } as const;
    try {
      await noteDeedBy(client, deed);
    } catch (reason) {
      log.warn({ err: reason }, 'the refusal is not in the history');
    }
  }
}

/** The last published event must be the same still: a history that was restored and went on another way is not. */
function checkLast({ frontier, lastLeaf }: PublishedEdge, leaf: string): void {
  if (lastLeaf === undefined || Buffer.compare(hashLeaf(leaf), lastLeaf) === 0) return;
  throw fail('log-forked', `event ${frontier.size} is another one than was published`);
}
