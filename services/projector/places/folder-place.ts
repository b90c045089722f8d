// Keeps a published log in a folder.
import { randomBytes } from 'node:crypto';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fail, messageOf } from '#libs/runtime/errors.ts';
import type { LogPlace } from './place.ts';

/** Opens a folder, which is made as it is needed. Its calls throw FleetgateError 'file'. */
export function openFolderPlace(root: string): LogPlace {
  return {
    name: root,
    read: (path) => inFolder(async () => readFile(join(root, path)).catch(undefinedWhereMissing)),
    write: (path, bytes) => inFolder(() => writeWhole(join(root, path), bytes)),
    forgetPartial: (path) => inFolder(() => rm(join(root, `${path}.p`), { recursive: true, force: true })),
    seal: () => Promise.resolve(),
  };
}

async function writeWhole(path: string, bytes: Uint8Array): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const temporary = `${path}.${randomBytes(4).toString('hex')}.new`;
  const file = await open(temporary, 'w', 0o644);
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
}

function undefinedWhereMissing(error: unknown): undefined {
  if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) return;
  throw error;
}

async function inFolder<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw fail('file', messageOf(error), { cause: error });
  }
}
