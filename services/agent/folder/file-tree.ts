// Finds the files of manifests under a folder, with marks that show when one has changed. It follows links and does
// not read hidden names.
import { type Stats, promises as fs } from 'node:fs';
import { join } from 'node:path';

/** Shows by its differences that a file has changed. */
export interface FileMark {
  readonly mtimeMs: number;
  readonly size: number;
  readonly ino: number;
  /** Owner. */
  readonly uid: number;
}

const filesMax = 50_000;
const depthMax = 32;

/**
 * Tells `*.yaml`, `*.yml` and `*.json` that are not hidden from other files; editors keep swap and lock files under
 * hidden names.
 */
export function isManifestPath(path: string): boolean {
  return /\.(ya?ml|json)$/i.test(path) && !path.split('/').some((part) => part.startsWith('.'));
}

/** Marks every file of manifests by its path relative to the folder. Null = the folder is not there. */
export async function scanFolder(folder: string): Promise<ReadonlyMap<string, FileMark> | null> {
  const found = new Map<string, FileMark>();
  const visited = new Set<string>();
  const visit = async (relative: string, depth: number): Promise<void> => {
    const real = await fs.realpath(join(folder, relative)).catch(() => null);
    if (real === null || visited.has(real) || depth > depthMax) return;
    visited.add(real);
    const names = await fs.readdir(real).catch((): string[] => []);
    for (const name of names) {
      if (name.startsWith('.') || name === 'node_modules' || found.size >= filesMax) continue;
      const path = relative === '' ? name : `${relative}/${name}`;
      const stats = await statOf(join(folder, path));
      if (stats?.isDirectory()) await visit(path, depth + 1);
      else if (stats?.isFile() && isManifestPath(path)) found.set(path, markOf(stats));
    }
  };
  if (!(await statOf(folder))?.isDirectory()) return null;
  await visit('', 0);
  return found;
}

/** Tells whether two marks are those of the same state of a file. */
export function isSameMark(a: FileMark | undefined, b: FileMark | undefined): boolean {
  return a?.mtimeMs === b?.mtimeMs && a?.size === b?.size && a?.ino === b?.ino;
}

/** Asks the file system about a file. Null = there is no such file. */
export async function statOf(path: string): Promise<Stats | null> {
  return fs.stat(path).catch(() => null);
}

/** Takes the mark of a file from what the file system says. */
export function markOf({ mtimeMs, size, ino, uid }: Stats): FileMark {
  return { mtimeMs, size, ino, uid };
}
