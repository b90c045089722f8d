// Makes a folder of manifests a source: what its files say is served as an API server would serve it.
//
//   files ──parse──▶ claims (file, object) ──the one that counts──▶ objects with identity ──▶ sink
//
// A file with mistakes keeps its last good state. What disappears is believed after a moment: editors write in steps.
import { createHash } from 'node:crypto';
import { readFile, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import type { InventoryItem } from '#libs/events/agent-exchange.ts';
import { isForeignKind, kindInfo, kinds, type WatchedKind } from '#libs/gateway/kinds.ts';
import { parseLocalKey, toLocalKey } from '#libs/gateway/object-key.ts';
import { fail, messageOf } from '#libs/runtime/errors.ts';
import type { Logger } from '#libs/runtime/log.ts';
import type { ObjectName, Source, SourceSink } from '../source.ts';
import { Claims } from './claims.ts';
import { type FileChanges, type FolderWatch, startFolderWatch } from './folder-watch.ts';
import { FolderIdentity } from './identity.ts';
import { type ParsedFile, parseManifestFile } from './manifest.ts';
import { ServedObjects } from './served-objects.ts';

interface FolderSourceOptions {
  readonly folder: string;
  readonly cluster: string;
  /** Where the identity of the objects is kept. */
  readonly stateFolder: string;
  readonly log: Logger;
  readonly now?: () => number;
  /** How long a removal must last to be believed. */
  readonly settleMs?: number;
  readonly scanMs?: number;
}

/** How long a file with mistakes may be in the middle of being written. */
const writingMs = 100;
/** A journal that a full disk did not take is tried again. */
const mendMs = 5000;
const fileBytesMax = 16 * 1024 * 1024;

/**
 * Opens a folder as a source. Throws FleetgateError 'folder' when there is no such folder, 'file' when the state
 * cannot be kept.
 */
export async function openFolderSource(options: FolderSourceOptions): Promise<Source> {
  const real = await realpath(options.folder).catch((error: unknown) => {
    throw fail('folder', `${options.folder} (${messageOf(error)})`, { cause: error });
  });
  const identity = FolderIdentity.open({
    path: join(options.stateFolder, 'objects.jsonl'),
    newClusterUid: uuidOf(`${options.cluster} ${real}`),
    now: options.now ?? Date.now,
  });
  return new FolderSource(options, identity);
}

class FolderSource implements Source {
  readonly kind = 'folder';
  readonly clusterUid: string;
  readonly writeStatus = null;
  readonly #options: FolderSourceOptions;
  readonly #identity: FolderIdentity;
  readonly #claims = new Claims();
  /** Of files that were never read without mistakes: what was in them before this process, and may still be meant. */
  readonly #uncertain = new Map<string, ReadonlySet<string>>();
  readonly #problemsOf = new Map<string, number>();
  readonly #vanishing = new Set<string>();
  /** Kinds of policies that other gateways serve, of the history or in files. */
  readonly #foreignKinds = new Set<WatchedKind>();
  #served: ServedObjects | undefined;
  #watch: FolderWatch | undefined;
  #settle: NodeJS.Timeout | undefined;
  #mend: NodeJS.Timeout | undefined;
  #turn: Promise<void> = Promise.resolve();
  #state: 'starting' | 'live' | 'stopped' = 'starting';

  constructor(options: FolderSourceOptions, identity: FolderIdentity) {
    this.#options = options;
    this.#identity = identity;
    this.clusterUid = identity.clusterUid;
  }

  async start(sink: SourceSink, inventory: readonly InventoryItem[]): Promise<void> {
    this.#identity.learn(inventory);
    this.#noteForeign(
      sink,
      inventory.flatMap(({ key }) => kindInfo(parseLocalKey(key).kind)?.kind ?? []),
    );
    const served = new ServedObjects({
      sink,
      identity: this.#identity,
      claims: this.#claims,
      folder: this.#options.folder,
    });
    this.#served = served;
    this.#watch = await startFolderWatch({
      folder: this.#options.folder,
      onChanges: (changes) => this.#inTurn(() => this.#take(served, sink, changes)),
      ...(this.#options.scanMs === undefined ? {} : { scanMs: this.#options.scanMs }),
    });
    // What the first batch referred to is in line before this.
    await this.#inTurn(() => {
      this.#forgetUnclaimed();
      this.#state = 'live';
      this.#tellListed(sink);
      return Promise.resolve();
    });
  }

  reference(wanted: readonly ObjectName[]): void {
    const keys = new Set(wanted.map(toLocalKey));
    void this.#inTurn(async () => this.#served?.reference(keys));
  }

  isUncertain(key: string): boolean {
    return this.#uncertain.values().some((keys) => keys.has(key));
  }

  async stop(): Promise<void> {
    if (this.#state === 'stopped') return;
    this.#state = 'stopped';
    clearTimeout(this.#settle);
    clearTimeout(this.#mend);
    await this.#watch?.stop();
    await this.#turn;
    this.#identity.close();
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    this.#turn = this.#turn.then(() => (this.#state === 'stopped' ? undefined : work()));
    return this.#turn;
  }

  async #take(served: ServedObjects, sink: SourceSink, changes: FileChanges | null): Promise<void> {
    const { folder } = this.#options;
    sink.problem('folder', changes === null ? `the folder ${folder} is not there: its last state is kept` : null);
    if (changes === null) return;
    const affected = new Set<string>();
    for (const file of changes.removed) {
      for (const key of this.#claims.remove(file)) affected.add(key);
      this.#report(sink, file, []);
      this.#decide(sink, file);
    }
    for (const [file, mark] of changes.changed) {
      const parsed = await this.#read(file);
      // Perhaps half written: look again before complaining.
      const ageMs = Date.now() - mark.mtimeMs;
      if (parsed.problems.length > 0 && this.#watch !== undefined && ageMs >= 0 && ageMs < writingMs) {
        this.#watch.again([file]);
        continue;
      }
      this.#report(sink, file, parsed.problems);
      const isKept = parsed.problems.length > 0 && this.#claims.has(file);
      if (isKept) continue;
      served.marks.set(file, mark);
      this.#noteForeign(
        sink,
        parsed.manifests.map(({ kind }) => kind),
      );
      for (const key of this.#claims.set(file, parsed.manifests)) affected.add(key);
      if (parsed.problems.length > 0) this.#uncertain.set(file, this.#missingOf(file));
      else this.#decide(sink, file);
      if (parsed.ignored.length > 0) {
        this.#options.log.info({ file: join(folder, file), kinds: parsed.ignored }, 'kinds that are not read');
      }
    }
    for (const key of await served.update(affected, this.#state === 'live' ? 'watch' : 'relist'))
      this.#vanishing.add(key);
    this.#tellJournal(sink);
    if (this.#vanishing.size > 0) this.#settleSoon(served);
  }

  /** Tells what the journal lacks, and tries again until it lacks nothing. */
  #tellJournal(sink: SourceSink): void {
    sink.problem('journal', this.#identity.problem);
    if (this.#identity.problem === null || this.#state === 'stopped') return;
    clearTimeout(this.#mend);
    this.#mend = setTimeout(() => {
      void this.#inTurn(async () => {
        this.#identity.mend();
        this.#tellJournal(sink);
      });
    }, mendMs);
  }

  async #read(file: string): Promise<ParsedFile> {
    const path = join(this.#options.folder, file);
    const nothing = { manifests: [], ignored: [] };
    try {
      const bytes = await readFile(path);
      if (bytes.length > fileBytesMax)
        return { ...nothing, problems: [`${path}:1: the file has more than ${fileBytesMax} bytes`] };
      return parseManifestFile(bytes.toString('utf8'), path);
    } catch (error) {
      return { ...nothing, problems: [`${path}:1: ${messageOf(error)}`] };
    }
  }

  /** Deletions wait for a moment in which the objects may come back. */
  #settleSoon(served: ServedObjects): void {
    clearTimeout(this.#settle);
    this.#settle = setTimeout(() => {
      const keys = [...this.#vanishing];
      this.#vanishing.clear();
      void this.#inTurn(() => served.settle(keys));
    }, this.#options.settleMs ?? 150);
  }

  /** Gives the keys of the objects that a file held once and that its good part does not show. */
  #missingOf(file: string): ReadonlySet<string> {
    return new Set(this.#identity.keysOf(file).filter((key) => this.#claims.winner(key, undefined) === null));
  }

  /** A file that could not be trusted can be, or is gone: what it does not hold does not exist. */
  #decide(sink: SourceSink, file: string): void {
    if (!this.#uncertain.delete(file) || this.#state !== 'live') return;
    this.#forgetUnclaimed();
    this.#tellListed(sink);
  }

  #tellListed(sink: SourceSink): void {
    for (const { kind } of kinds) sink.listed(kind);
    for (const kind of this.#foreignKinds) sink.listed(kind);
  }

  /** Notes kinds that have no row: all their objects are known as soon as the folder's are. */
  #noteForeign(sink: SourceSink, found: Iterable<WatchedKind>): void {
    for (const kind of found) {
      if (!isForeignKind(kind) || this.#foreignKinds.has(kind)) continue;
      this.#foreignKinds.add(kind);
      if (this.#state === 'live') sink.listed(kind);
    }
  }

  #forgetUnclaimed(): void {
    for (const key of this.#identity.keys()) {
      if (this.#served?.has(key) !== true && !this.isUncertain(key)) this.#identity.forget(key);
    }
  }

  #report(sink: SourceSink, file: string, problems: readonly string[]): void {
    const before = this.#problemsOf.get(file) ?? 0;
    for (let i = 0; i < Math.max(before, problems.length); i++) sink.problem(`${file} ${i}`, problems[i] ?? null);
    this.#problemsOf.set(file, problems.length);
  }
}

/** Gives the same UUID for the same text: a folder whose state was lost is still the same cluster. */
function uuidOf(text: string): string {
  const hex = createHash('sha256').update(text).digest('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), `8${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`, hex.slice(20, 32)].join(
    '-',
  );
}
