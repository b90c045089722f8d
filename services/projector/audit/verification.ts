// Verifies the log of the history without trusting the database: each leaf is computed anew from its row, the tree from
// the leaves, and both are compared with what was signed, what was published, and what is stored. It reads one moment
// of the database, streamed, and names the first event that is not what it was.
import type { ClientBase } from 'pg';
import { emptyFrontier, extendFrontier, rootOf } from '#libs/tlog/frontier.ts';
import { hashNothing } from '#libs/tlog/tree-hash.ts';
import { type LoggedRow, beginReading, readLeaves } from './event-leaves.ts';
import { checkPrivateTexts } from './private-texts-check.ts';
import type { PublishedLeaves } from './published-leaves.ts';
import type { SignedCheckpoint } from './published-log.ts';
import { StoredTiles } from './stored-tiles.ts';
import { type Suspect, explainSuspects } from './suspects.ts';
import type { Fault, LogVerification, Verdict } from './verification-result.ts';

/** What the history is compared with. */
export interface Evidence {
  readonly checkpoints: readonly SignedCheckpoint[];
  /** What was published; undefined = it is not at hand. */
  readonly published: PublishedLeaves | undefined;
  /** Events that left the database, in their order; absent = none did. */
  readonly archived?: AsyncIterable<readonly ArchivedLeaf[]> | undefined;
}

type ArchivedLeaf = Pick<LoggedRow, 'seq' | 'leaf' | 'hash'>;

const faultsMax = 100;
const progressEvery = 10_000;

/** Verifies; `onProgress` is called every ten thousand events. Throws FleetgateError 'checkpoint-untrusted'. */
export async function verifyLog(
  client: ClientBase,
  evidence: Evidence,
  onProgress: (events: number, tookMs: number) => void,
): Promise<LogVerification> {
  const started = performance.now();
  const pass = new Pass(evidence);
  await beginReading(client);
  try {
    for await (const rows of withArchived(readLeaves(client, Number.MIN_SAFE_INTEGER), evidence.archived)) {
      const before = pass.events;
      await pass.take(rows);
      const due = Math.floor(before / progressEvery) < Math.floor(pass.events / progressEvery);
      if (due) onProgress(pass.events, performance.now() - started);
    }
    await pass.end(client);
  } finally {
    await client.query('rollback');
  }
  return pass.result(performance.now() - started);
}

/** Puts what left the database into the places where rows are missing. */
async function* withArchived(
  stored: AsyncIterable<readonly LoggedRow[]>,
  archived: Evidence['archived'],
): AsyncGenerator<readonly LoggedRow[]> {
  const left = eachOf(archived);
  let next = await left.next();
  for await (const rows of stored) {
    const all: LoggedRow[] = [];
    for (const row of rows) {
      for (; next.done !== true && next.value.seq < row.seq; next = await left.next())
        all.push({ ...next.value, stored: undefined });
      if (next.done !== true && next.value.seq === row.seq) next = await left.next();
      all.push(row);
    }
    yield all;
  }
  // Where the rows behind them are gone.
  for (; next.done !== true; next = await left.next()) yield [{ ...next.value, stored: undefined }];
}

async function* eachOf(archived: Evidence['archived']): AsyncGenerator<ArchivedLeaf> {
  if (archived !== undefined) for await (const leaves of archived) yield* leaves;
}

/** Goes through the events once. */
class Pass {
  readonly #evidence: Evidence;
  /** Of checkpoints that are to come, by size. */
  readonly #ahead: SignedCheckpoint[];
  readonly #verdicts: Verdict[] = [];
  readonly #tiles = new StoredTiles();
  readonly #suspects: Suspect[] = [];
  readonly #faults: Fault[] = [];
  #frontier = emptyFrontier;
  /** Leaves that are not in the tree yet. */
  #pending: Uint8Array[] = [];
  #suspectCount = 0;

  constructor(evidence: Evidence) {
    this.#evidence = evidence;
    this.#ahead = evidence.checkpoints.toSorted((a, b) => a.size - b.size);
  }

  /** How many numbers of events were gone through. */
  get events(): number {
    return this.#frontier.size + this.#pending.length;
  }

  async take(rows: readonly LoggedRow[]): Promise<void> {
    await this.#evidence.published?.upTo(rows.at(-1)?.seq ?? 0);
    for (const { seq, leaf, hash, stored } of rows) {
      if (seq < 1) {
        this.#addFault(seq, `event ${seq} was inserted: events are numbered from 1`);
        continue;
      }
      while (this.events + 1 < seq) this.#takeMissing();
      const published = this.#evidence.published?.hashOf(seq);
      const expected = published ?? stored;
      if (expected !== undefined && Buffer.compare(hash, expected) !== 0) this.#suspect({ seq, leaf, expected });
      else if (stored !== undefined)
        this.#addFault(seq, `event ${seq} is what was published, and the leaf stored beside it is not its own`);
      this.#add(hash);
    }
    this.#grow();
  }

  /** Compares what is left when the last event was read. */
  async end(client: ClientBase): Promise<void> {
    const { published } = this.#evidence;
    await published?.check();
    await this.#readTexts();
    const signed = Math.max(published?.size ?? 0, this.#ahead.at(-1)?.size ?? 0);
    if (signed > this.events) {
      const [first, last] = [this.events + 1, signed];
      const which = first === last ? `event ${first} is` : `events ${first} to ${last} are`;
      this.#addFault(first, `${which} missing at the end: ${signed} events were signed`);
    }
    this.#grow();
    for (const checkpoint of this.#ahead.splice(0)) this.#verdicts.push({ ...verdictOf(checkpoint), holds: false });
    const [projector] = (
      await client.query<{ size: string; root: Buffer }>('select log_size as size, log_root as root from projector')
    ).rows;
    await this.#tiles.compare(client, (seq, text) => this.#addFault(seq, text));
    const texts = await checkPrivateTexts(client);
    for (const id of texts.altered) this.#addFault(null, `the text of ${id} is another than the history has`);
    if (Number(projector?.size) !== this.events)
      this.#addFault(null, `the database counts ${projector?.size} events, and has ${this.events}`);
    else if (Buffer.compare(projector?.root ?? hashNothing(), rootOf(this.#frontier)) !== 0)
      this.#addFault(null, `the root that the database keeps is not that of its ${this.events} events`);
  }

  result(tookMs: number): LogVerification {
    const explained = explainSuspects(this.#suspects);
    const faults = [...explained, ...this.#faults].toSorted(
      (a, b) => (a.seq ?? Number.MAX_SAFE_INTEGER) - (b.seq ?? Number.MAX_SAFE_INTEGER),
    );
    const narrowed = faults.some(({ seq }) => seq !== null) ? faults : [...this.#narrow(), ...faults];
    const faultCount = this.#suspectCount - this.#suspects.length + narrowed.length;
    return {
      events: this.events,
      root: Buffer.from(rootOf(this.#frontier)).toString('hex'),
      tookMs,
      checkpoints: this.#verdicts,
      faults: narrowed.slice(0, faultsMax),
      faultCount,
    };
  }

  #takeMissing(): void {
    const seq = this.events + 1;
    const expected = this.#evidence.published?.hashOf(seq) ?? hashNothing();
    this.#suspect({ seq, leaf: undefined, expected });
    this.#add(hashNothing());
  }

  #add(hash: Uint8Array): void {
    this.#pending.push(hash);
    if (this.events === this.#ahead[0]?.size) this.#grow();
  }

  /** Takes the leaves into the tree, and compares with the checkpoints of its size. */
  #grow(): void {
    const { frontier, tiles } = extendFrontier(this.#frontier, this.#pending);
    this.#pending = [];
    this.#frontier = frontier;
    this.#tiles.expect(tiles);
    while (this.#ahead[0]?.size === frontier.size) {
      const [checkpoint] = this.#ahead.splice(0, 1);
      if (checkpoint === undefined) break;
      const holds = Buffer.compare(checkpoint.root, rootOf(frontier)) === 0;
      this.#verdicts.push({ ...verdictOf(checkpoint), holds });
    }
  }

  #suspect(suspect: Suspect): void {
    this.#suspectCount += 1;
    if (this.#suspects.length < faultsMax) this.#suspects.push(suspect);
  }

  /** Looks up what was published of the suspects. */
  async #readTexts(): Promise<void> {
    const texts = await this.#evidence.published?.textsOf(this.#suspects.map(({ seq }) => seq));
    for (const [at, suspect] of this.#suspects.entries()) {
      const expectedText = texts?.get(suspect.seq);
      if (expectedText !== undefined) this.#suspects[at] = { ...suspect, expectedText };
    }
  }

  #addFault(seq: number | null, text: string): void {
    this.#faults.push({ seq, text });
  }

  /** Rows, leaves and tiles agree, and a signed root does not: whoever changed one changed all of them. */
  #narrow(): readonly Fault[] {
    const broken = this.#verdicts.find(({ holds }) => !holds);
    if (broken === undefined) return [];
    const held = this.#verdicts.findLast(({ holds, size }) => holds && size < broken.size)?.size ?? 0;
    const text =
      `an event of ${held + 1} to ${broken.size} is not what was signed, and the database agrees with itself: ` +
      `--tiles with what was published names it`;
    return [{ seq: null, text }];
  }
}

function verdictOf({ from, size }: SignedCheckpoint): { readonly from: string; readonly size: number } {
  return { from, size };
}
