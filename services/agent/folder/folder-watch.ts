// Says which files under a folder changed: it gathers the file system's own notices for a moment, and scans every few
// seconds for what those do not tell. It waits for a folder that goes away.
import { type FSWatcher, watch } from 'node:fs';
import { join } from 'node:path';
import { type FileMark, isManifestPath, isSameMark, markOf, scanFolder, statOf } from './file-tree.ts';

/** Says which files changed since the batch before. */
export interface FileChanges {
  /** Present files that are new or changed, by path relative to the folder. */
  readonly changed: ReadonlyMap<string, FileMark>;
  readonly removed: readonly string[];
}

interface FolderWatchOptions {
  readonly folder: string;
  /** Called for one batch at a time; the first has every file. Null = the folder is not there. */
  readonly onChanges: (changes: FileChanges | null) => Promise<void>;
  readonly gatherMs?: number;
  readonly scanMs?: number;
}

/** Watches a folder until it is stopped. */
export interface FolderWatch {
  /** Looks at these files again, changed or not. */
  again(paths: readonly string[]): void;
  stop(): Promise<void>;
}

const gatherLimitFactor = 10;

/** Starts the watch; resolves after the first batch. */
export async function startFolderWatch(options: FolderWatchOptions): Promise<FolderWatch> {
  const watching = new Watching(options);
  await watching.look('all');
  watching.watch();
  return {
    again: (paths) => {
      for (const path of paths) watching.notice(path);
    },
    stop: () => watching.stop(),
  };
}

class Watching {
  readonly #options: FolderWatchOptions;
  readonly #marks = new Map<string, FileMark>();
  readonly #noticed = new Set<string>();
  #watcher: FSWatcher | null = null;
  #gather: NodeJS.Timeout | undefined;
  #gatherSince = 0;
  #scan: NodeJS.Timeout | undefined;
  #turn: Promise<void> = Promise.resolve();
  #state: 'running' | 'stopped' = 'running';

  constructor(options: FolderWatchOptions) {
    this.#options = options;
  }

  watch(): void {
    if (this.#state === 'stopped') return;
    if (this.#scan === undefined) this.#scanLater();
    try {
      this.#watcher = watch(this.#options.folder, { recursive: true }, (_event, name) => this.notice(name ?? ''));
      this.#watcher.on('error', () => this.#unwatch());
    } catch {
      // Not there: the scan goes on.
    }
  }

  /** Editors write in several steps: looks a moment after the last one. */
  notice(path: string): void {
    const parts = path.split('\\').join('/').split('/');
    const isHidden = parts.some((part) => part.startsWith('.') && !part.startsWith('..'));
    if (this.#state === 'stopped' || (isHidden && path !== '')) return;
    // Mounted ConfigMaps swap a link named `..data`.
    this.#noticed.add(parts.some((part) => part.startsWith('..')) ? '' : parts.join('/'));
    const gatherMs = this.#options.gatherMs ?? 15;
    const now = performance.now();
    if (this.#gather === undefined) this.#gatherSince = now;
    else if (now - this.#gatherSince > gatherMs * gatherLimitFactor) return;
    clearTimeout(this.#gather);
    this.#gather = setTimeout(() => {
      this.#gather = undefined;
      const noticed = [...this.#noticed];
      this.#noticed.clear();
      void this.look(noticed.includes('') ? 'all' : noticed);
    }, gatherMs);
  }

  look(paths: 'all' | readonly string[], cause: 'notice' | 'scan' = 'notice'): Promise<void> {
    this.#turn = this.#turn.then(() => (this.#state === 'stopped' ? undefined : this.#look(paths, cause)));
    return this.#turn;
  }

  async stop(): Promise<void> {
    this.#state = 'stopped';
    clearTimeout(this.#scan);
    clearTimeout(this.#gather);
    this.#unwatch();
    await this.#turn;
    clearTimeout(this.#scan);
  }

  async #look(paths: 'all' | readonly string[], cause: 'notice' | 'scan'): Promise<void> {
    const changes = paths === 'all' ? await this.#compareAll() : await this.#compare(paths);
    if (changes === null) {
      this.#unwatch();
      await this.#options.onChanges(null);
      return;
    }
    const isChange = changes.changed.size > 0 || changes.removed.length > 0;
    // The folder came back, or a part of it was replaced unnoticed: the notices are of something that is gone.
    if (cause === 'scan' && isChange) this.#unwatch();
    if (this.#scan !== undefined && this.#watcher === null) this.watch();
    for (const path of changes.removed) this.#marks.delete(path);
    for (const [path, mark] of changes.changed) this.#marks.set(path, mark);
    if (isChange || this.#scan === undefined) await this.#options.onChanges(changes);
  }

  async #compareAll(): Promise<FileChanges | null> {
    const found = await scanFolder(this.#options.folder);
    if (found === null) return null;
    return {
      changed: new Map([...found].filter(([path, mark]) => !isSameMark(mark, this.#marks.get(path)))),
      removed: [...this.#marks.keys()].filter((path) => !found.has(path)),
    };
  }

  async #compare(paths: readonly string[]): Promise<FileChanges | null> {
    const changed = new Map<string, FileMark>();
    const removed: string[] = [];
    for (const path of paths) {
      const stats = await statOf(join(this.#options.folder, path));
      // A folder came, went or was renamed: all that is below it counts.
      if (stats?.isDirectory() || (stats === null && !this.#marks.has(path))) return this.#compareAll();
      if (stats === null) removed.push(path);
      else if (stats.isFile() && isManifestPath(path)) changed.set(path, markOf(stats));
    }
    return { changed, removed };
  }

  #scanLater(): void {
    const scanMs = this.#options.scanMs ?? 5000;
    // Waits less for a folder that went away.
    const waitMs = this.#watcher === null ? scanMs / 10 : scanMs;
    this.#scan = setTimeout(() => void this.look('all', 'scan').then(() => this.#scanLater()), waitMs);
    if (this.#state === 'stopped') clearTimeout(this.#scan);
  }

  #unwatch(): void {
    this.#watcher?.close();
    this.#watcher = null;
  }
}
