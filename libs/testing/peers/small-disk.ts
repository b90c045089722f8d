// Mounts a small file system of its own for a test, to be filled and emptied. It wants the right to mount (root).
import { execFile } from 'node:child_process';
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Teardown, throwawayFolder } from './throwaway.ts';

export interface SmallDisk {
  readonly path: string;
  /** Leaves not a byte free, until `empty`. */
  fill(): Promise<void>;
  /** Takes away what `fill` wrote. */
  empty(): Promise<void>;
}

const run = promisify(execFile);
const block = Buffer.alloc(64 * 1024);

/** Mounts a disk of that many megabytes; it is gone with the test. What runs on it must end before. */
export async function smallDisk(test: Teardown, megabytes: number): Promise<SmallDisk> {
  const path = await throwawayFolder(test);
  await run('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', path]);
  test.teardown(() => run('umount', ['--lazy', path]));
  const ballast = join(path, 'ballast');
  return {
    path,
    async fill() {
      const file = await open(ballast, 'a');
      try {
        for (;;) await file.write(block);
      } catch (error) {
        if (!String(error).includes('ENOSPC')) throw error;
      } finally {
        await file.close();
      }
    },
    empty: () => rm(ballast),
  };
}
