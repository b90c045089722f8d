// Where one `up` keeps everything that must survive it, and who holds it. Private to the user (0700, files 0600).
//
//   up.json          who holds the folder: pid, since when, address        run/<part>.json   the running parts, for the next start
//   logs/<part>.log  what each part said                                   secrets.json      tokens and the node key pair
//   postgres/ nats/ node/ agents/<cluster>/                                the parts' own state
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { identifyProcess, isRunning } from '../process-identity.ts';

export interface DataFolder {
  readonly root: string;
  readonly logs: string;
  readonly run: string;
  readonly secrets: string;
  readonly postgres: string;
  readonly nats: string;
  readonly node: string;
  readonly agents: string;
}

const upRecord = z.object({
  pid: z.number().int().positive(),
  started: z.string(),
  since: z.string(),
  url: z.string(),
  data: z.string(),
  clusters: z.array(z.string()),
});

/** Who runs an `up`: its process, its API's address, its data folder. */
export type UpRecord = Readonly<z.infer<typeof upRecord>>;

/** The folder with its sub-folders, made where they are missing. */
export function openDataFolder(root: string): DataFolder {
  const folder: DataFolder = {
    root,
    logs: join(root, 'logs'),
    run: join(root, 'run'),
    secrets: join(root, 'secrets.json'),
    postgres: join(root, 'postgres'),
    nats: join(root, 'nats'),
    node: join(root, 'node'),
    agents: join(root, 'agents'),
  };
  for (const path of [root, folder.logs, folder.run, folder.agents]) mkdirSync(path, { recursive: true, mode: 0o700 });
  return folder;
}

/** Takes the folder for this process, or says who has it. A record whose process is gone is taken over. */
export function takeDataFolder(
  folder: DataFolder,
  up: Omit<UpRecord, 'pid' | 'started' | 'data'>,
): { readonly record: UpRecord; release(): void } | { readonly heldBy: UpRecord } {
  const path = join(folder.root, 'up.json');
  const self = identifyProcess(process.pid);
  const record: UpRecord = { ...up, pid: process.pid, started: self?.started ?? '', data: folder.root };
  for (;;) {
    try {
      writeFileSync(path, `${JSON.stringify(record)}\n`, { flag: 'wx', mode: 0o600 });
      return { record, release: () => rmSync(path, { force: true }) };
    } catch (error) {
      if (!isCode(error, 'EEXIST')) throw error;
    }
    const holder = readUpRecord(path);
    if (holder !== undefined && isRunning(holder)) return { heldBy: holder };
    // Moved aside first: of two that start at once, one moves the dead record and the other finds nothing to move.
    const aside = `${path}.${process.pid}`;
    try {
      renameSync(path, aside);
      rmSync(aside, { force: true });
    } catch (error) {
      if (!isCode(error, 'ENOENT')) throw error;
    }
  }
}

/** The record in a file, or undefined where there is none that can be read. */
export function readUpRecord(path: string): UpRecord | undefined {
  try {
    return upRecord.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch {
    return undefined;
  }
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
