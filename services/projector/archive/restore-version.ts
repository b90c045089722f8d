// Brings a version back from an archive as rows, so that it can be looked at and rolled back to. Its content must give
// the digest that it had.
import { promisify } from 'node:util';
import { zstdDecompress } from 'node:zlib';
import type { ClientBase } from 'pg';
import { fail } from '#libs/runtime/errors.ts';
import { openPlace } from '../places/open-place.ts';
import { readVersionContent } from '../store/version-content.ts';

const decompress = promisify(zstdDecompress);

/** Restores a version; says from where. Throws FleetgateError 'not-found' or 'archive'. */
export async function restoreVersion(client: ClientBase, gateway: string, version: number): Promise<string> {
  const { rows } = await client.query<{ file: string; place: string }>(
    'select file, place from archived_versions where gateway = $1 and versions @> $2::int limit 1',
    [gateway, version],
  );
  const [row] = rows;
  if (row === undefined) throw fail('not-found', `version ${version} of ${gateway} in an archive`);
  const bytes = await openPlace(row.place, process.env).read(row.file);
  if (bytes === undefined) throw fail('archive', `${row.place} has no ${row.file}`);
  const lines = (await decompress(bytes)).toString().split('\n');
  await client.query('begin');
  try {
    await client.query('select 1 from projector where id = 1 for update');
    await client.query(restoring, [lines, version]);
    await readVersionContent(client, gateway, version);
    await client.query(
      `update archived_versions set versions = versions - int4multirange(int4range($2, $2 + 1))
        where gateway = $1 and versions @> $2::int`,
      [gateway, version],
    );
    await client.query('commit');
  } catch (error) {
    await client.query('rollback');
    throw error;
  }
  return `${row.place}/${row.file}`;
}

// A change up to the version is what a version after it has only where no later change of its key is there, and that
// one was never dropped. So no other version gets another content by what comes back.
const restoring = `
  with lines as (select l::jsonb as line from unnest($1::text[]) as l),
  changes as (
    select c.* from lines, jsonb_populate_record(null::snapshot_changes, line -> 'change') c
     where line ? 'change' and c.version <= $2),
  entries_back as (
    insert into entries (hash, json)
    select line -> 'entry' ->> 'hash', line -> 'entry' ->> 'json' from lines
     where line ? 'entry' and line -> 'entry' ->> 'hash' in (select hash from changes)
    on conflict (hash) do nothing),
  changes_back as (insert into snapshot_changes select * from changes on conflict do nothing)
  insert into snapshots
  select s.* from lines, jsonb_populate_record(null::snapshots, line -> 'version') s
   where line ? 'version' and s.version = $2
  on conflict do nothing`;
