// Keeps what the node serves on disk, in two generations. A generation is a base (everything) and a journal (what
// changed since).
//
//   append ─▶ journal n ─flush─▶ safe      compact: base n+1 is written beside, fsynced, renamed; meanwhile lines go to
//                                          journal n and journal n+1, so that either generation is whole
//
// TLS material is kept sealed. Nothing here knows what an entry means.
import { open, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from '#libs/runtime/log.ts';
import type { DiscoveryMessage, Held } from '#libs/protocol/messages.ts';
import type { EntryChanges, NodeContent } from '#libs/protocol/node-session.ts';
import { Journal } from './journal.ts';
import { baseLines, discoveryLine, readGeneration, snapshotLine } from './saved-content.ts';

interface LastGoodOptions {
  readonly folder: string;
  readonly log: Logger;
  /** Length of a journal that makes a new base due. */
  readonly compactAtBytes?: number;
}

const compactAtBytesDefault = 4 * 1024 * 1024;
const writeChunkLength = 256 * 1024;
/** How much a disk that takes nothing may cost in memory; beyond it a new base is needed. */
const pendingLengthMax = 64 * 1024 * 1024;

export class LastGood {
  readonly #options: LastGoodOptions;
  #number: number;
  #journal: Journal;
  #baseBytes: number;
  /** Of the generation that is being made. */
  #nextJournal: Journal | null = null;
  #writing: Promise<void> = Promise.resolve();
  #compacting: Promise<void> | null = null;
  /** The journal lacks something. */
  #incomplete = false;

  private constructor(options: LastGoodOptions, number: number, baseBytes: number, journalBytes: number) {
    this.#options = options;
    this.#number = number;
    this.#baseBytes = baseBytes;
    this.#journal = new Journal(pathOf(options.folder, number, 'journal'), journalBytes);
  }

  /** Reads the newest generation that is whole, else the one before it, and says so loudly. */
  static async open(options: LastGoodOptions): Promise<{ readonly lastGood: LastGood; readonly content: NodeContent }> {
    const { folder, log } = options;
    const numbers = await generationsIn(folder);
    for (const number of numbers) {
      const read = await readGeneration(pathOf(folder, number, 'base'), pathOf(folder, number, 'journal'));
      if (read.problem !== undefined) log.error({ generation: number, problem: read.problem }, 'last-good is damaged');
      if (read.content === undefined) {
        await setAside(folder, number);
        continue;
      }
      if (number !== numbers[0]) log.error({ generation: number }, 'the generation before the damaged one is used');
      const lastGood = new LastGood(options, number, read.baseBytes, read.journalBytes);
      if (read.problem !== undefined) await lastGood.compact(read.content);
      return { lastGood, content: read.content };
    }
    if (numbers.length > 0)
      log.error({ folder }, 'no generation of last-good can be read: the node starts with nothing');
    const content: NodeContent = { gateways: [], discovery: new Map() };
    const number = (numbers[0] ?? 0) + 1;
    const baseBytes = await writeBase(folder, number, baseLines(content));
    return { lastGood: new LastGood(options, number, baseBytes, 0), content };
  }

  /** Notes a snapshot that serves now. Safe once `flush` resolves. */
  appendSnapshot(held: Held, changes: EntryChanges, before: Held | null): void {
    this.#append(snapshotLine(held, changes, before));
  }

  /** Notes discovery. Safe once `flush` resolves. */
  appendDiscovery(message: DiscoveryMessage): void {
    this.#append(discoveryLine(message));
  }

  /** Writes what was appended; resolves when it would survive a power cut. Rejects when the disk does not take it. */
  flush(): Promise<void> {
    const written = this.#writing.then(() => this.#journal.write());
    this.#writing = written.catch(() => undefined);
    return written;
  }

  /** Tells whether a new base is due. */
  get wantsCompaction(): boolean {
    if (this.#compacting !== null) return false;
    const { compactAtBytes = compactAtBytesDefault } = this.#options;
    return this.#incomplete || this.#journal.bytes > Math.max(compactAtBytes, this.#baseBytes);
  }

  /**
   * Makes the next generation of `content`, all that was appended so far. Never rejects: else the present one goes on.
   */
  compact(content: NodeContent): Promise<void> {
    if (this.#compacting !== null) return this.#compacting;
    const number = this.#number + 1;
    const next = new Journal(pathOf(this.#options.folder, number, 'journal'));
    this.#nextJournal = next;
    this.#compacting = this.#compact(number, next, baseLines(content)).finally(() => {
      this.#nextJournal = null;
      this.#compacting = null;
    });
    return this.#compacting;
  }

  async close(): Promise<void> {
    await this.#compacting;
    await this.flush().catch((error: unknown) => this.#options.log.error({ err: error }, 'last-good was not written'));
    await this.#journal.close();
  }

  #append(line: string): void {
    this.#journal.append(line);
    this.#nextJournal?.append(line);
    if (this.#journal.pendingLength <= pendingLengthMax) return;
    this.#journal.drop();
    this.#incomplete = true;
  }

  async #compact(number: number, next: Journal, lines: Iterable<string>): Promise<void> {
    const { folder, log } = this.#options;
    try {
      const baseBytes = await writeBase(folder, number, lines);
      // In turn with the writes: from here on `next` is the journal, and it has everything since its base.
      const switched = this.#writing.then(async () => {
        await this.#journal.write().catch(() => undefined);
        await next.write();
        await this.#journal.close();
        this.#journal = next;
        this.#number = number;
        this.#baseBytes = baseBytes;
        this.#incomplete = false;
      });
      this.#writing = switched.catch(() => undefined);
      await switched;
      for (const old of await generationsIn(folder)) if (old < number - 1) await removeGeneration(folder, old);
    } catch (error) {
      log.error({ err: error }, 'last-good was not compacted');
      await next.close();
      await removeGeneration(folder, number);
    }
  }
}

type Part = 'base' | 'journal';

function pathOf(folder: string, number: number, part: Part): string {
  return join(folder, `${String(number).padStart(8, '0')}.${part}`);
}

/** Lists the numbers of the generations that have a base, newest first. */
async function generationsIn(folder: string): Promise<readonly number[]> {
  const names = await readdir(folder);
  return names
    .flatMap((name) => /^(\d{8})\.base$/.exec(name)?.[1] ?? [])
    .map(Number)
    .toSorted((a, b) => b - a);
}

/** Keeps a damaged generation for a person to look at; the next one that is damaged takes its place. */
async function setAside(folder: string, number: number): Promise<void> {
  for (const part of ['base', 'journal'] as const)
    await rename(pathOf(folder, number, part), join(folder, `damaged.${part}`)).catch(() => undefined);
}

async function removeGeneration(folder: string, number: number): Promise<void> {
  for (const part of ['base', 'journal'] as const) await rm(pathOf(folder, number, part), { force: true });
}

/** Writes a base beside, then puts it in its place; returns its length. */
async function writeBase(folder: string, number: number, lines: Iterable<string>): Promise<number> {
  const path = pathOf(folder, number, 'base');
  const file = await open(`${path}.new`, 'w', 0o600);
  let bytes = 0;
  try {
    let chunk = '';
    const write = async (): Promise<void> => {
      bytes += (await file.write(chunk)).bytesWritten;
      chunk = '';
    };
    for (const line of lines) {
      chunk += line;
      if (chunk.length >= writeChunkLength) await write();
    }
    await write();
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(`${path}.new`, path);
  await syncFolder(folder);
  return bytes;
}

/** Makes a rename safe: it is so only once its folder is. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
