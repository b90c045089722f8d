// Reads from the history what became of operator commands, so that a repeated command gets the same answer.
import type { ClientBase } from 'pg';
import type { OperatorOutcome } from '#libs/events/operator-event.ts';

const versionsMax = 10_000;

/** Reads the outcome of a command that was carried out; undefined when the history does not hold it. */
export async function readOutcome(client: ClientBase, id: string): Promise<OperatorOutcome | undefined> {
  const { rows } = await client.query<{ seq: string; gateway: string; version: number }>(
    `select e.seq, e.cluster || '/' || e.namespace || '/' || e.name as gateway,
            (select coalesce(max(s.version), 0) from snapshots s
              where s.gateway = e.cluster || '/' || e.namespace || '/' || e.name and s.seq <= e.batch) as version
       from events e where e.id = $1 and e.type in ('rollback', 'release', 'accept')`,
    [id],
  );
  const [row] = rows;
  return row === undefined ? undefined : { id, ok: true, gateway: row.gateway, version: row.version, seq: row.seq };
}

/** Reads the newest versions of a gateway, and the wanted one however old it is; in order. */
export async function readVersions(
  client: ClientBase,
  gateway: string,
  wanted: number | null,
): Promise<readonly { readonly version: number; readonly digest: string }[]> {
  const { rows } = await client.query<{ version: number; digest: string }>(
    `select version, digest from snapshots
      where gateway = $1 and (version = $2 or version > (select max(version) from snapshots where gateway = $1) - $3)
       order by version`,
    [gateway, wanted, versionsMax],
  );
  return rows;
}
