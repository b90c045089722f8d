// Reads what became of events: the versions that they led to, the nodes that applied those, and rollbacks past them.
import { type Kysely, sql } from 'kysely';
import type { z } from 'zod';
import type { reportedChange } from '#libs/api/models/report.ts';
import type { Database, OuterColumns, Row } from '#libs/runtime/postgres/database.ts';

export type ChangedVersion = z.input<typeof reportedChange>['versions'][number];

interface VersionRow
  extends
    Pick<Row<'snapshots'>, 'gateway' | 'version' | 'cause' | 'at'>,
    OuterColumns<Omit<Row<'version_applications'>, 'gateway' | 'version'>> {
  readonly event: string;
  readonly back_version: number | null;
  readonly back_seq: string | null;
  readonly back_at: Date | null;
  readonly back_actor: string | null;
  readonly back_reason: string | null;
}

/**
 * Reads by sequence numbers of events the versions that were made in their transactions and have entries of their
 * objects in another form; where an event was alone in its transaction, every version of it.
 */
export async function readChangedVersions(
  db: Kysely<Database>,
  seqs: readonly string[],
): Promise<ReadonlyMap<string, readonly ChangedVersion[]>> {
  if (seqs.length === 0) return new Map();
  const { rows } = await sql<VersionRow>`
    select e.seq as event, v.gateway, v.version, v.cause, v.at,
           a.first_at, a.last_at, a.nodes, a.refused_at, a.refusals, a.refused_reasons,
           back.version as back_version, back.seq as back_seq, back.at as back_at, back.actor as back_actor,
           back.reason as back_reason
      from events e
      join snapshots v on v.seq = e.batch
      left join version_applications a on a.gateway = v.gateway and a.version = v.version
      left join lateral (
        select r.version, r.seq, r.at, r.actor, r.reason from snapshots r
         where r.gateway = v.gateway and r.cause = 'rollback' and r.version > v.version and r.of_version < v.version
         order by r.version limit 1) back on true
     where e.seq = any(${[...seqs]}::bigint[])
       and (e.kind in ('Gateway', 'Gateway.networking.x-k8s.io')
              and e.cluster || '/' || e.namespace || '/' || e.name = v.gateway
            or not exists (
              select 1 from events o where o.seq in (e.seq - 1, e.seq + 1) and o.batch = e.batch)
            or exists (
              select 1 from snapshot_changes c
               where c.gateway = v.gateway and c.version = v.version
                 and (starts_with(c.key, 'rule/' || e.kind || '/' || e.namespace || '/' || e.name || '/')
                      or e.kind = 'Service' and starts_with(
                           c.key, 'backend/' || e.cluster || '/' || e.namespace || '/' || e.name || '/'))))
     order by e.seq, v.gateway, v.version`.execute(db);
  const byEvent = Map.groupBy(rows, ({ event }) => event);
  return new Map([...byEvent].map(([event, versions]) => [event, versions.map(toVersion)]));
}

function toVersion(row: VersionRow): ChangedVersion {
  const { gateway, version, cause, at, first_at: first, last_at: last, refused_at: refusedAt } = row;
  const { back_version: back, back_seq: backSeq, back_at: backAt } = row;
  return {
    gateway,
    version,
    cause,
    madeAt: at.toISOString(),
    applied:
      first === null || last === null
        ? null
        : { first: first.toISOString(), last: last.toISOString(), nodes: row.nodes ?? 0 },
    refused:
      refusedAt === null
        ? null
        : { at: refusedAt.toISOString(), times: row.refusals ?? 0, reasons: [...(row.refused_reasons ?? [])] },
    rolledBackBy:
      back === null || backSeq === null || backAt === null
        ? null
        : { version: back, seq: backSeq, at: backAt.toISOString(), actor: row.back_actor, reason: row.back_reason },
  };
}
