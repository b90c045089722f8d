// GET /clusters, GET /whoami.
import { type Kysely, sql } from 'kysely';
import { z } from 'zod';
import type { Database } from '#libs/runtime/postgres/database.ts';
import { cluster, pageOf, whoAmI } from '#libs/api/models.ts';
import { cursor, limit, parseCursor, toPage } from '../parameters.ts';
import { Problem } from '#libs/api/problem.ts';
import { defineRoute } from '../endpoint.ts';

/** An agent says something every 10 s. */
const silentAfterMs = 35_000;

interface Row {
  readonly name: string;
  readonly uid: string;
  readonly first_seen: Date;
  readonly version: string | null;
  readonly source: string;
  readonly synced: boolean;
  readonly problems: readonly string[];
  readonly agent_objects: number;
  readonly last_seen: Date;
  readonly age_ms: number;
  readonly objects: Readonly<Record<string, number>> | null;
}

export const readWhoAmI = defineRoute({
  method: 'GET',
  path: '/whoami',
  role: 'viewer',
  tag: 'access',
  summary: 'Whose token this is, and what it may do',
  input: z.object({}),
  returns: whoAmI,
  handle: async (api, _input, caller) => ({
    name: caller.name,
    role: caller.role,
    tokenId: caller.tokenId,
    version: api.version,
  }),
});

export const listClusters = defineRoute({
  method: 'GET',
  path: '/clusters',
  role: 'viewer',
  tag: 'fleet',
  summary: 'Clusters, their agents and how many objects the history holds of each',
  input: z.object({
    query: z.object({ limit: limit(), after: cursor }),
  }),
  returns: pageOf(cluster),
  async handle(api, { query }) {
    const key = parseCursor(query.after, 1);
    if (key === null) return new Problem('bad-request', 'query.after: not a cursor');
    const items = await readClusters(api.db, key?.[0] ?? '', query.limit);
    return toPage(
      items,
      query.limit,
      (item) => item,
      ({ name }) => [name],
    );
  },
});

/** Clusters in the order of names; one more than the limit when there is more. */
export async function readClusters(
  db: Kysely<Database>,
  after: string,
  limit: number,
): Promise<z.input<typeof cluster>[]> {
  const { rows } = await sql<Row>`
    with c as (select name, uid, first_seen from clusters where name > ${after} order by name limit ${limit + 1})
    select c.*, a.version, a.source, a.synced, a.problems, a.objects as agent_objects, a.last_seen,
           greatest(0, extract(epoch from now() - a.last_seen) * 1000)::float8 as age_ms,
           (select jsonb_object_agg(kind, n) from (
              select kind, count(*) as n from objects o where o.cluster = c.name group by kind) k) as objects
      from c left join agents a on a.cluster = c.name order by c.name`.execute(db);
  return rows.map(toCluster);
}

function toCluster(row: Row): z.input<typeof cluster> {
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
    name: row.name,
    uid: row.uid,
    status: agent === null ? 'unknown' : agent.ageMs > silentAfterMs ? 'silent' : 'connected',
    firstSeen: row.first_seen.toISOString(),
    agent,
    objects: { ...row.objects },
  };
}
