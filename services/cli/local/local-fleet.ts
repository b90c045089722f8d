// Lets the commands find an `up` on this machine: each running one has a record in the user's state folder.
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { isRunning } from '#libs/runtime/process/process-identity.ts';
import { type UpRecord, readUpRecord } from './data-folder.ts';

type Env = Readonly<Record<string, string | undefined>>;

/** Makes a running `up` findable until `remove` is called. */
export function announceLocalFleet(record: UpRecord, env: Env): { remove(): void } {
  const folder = recordsFolder(env);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, `${createHash('sha256').update(record.data).digest('hex').slice(0, 16)}.json`);
  writeFileSync(path, `${JSON.stringify(record)}\n`, { mode: 0o600 });
  return { remove: () => rmSync(path, { force: true }) };
}

/** Finds every `up` of this user that is running, the newest first. */
export async function findLocalFleets(env: Env): Promise<readonly UpRecord[]> {
  const folder = recordsFolder(env);
  let files: readonly string[];
  try {
    files = readdirSync(folder).filter((file) => file.endsWith('.json'));
  } catch {
    return [];
  }
  const records = files.flatMap((file) => readUpRecord(join(folder, file)) ?? []);
  const running = await Promise.all(records.map(isRunning));
  return records.filter((_, index) => running[index]).toSorted((a, b) => (a.since < b.since ? 1 : -1));
}

function recordsFolder(env: Env): string {
  const state = env['XDG_STATE_HOME'];
  const home = state === undefined || state === '' ? join(homedir(), '.local', 'state') : state;
  return join(home, 'fleetgate', 'up');
}
