// Reads clusters with their agents as the API shows them, for the list and for the stream of changes.
import { type Kysely, sql } from 'kysely';
import type { z } from 'zod';
import type { cluster } from '#libs/api/models/cluster.ts';
import { silentAfterMs } from '#libs/protocol/silence.ts';
import type { Database, Row } from '#libs/runtime/postgres/database.ts';
import { leadingSince } from './projectors.ts';

interface AgentColumns extends Pick<Row<'agents'>, 'version' | 'source' | 'synced' | 'problems' | 'last_seen'> {
  readonly agent_objects: number;
  readonly age_ms: number;
  /** Whether it says nothing to a projector that leads; null = none does, and nobody could hear it. */
  readonly silent: boolean | null;
}

type ClusterRow = Row<'clusters'> & { readonly objects: Readonly<Record<string, number>> | null } & (
    | AgentColumns
    | { readonly [K in keyof AgentColumns]: null }
  );

/** Reads clusters in the order of names; one more than the limit when there is more. */
export async function readClusters(
  db: Kysely<Database>,
  after: string,
  limit: number,
  removed: 'with' | 'without' = 'without',
): Promise<z.input<typeof cluster>[]> {
  const { rows } = await sql<ClusterRow>`
    with c as (select * from clusters where name > ${after} and (removed_at is null or ${removed === 'with'})
                order by name limit ${limit + 1})
    select c.*, a.version, a.source, a.synced, a.problems, a.objects as agent_objects, a.last_seen,
           greatest(0, extract(epoch from now() - a.last_seen) * 1000)::float8 as age_ms,
           (select jsonb_object_agg(kind, n) from (
              select kind, count(*) as n from objects o where o.cluster = c.name group by kind) k) as objects,
           (select now() - greatest(a.last_seen, heard.since) > make_interval(secs => ${sql.lit(silentAfterMs / 1000)})
              from (${leadingSince}) heard) as silent
      from c left join agents a on a.cluster = c.name order by c.name`.execute(db);
  return rows.map(toCluster);
}

function toCluster(row: ClusterRow): z.input<typeof cluster> {
  const agent =
    row.version === null
      ? null
      : {
          version: row.version,
          source: row.source,
          synced: row.synced,
          problems: [...row.problems],
          objects: row.agent_objects,
          lastSeen: row.last_seen.toISOString(),
          ageMs: row.age_ms,
        };
  return {
    name: row.shown ?? row.name,
    identity: row.name,
    removedAt: row.removed_at?.toISOString() ?? null,
    uid: row.uid,
    status: statusOf(row),
    firstSeen: row.first_seen.toISOString(),
    agent,
    objects: { ...row.objects },
  };
}

function statusOf({ version, age_ms: age, silent }: ClusterRow): z.input<typeof cluster>['status'] {
  if (version === null) return 'unknown';
  if (age <= silentAfterMs) return 'connected';
  return silent === null ? 'unknown' : silent ? 'silent' : 'connected';
}
