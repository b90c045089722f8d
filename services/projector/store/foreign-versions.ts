// Reads which versions connected nodes hold that the history does not: it was restored from a backup, or they come from
// another fleet.
import type { Pool, ClientBase } from 'pg';
import { emptyDigest } from '#libs/snapshot/digest.ts';

/** Names a version that a node holds with other content than the history has of it. */
export interface ForeignVersion {
  readonly node: string;
  readonly gateway: string;
  readonly version: number;
  /** Digest of what the node holds. */
  readonly digest: string;
  /** Digest in the history; null = it has no such version. */
  readonly ours: string | null;
}

/** Reads those of all connected nodes, or of the named ones; the cost is that of what these nodes serve. */
export async function queryForeignVersions(
  client: Pick<Pool | ClientBase, 'query'>,
  names?: readonly string[],
): Promise<readonly ForeignVersion[]> {
  const { rows } = await client.query<ForeignVersion>(
    `select g.node, g.gateway, g.version, g.digest, s.digest as ours
       from node_gateways g
       join nodes n on n.node = g.node
       left join snapshots s on s.gateway = g.gateway and s.version = g.version
      where n.connected and g.version > 0 and g.digest not in ('', $1)
        and g.digest is distinct from s.digest and ($2::text[] is null or g.node = any($2::text[]))
      order by g.gateway, g.version, g.node`,
    [emptyDigest, names === undefined ? null : [...names]],
  );
  return rows;
}
