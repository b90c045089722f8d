// Keeps the folder of an embedded server: one owner, a password and a port that stay, a log file with a limit.
import { randomBytes } from 'node:crypto';
import { open, readFile, rename, stat, writeFile } from 'node:fs/promises';

import { join } from 'node:path';
import { fail } from '#libs/runtime/errors.ts';
import { tryPort } from '#libs/runtime/ports.ts';
import { type FolderLock, lockFolder } from './folder-lock.ts';

export interface ServerFolder extends FolderLock {
  readonly password: string;
  readonly logFile: string;
  /** A free port on 127.0.0.1: the given one (FleetgateError 'port-in-use'), else the one of last time, else any. */
  port(wanted: number | undefined): Promise<number>;
  /** The end of the log, for an error. */
  logTail(): Promise<string>;
}

const host = '127.0.0.1';
const logBytesMax = 16 * 1024 ** 2;
const tailBytes = 2000;

/** Takes the folder for a server; a server of a dead owner is stopped with the signal. */
export async function openServerFolder(
  folder: string,
  name: string,
  stopSignal: NodeJS.Signals,
): Promise<ServerFolder> {
  const lock = await lockFolder(folder, { stopSignal });
  const logFile = join(folder, `${name}.log`);
  const size = await stat(logFile).then(
    (info) => info.size,
    () => 0,
  );
  if (size > logBytesMax) await rename(logFile, `${logFile}.old`);
  return {
    ...lock,
    password: await passwordOf(join(folder, 'password')),
    logFile,
    port: (wanted) => choosePort(join(folder, 'port'), wanted),
    logTail: () => tailOf(logFile),
  };
}

/** Keeps the password: clients of an earlier run may come back with it. */
async function passwordOf(path: string): Promise<string> {
  const kept = await readFile(path, 'utf8').catch(() => '');
  if (kept.trim() !== '') return kept.trim();
  const password = randomBytes(24).toString('hex');
  const file = await open(path, 'w', 0o600);
  try {
    await file.writeFile(`${password}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  return password;
}

async function choosePort(path: string, wanted: number | undefined): Promise<number> {
  if (wanted !== undefined && wanted !== 0) {
    if ((await tryPort(host, wanted)) === undefined) throw fail('port-in-use', `${host}:${wanted}`);
    return wanted;
  }
  const kept = Number(await readFile(path, 'utf8').catch(() => ''));
  const port = (kept > 0 ? await tryPort(host, kept) : undefined) ?? (await tryPort(host, 0));
  if (port === undefined) throw fail('port-in-use', `there is no free port on ${host}`);
  await writeFile(path, `${port}\n`);
  return port;
}

async function tailOf(path: string): Promise<string> {
  const text = await readFile(path, 'utf8').catch(() => '');
  return text.slice(-tailBytes).trim();
}
