// Finds k6, or builds the pinned version with Go into the cache.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder } from '#libs/runtime/binaries/resolve-binary.ts';

const version = 'v1.8.1';

/**
 * Finds the path of k6: FLEETGATE_K6_BIN, PATH, the cache, else it is built (about a minute). Throws with the remedies
 * when none is to be had.
 */
export function findK6(say: (line: string) => void): string {
  const named = process.env['FLEETGATE_K6_BIN'];
  if (named !== undefined) return named;
  if (spawnSync('k6', ['version']).status === 0) return 'k6';
  const folder = join(cacheFolder(), 'bin');
  const path = join(folder, 'k6');
  if (existsSync(path)) return path;
  mkdirSync(folder, { recursive: true });
  say(`building k6 ${version} with Go`);
  const built = spawnSync('go', ['install', '-ldflags=-s -w', `go.k6.io/k6@${version}`], {
    env: { ...process.env, GOBIN: folder },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  if (built.status !== 0)
    throw new Error('k6 is not here: put it on PATH, set FLEETGATE_K6_BIN, or install Go so that it can be built');
  return path;
}
