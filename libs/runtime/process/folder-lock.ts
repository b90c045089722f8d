// Gives a folder one owner: a file names the owner, and the server that it runs there. The file of an owner that is
// dead is taken over. It is no lock of the kernel: Node has none.
import { link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { z } from 'zod';
import { fail, messageOf } from '#libs/runtime/errors.ts';
import { pause } from '#libs/runtime/pause.ts';
import { type ProcessIdentity, identityOf, isRunning, signalProcess } from './process-identity.ts';

export interface FolderLock {
  /** Notes the server that runs in the folder, so that the next owner finds it if this one dies without stopping it. */
  recordServer(pid: number): Promise<void>;
  /** Gives the folder up. */
  release(): Promise<void>;
}

const identity = z.object({ pid: z.number(), started: z.string() });
const ownerFile = z.object({ token: z.string(), owner: identity, server: identity.optional() });
type Owner = z.infer<typeof ownerFile>;

const fileName = 'owner.json';
const stopWaitMs = 15_000;

/**
 * Takes a folder (made when missing, mode 0700). A server that an owner left behind when it died is stopped with
 * `stopSignal`. Throws FleetgateError 'data-in-use' that names the process when a living one holds it.
 */
export async function lockFolder(
  folder: string,
  options: { readonly stopSignal?: NodeJS.Signals } = {},
): Promise<FolderLock> {
  await mkdir(folder, { recursive: true, mode: 0o700 }).catch((error: unknown) => {
    throw fail('file', `${folder} (${messageOf(error)})`, { cause: error });
  });
  const path = join(folder, fileName);
  const self = await identityOf(process.pid);
  if (self === undefined) throw fail('file', `${folder}: this process cannot be told from others`);
  const mine: Owner = { token: randomBytes(8).toString('hex'), owner: self };
  for (;;) {
    if (await create(path, mine)) return heldLock(path, mine);
    const theirs = await read(path);
    if (theirs !== undefined) {
      if (await isRunning(theirs.owner)) throw fail('data-in-use', `${folder} is held by process ${theirs.owner.pid}`);
      if (theirs.server !== undefined) await stopServer(theirs.server, options.stopSignal ?? 'SIGTERM');
    }
    await discard(path, theirs?.token);
  }
}

function heldLock(path: string, mine: Owner): FolderLock {
  return {
    async recordServer(pid) {
      const server = await identityOf(pid);
      if (server !== undefined) await replace(path, { ...mine, server });
    },
    async release() {
      if ((await read(path))?.token === mine.token) await rm(path, { force: true });
    },
  };
}

/** Writes the file, by a link so that nobody sees it half written; false when it is there already. */
async function create(path: string, owner: Owner): Promise<boolean> {
  const temporary = `${path}.${owner.token}`;
  await writeFile(temporary, JSON.stringify(owner), { mode: 0o600 }).catch((error: unknown) => {
    throw fail('file', `${path} (${messageOf(error)})`, { cause: error });
  });
  try {
    await link(temporary, path);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw fail('file', `${path} (${messageOf(error)})`, { cause: error });
  } finally {
    await rm(temporary, { force: true });
  }
}

async function replace(path: string, owner: Owner): Promise<void> {
  const temporary = `${path}.${owner.token}`;
  await writeFile(temporary, JSON.stringify(owner), { mode: 0o600 });
  await rename(temporary, path);
}

/** Removes the file of a dead owner; when another process was faster, its file goes back. */
async function discard(path: string, token: string | undefined): Promise<void> {
  const aside = `${path}.${randomBytes(8).toString('hex')}`;
  await rename(path, aside).catch(() => undefined);
  const moved = await read(aside);
  if (moved !== undefined && moved.token !== token) await link(aside, path).catch(() => undefined);
  await rm(aside, { force: true });
}

async function read(path: string): Promise<Owner | undefined> {
  const text = await readFile(path, 'utf8').catch(() => '');
  if (text === '') return undefined;
  try {
    return ownerFile.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

/** Stops a server that lost its owner: the signal, then SIGKILL. */
async function stopServer(server: ProcessIdentity, signal: NodeJS.Signals): Promise<void> {
  const giveUpAt = performance.now() + stopWaitMs;
  let sent = false;
  while (await isRunning(server)) {
    if (!sent) signalProcess(server.pid, signal);
    sent = true;
    if (performance.now() > giveUpAt) signalProcess(server.pid, 'SIGKILL');
    await pause(10);
  }
}
