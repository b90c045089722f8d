// What one version of a gateway holds, read back from the changes that led to it.
import type { ClientBase } from 'pg';
import { digestOf } from '#libs/snapshot/digest.ts';
import type { VersionContent } from '#libs/snapshot/projection.ts';

/** The content of a version; undefined when there is no such version. Throws when what is stored does not have the version's digest. */
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
  const { rows } = await client.query<{ key: string; hash: string }>(
    `select key, hash from (
       select distinct on (key) key, hash from snapshot_changes where gateway = $1 and version <= $2 order by key, version desc) newest
      where hash is not null`,
    [gateway, version],
  );
  const entries = new Map(rows.map(({ key, hash }) => [key, hash]));
  const actual = digestOf(entries);
  if (actual !== digest)
    throw new Error(`version ${version} of ${gateway} is stored as ${digest}, its entries give ${actual}`);
  return { digest, entries };
}
