// Takes the folder of one node (`--data`), which is private to its user and held by one process at a time.
//
//   owner.json       who holds it              envoy.json       the Envoy that runs, so that the next process adopts it
//   bootstrap.json   what Envoy starts from    envoy.log        what it says; JSON lines
//   last-good/       what the node serves      run/*.sock       ADS and admin sockets (elsewhere for long paths)
import { createHash } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fail } from '#libs/runtime/errors.ts';
import { lockFolder } from '#libs/runtime/process/folder-lock.ts';
import type { EnvoyFolder } from './envoy/envoy-process.ts';

export interface NodeFolder extends EnvoyFolder {
  readonly root: string;
  readonly lastGood: string;
  readonly adsSocket: string;
  /** Gives the folder up; its content stays. */
  release(): Promise<void>;
}

/** Every system takes socket paths of this length; the shortest limit is 104 bytes, on macOS. */
const socketPathLengthMax = 100;

/**
 * Takes the folder, and makes it where it is missing. Throws FleetgateError 'data-in-use' while another process holds
 * it.
 */
export async function openNodeFolder(path: string): Promise<NodeFolder> {
  const root = resolve(path);
  const lock = await lockFolder(root);
  const sockets = await makeSocketFolder(root);
  await mkdir(join(root, 'last-good'), { recursive: true, mode: 0o700 });
  return {
    root,
    lastGood: join(root, 'last-good'),
    bootstrap: join(root, 'bootstrap.json'),
    envoyRecord: join(root, 'envoy.json'),
    envoyLog: join(root, 'envoy.log'),
    adsSocket: join(sockets, 'ads.sock'),
    adminSocket: join(sockets, 'admin.sock'),
    release: () => lock.release(),
  };
}

async function makeSocketFolder(root: string): Promise<string> {
  const near = join(root, 'run');
  const name = createHash('sha256').update(root).digest('hex').slice(0, 16);
  const path = join(near, 'admin.sock').length <= socketPathLengthMax ? near : join(tmpdir(), `fleetgate-${name}`);
  await mkdir(path, { recursive: true, mode: 0o700 }).catch((error: unknown) => {
    throw fail('file', path, { cause: error });
  });
  return path;
}
