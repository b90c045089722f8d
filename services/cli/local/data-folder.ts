// Keeps everything of one `up` that must survive it in one folder, and knows who holds the folder. It is private to the
// user (0700, files 0600).
//   owner.json, up.json     who holds the folder: process, since when, address
//   run/<part>.json         the running parts, for people and scripts
//   logs/<part>.log         what each part said
//   secrets.json, node-key  tokens, the node key pair
//   servers.json            where the servers are, passwords included
//   postgres/ nats/ node/ agents/<cluster>/   the parts' own state
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { FleetgateError, fail, messageOf } from '#libs/runtime/errors.ts';
import { lockFolder } from '#libs/runtime/process/folder-lock.ts';
import { identityOf } from '#libs/runtime/process/process-identity.ts';
import { readRecord } from './record-file.ts';

export interface DataFolder {
  readonly root: string;
  readonly logs: string;
  readonly run: string;
  readonly secrets: string;
  /** The node's private key, in a file of its own for the node process. */
  readonly nodeKey: string;
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

/** Opens the folder and makes it and its sub-folders where they are missing. Throws FleetgateError 'file'. */
export function openDataFolder(root: string): DataFolder {
  const folder: DataFolder = {
    root,
    logs: join(root, 'logs'),
    run: join(root, 'run'),
    secrets: join(root, 'secrets.json'),
    nodeKey: join(root, 'node-key'),
    postgres: join(root, 'postgres'),
    nats: join(root, 'nats'),
    node: join(root, 'node'),
    agents: join(root, 'agents'),
  };
  try {
    for (const path of [root, folder.logs, folder.run, folder.agents])
      mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw fail('file', messageOf(error), { cause: error, hint: 'Choose another folder with --data.' });
  }
  return folder;
}

interface HeldDataFolder {
  /** Notes in the folder who holds it. */
  describe(up: Pick<UpRecord, 'url' | 'clusters' | 'since'>): Promise<UpRecord>;
  release(): Promise<void>;
}

/**
 * Takes the folder for this process. Throws FleetgateError 'data-in-use' that says who has it, since when and where.
 */
export async function holdDataFolder(folder: DataFolder): Promise<HeldDataFolder> {
  const path = join(folder.root, 'up.json');
  const lock = await lockFolder(folder.root).catch((error: unknown) => {
    const holder = readUpRecord(path);
    if (!(error instanceof FleetgateError) || error.code !== 'data-in-use' || holder === undefined) throw error;
    const { pid, since, url, clusters } = holder;
    const who = `process ${pid}, since ${since}, serving ${url} (${clusters.join(', ')})`;
    throw fail('data-in-use', `${folder.root} is held by another \`fleetgate up\`: ${who}`, {
      hint: `Use it as it is (npx fleetgate status), stop it (kill ${pid}), or choose another folder with --data.`,
    });
  });
  return {
    async describe(up) {
      const self = await identityOf(process.pid);
      const record: UpRecord = { ...up, pid: process.pid, started: self?.started ?? '', data: folder.root };
      writeFileSync(path, `${JSON.stringify(record)}\n`, { mode: 0o600 });
      return record;
    },
    async release() {
      rmSync(path, { force: true });
      await lock.release();
    },
  };
}

/** Reads the record in a file; undefined where there is none that can be read. */
export function readUpRecord(path: string): UpRecord | undefined {
  return readRecord(path, upRecord);
}
