// Reads the projectors as the API shows them: the one that leads by its lease, and those that stand by.
import { type Kysely, sql } from 'kysely';
import type { z } from 'zod';
import type { projector as model } from '#libs/api/models/projector.ts';
import type { Database, Row } from '#libs/runtime/postgres/database.ts';

type ProjectorRow = Pick<
  Row<'projectors'>,
  'projector' | 'host' | 'pid' | 'version' | 'phase' | 'since' | 'last_seen' | 'lease_until'
> & {
  readonly silent: boolean;
  readonly leads: boolean;
  readonly age_ms: number;
  readonly problems: readonly string[];
};

/** They say every two seconds that they are there. */
const silentAfterSeconds = 10;

/** When the projector that leads now began to; no row while none does. The lease is by the database's clock. */
export const leadingSince = sql<{ since: Date }>`
  select p.since from projectors p join projector j on j.epoch = p.epoch where p.lease_until > now()`;

/** Reads projectors in the order of names; one more than the limit when there is more. */
export async function readProjectors(
  db: Kysely<Database>,
  after: string,
  limit: number,
): Promise<z.input<typeof model>[]> {
  const { rows } = await sql<ProjectorRow>`
    select p.projector, p.host, p.pid, p.version, p.phase, p.since, p.last_seen, p.lease_until, p.problems,
           greatest(0, extract(epoch from now() - p.last_seen) * 1000)::float8 as age_ms,
           coalesce(p.lease_until, p.last_seen + make_interval(secs => ${sql.lit(silentAfterSeconds)})) < now()
             as silent,
           coalesce(p.epoch = j.epoch and p.lease_until > now(), false) as leads
      from projectors p cross join projector j
     where p.projector > ${after} order by p.projector limit ${limit + 1}`.execute(db);
  return rows.map(toProjector);
}

function toProjector({ silent, leads, ...row }: ProjectorRow): z.input<typeof model> {
  const { projector, host, pid, version, phase } = row;
  return {
    projector,
    host,
    pid,
    version,
    status: silent ? 'silent' : phase,
    leads,
    since: (silent ? row.last_seen : row.since).toISOString(),
    lastSeen: row.last_seen.toISOString(),
    ageMs: row.age_ms,
    leaseUntil: row.lease_until?.toISOString() ?? null,
    problems: [...row.problems],
  };
}
