// Reads what one version of a gateway holds from the changes that led to it.
import type { ClientBase } from 'pg';
import { digestOf } from '#libs/snapshot/digest.ts';
import type { VersionContent } from '#libs/projection/versions/gateway-head.ts';
import { listenerHashes, portsOf, readPorts } from './version-ports.ts';

// Steps from key to key along the index: the cost is that of the keys, however many versions have changed them.
const contentQuery = `
  with recursive keys as (
    (select key from snapshot_changes where gateway = $1 order by key limit 1)
    union all
    select n.key from keys k, lateral (
      select c.key from snapshot_changes c where c.gateway = $1 and c.key > k.key order by c.key limit 1) n)
  select k.key, newest.hash from keys k, lateral (
    select c.hash from snapshot_changes c where c.gateway = $1 and c.key = k.key and c.version <= $2
      order by c.version desc limit 1) newest
   where newest.hash is not null`;

/** Says that the stored content of a version does not have the version's digest. */
export class StoredVersionDiffers extends Error {
  override readonly name = 'StoredVersionDiffers';
}

/**
 * Reads the content of a version; undefined when there is no such version. Throws
 * StoredVersionDiffers when what is stored does not have the version's digest.
 */
export async function readVersionContent(
  client: ClientBase,
  gateway: string,
  version: number,
): Promise<VersionContent | undefined> {
  const { rows: snapshots } = await client.query<{ digest: string }>(
    'select digest from snapshots where gateway = $1 and version = $2',
    [gateway, version],
  );
  const digest = snapshots[0]?.digest;
  if (digest === undefined) return undefined;
  const { rows } = await client.query<{ key: string; hash: string }>(contentQuery, [gateway, version]);
  const entries = new Map(rows.map(({ key, hash }) => [key, hash]));
  const actual = digestOf(entries);
  if (actual !== digest)
    throw new StoredVersionDiffers(
      `version ${version} of ${gateway} is stored as ${digest}, its entries give ${actual}`,
    );
  const listeners = listenerHashes(entries);
  return { digest, entries, ports: portsOf(listeners, await readPorts(client, listeners)) };
}
