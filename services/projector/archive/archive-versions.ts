// Moves old versions into an archive: a file for each gateway and run has the versions with their changes and the
// entries of these. What a retained version needs stays as rows: a change is needed by every version up to the next
// change of its key.
import { promisify } from 'node:util';
import { zstdCompress } from 'node:zlib';
import type { ClientBase } from 'pg';
import { fail } from '#libs/runtime/errors.ts';
import type { LogPlace } from '../places/place.ts';

const compress = promisify(zstdCompress);

/**
 * Versions that stay: what is served or newest, what nodes hold, what rollbacks went back to or made, the newest of
 * each gateway, and those of late.
 */
const retained = `
  select gateway, serving as version from gateways union select gateway, head from gateways
  union select gateway, version from node_gateways
  union select gateway, rejected_version from node_gateways where rejected_version is not null
  union select gateway, of_version from snapshots where of_version is not null
  union select gateway, version from snapshots where of_version is not null or at >= $1
  union select gateway, version from (
    select gateway, version, row_number() over (partition by gateway order by version desc) as rank from snapshots) r
   where rank <= $2`;

const keptMin = 10;

/** Says what left. */
interface VersionsArchived {
  readonly versions: number;
  readonly entries: number;
}

/** Archives the versions that were made before `before` and that nothing needs. */
export async function archiveVersions(client: ClientBase, place: LogPlace, before: Date): Promise<VersionsArchived> {
  const { rows } = await client.query<{ gateway: string; versions: number[] }>(
    `select s.gateway, array_agg(s.version order by s.version) as versions
       from snapshots s left join (${retained}) k on k.gateway = s.gateway and k.version = s.version
      where k.version is null group by s.gateway order by s.gateway`,
    [before, keptMin],
  );
  let versions = 0;
  for (const { gateway, versions: old } of rows) {
    const file = `versions/${gateway}/${old[0]}-${old.at(-1)}.jsonl.zst`;
    const bytes = await compress(await linesOf(client, gateway, old));
    await place.write(file, bytes);
    if ((await place.read(file))?.equals(bytes) !== true)
      throw fail('archive', `${place.name} does not give back ${file} as it was written`);
    versions += await drop(client, { gateway, old, file, place: place.name, before });
  }
  await place.seal(`${versions} versions`);
  return { versions, entries: versions === 0 ? 0 : await dropEntries(client) };
}

/** Writes a line for each version, each change up to the last of them, and each entry that a change names. */
async function linesOf(client: ClientBase, gateway: string, versions: readonly number[]): Promise<string> {
  const { rows } = await client.query<{ line: string }>(
    `with changes as (select * from snapshot_changes where gateway = $1 and version <= $3)
     select 1 as part, version::text as place, json_build_object('version', row_to_json(s))::text as line
       from snapshots s where gateway = $1 and version = any($2)
     union all
     select 2, version || ' ' || key, json_build_object('change', row_to_json(c))::text from changes c
     union all
     select 3, hash, json_build_object('entry', row_to_json(e))::text from entries e
      where hash in (select hash from changes) order by part, place`,
    [gateway, versions, versions.at(-1)],
  );
  return rows.map(({ line }) => line).join('\n');
}

interface OldVersions {
  readonly gateway: string;
  readonly old: readonly number[];
  readonly file: string;
  readonly place: string;
  readonly before: Date;
}

/** Deletes the rows, but for what came to be needed meanwhile; nothing is appended while it does. */
async function drop(client: ClientBase, { gateway, old, file, place, before }: OldVersions): Promise<number> {
  return alone(client, async () => {
    const { rows } = await client.query<{ gone: string }>(
      `with gone as (
         delete from snapshots s
          where s.gateway = $3 and s.version = any($4)
            and not exists (select 1 from (${retained}) k where k.gateway = s.gateway and k.version = s.version)
         returning s.version)
       insert into archived_versions (gateway, file, versions, place)
       select $3, $5, range_agg(int4range(version, version + 1)), $6 from gone having count(*) > 0
       on conflict (gateway, file) do update set versions = archived_versions.versions + excluded.versions,
         place = excluded.place
       returning (select count(*) from gone) as gone`,
      [before, keptMin, gateway, old, file, place],
    );
    await client.query(
      `delete from snapshot_changes c using (
         select key, version, lead(version) over (partition by key order by version) as next
           from snapshot_changes where gateway = $1) n
        where c.gateway = $1 and c.key = n.key and c.version = n.version
          and not exists (select 1 from snapshots s where s.gateway = $1 and s.version >= n.version
                            and (n.next is null or s.version < n.next))`,
      [gateway],
    );
    return Number(rows[0]?.gone ?? 0);
  });
}

async function dropEntries(client: ClientBase): Promise<number> {
  return alone(client, async () => {
    const { rowCount } = await client.query(
      'delete from entries e where not exists (select 1 from snapshot_changes c where c.hash = e.hash)',
    );
    return rowCount ?? 0;
  });
}

/** Works in a transaction during which the projector commits nothing. */
async function alone<T>(client: ClientBase, work: () => Promise<T>): Promise<T> {
  await client.query('begin');
  try {
    await client.query('select 1 from projector where id = 1 for update');
    const result = await work();
    await client.query('commit');
    return result;
  } catch (error) {
    await client.query('rollback');
    throw error;
  }
}
