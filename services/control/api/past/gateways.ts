// Reads gateways as they were at a place in the history: their versions say which was the newest, their rollbacks and
// what came after them say whether it served. What follows from the history only through the projection (alarms), and
// what nodes reported, is not read.
import { type Kysely, sql } from 'kysely';
import type { z } from 'zod';
import type { gatewayThen } from '#libs/api/models/past.ts';
import type { Database, Row } from '#libs/runtime/postgres/database.ts';
import { all } from '../reads/conditions.ts';
import { type PastHead, readStandings } from './standings.ts';

type GatewayThen = z.input<typeof gatewayThen>;
type Version = Pick<Row<'snapshots'>, 'digest' | 'entries' | 'cause' | 'actor' | 'reason' | 'at'>;

interface GatewayFilter {
  readonly cluster?: string | undefined;
  readonly gateway?: string | undefined;
}

/** The gateways that there were, and those of which the database does not have what they served. */
export interface GatewaysThen {
  readonly items: readonly GatewayThen[];
  readonly archived: readonly string[];
}

/** Reads the gateways that there were, in the order of cluster, namespace and name, with those that were gone. */
export async function readGatewaysThen(
  db: Kysely<Database>,
  seq: string,
  filter: GatewayFilter,
): Promise<GatewaysThen> {
  const found = await readHeads(db, seq, filter);
  const heads = found.filter(({ archived }) => !archived);
  const standings = await readStandings(db, seq, heads);
  const serving = heads.map((head) => {
    const pinned = head.rollback !== null && standings.get(head.gateway)?.pinned === true;
    return { ...head, pinned, serving: pinned && head.rollback !== null ? head.rollback : head.head };
  });
  const versions = await readVersions(db, serving);
  const items = serving.flatMap(({ gateway, cluster, namespace, name, head, serving: version, pinned }) => {
    const row = versions.get(gateway);
    if (row === undefined) return [];
    const { at, headEntries, ...made } = row;
    const { present = false, labels = {}, uid = null } = standings.get(gateway) ?? {};
    return {
      gateway,
      cluster,
      namespace,
      name,
      head,
      serving: version,
      pinned,
      deleted: !pinned && headEntries === 0 && !present,
      ...made,
      at: at.toISOString(),
      labels: { ...labels },
      uid,
    };
  });
  return { items, archived: found.flatMap(({ gateway, archived }) => (archived ? gateway : [])) };
}

/** Halves the versions of each gateway, because they were made in the order of the history. */
async function readHeads(db: Kysely<Database>, seq: string, filter: GatewayFilter): Promise<readonly PastHead[]> {
  const { rows } = await sql<PastHead>`
    select g.gateway, g.cluster, g.namespace, g.name, h.head, r.version as rollback, r.seq as rollback_seq,
           coalesce(x.archived, false) as archived
      from gateways g
      cross join lateral (
        with recursive step(low, high, found) as (
          select 0, g.head, 0
          union all
          select case when p.version is null or p.seq <= ${seq} then s.middle else s.low end,
                 case when p.version is null or p.seq <= ${seq} then s.high else p.version - 1 end,
                 case when p.seq <= ${seq} then p.version else s.found end
            from (select low, high, found, low + (high - low + 1) / 2 as middle from step where low < high) s
            left join lateral (
              select v.version, v.seq from snapshots v
               where v.gateway = g.gateway and v.version > s.low and v.version <= s.middle
               order by v.version desc limit 1) p on true)
        select found as head from step where low >= high) h
      left join lateral (
        select v.version, v.seq from snapshots v
         where v.gateway = g.gateway and v.cause = 'rollback' and v.version <= h.head
         order by v.version desc limit 1) r on true
      left join lateral (
        -- No version is stored between this one and the next.
        select true as archived from archived_versions a
         where a.gateway = g.gateway
           and a.versions && int4range(h.head + 1, (
             select v.version from snapshots v where v.gateway = g.gateway and v.version > h.head
              order by v.version limit 1))
         limit 1) x on true
     where ${all([
       sql`(h.head > 0 or x.archived)`,
       filter.cluster && sql`g.cluster = ${filter.cluster}`,
       filter.gateway && sql`g.gateway = ${filter.gateway}`,
     ])}
     order by g.cluster, g.namespace, g.name`.execute(db);
  return rows;
}

async function readVersions(
  db: Kysely<Database>,
  rows: readonly { readonly gateway: string; readonly serving: number; readonly head: number }[],
): Promise<ReadonlyMap<string, Version & { readonly headEntries: number }>> {
  const { rows: found } = await sql<Version & { readonly gateway: string; readonly headEntries: number }>`
    select v.gateway, v.digest, v.entries, v.cause, v.actor, v.reason, v.at, h.entries as "headEntries"
      from unnest(${rows.map(({ gateway }) => gateway)}::text[], ${rows.map(({ serving }) => serving)}::int[],
                  ${rows.map(({ head }) => head)}::int[]) as r(gateway, serving, head)
      join snapshots v on v.gateway = r.gateway and v.version = r.serving
      join snapshots h on h.gateway = r.gateway and h.version = r.head`.execute(db);
  return new Map(found.map(({ gateway, ...version }) => [gateway, version]));
}
