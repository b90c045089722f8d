// Writes to Postgres what nodes said. Rows of a node are written only by the replica that it is connected to; each
// write ends with a notification per node.
import type pg from 'pg';
import type { Hello } from '#libs/protocol/messages.ts';
import { silentAfterMs } from '#libs/protocol/silence.ts';
import { jsonbText } from '#libs/runtime/postgres/jsonb-text.ts';

export interface ReportedGateway {
  readonly node: string;
  readonly gateway: string;
  /** 0 = serves nothing of it. */
  readonly version: number;
  readonly digest: string;
  /** From receipt to answered; null = not applied just now. */
  readonly tookMs: number | null;
  /** keep = nothing new about that. */
  readonly rejected: { readonly version: number; readonly reasons: readonly string[] } | 'none' | 'keep';
}

/** Says of a connected node how long it has been silent, and how its Envoy is. */
export interface BeatRow {
  readonly node: string;
  readonly silentMs: number;
  readonly envoy: 'live' | 'down' | 'unknown';
}

/** Stores nodes that have connected to this replica. */
export async function upsertNodes(pool: pg.Pool, replica: string, hellos: readonly Hello[]): Promise<void> {
  await pool.query({
    name: 'hub_upsert_nodes',
    text: `
      insert into nodes (node, version, labels, serves, addresses, replica, connected, envoy, first_seen, last_seen)
      select r.node, r.version, r.labels::jsonb, r.serves::jsonb, r.addresses::jsonb, $6, true, 'unknown', now(), now()
        from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[])
          as r(node, version, labels, serves, addresses)
      on conflict (node) do update set
        version = excluded.version, labels = excluded.labels, serves = excluded.serves,
        addresses = excluded.addresses, replica = excluded.replica, connected = true, envoy = excluded.envoy,
        last_seen = now()`,
    values: [
      hellos.map(({ node }) => node),
      hellos.map(({ version }) => version),
      hellos.map(({ labels }) => jsonbText(labels)),
      hellos.map(({ serves }) => jsonbText(serves)),
      hellos.map(({ addresses }) => jsonbText(addresses)),
      replica,
    ],
  });
}

/** Removes what a node no longer serves: everything but the gateways named for it. */
export async function deleteOtherGateways(
  pool: pg.Pool,
  replica: string,
  holds: ReadonlyMap<string, readonly string[]>,
): Promise<void> {
  await pool.query({
    name: 'hub_delete_other_gateways',
    text: `delete from node_gateways g using unnest($1::text[], $2::text[]) as r(node, gateways), nodes n
            where g.node = r.node and n.node = r.node and n.replica = $3 and not (r.gateways::jsonb ? g.gateway)`,
    values: [[...holds.keys()], [...holds.values()].map((gateways) => JSON.stringify(gateways)), replica],
  });
}

/** Counts for each version the nodes that applied it just now, or refused it, out of the rows `r`. */
const countNews = `
      news as (
        select r.gateway, r.version, null as refused from r join nodes n on n.node = r.node and n.replica = $11
          left join node_gateways o on o.node = r.node and o.gateway = r.gateway
         where r.version > 0 and r.rejection <> 'new' and (o.version, o.digest) is distinct from (r.version, r.digest)
        union all
        select r.gateway, r.rejected_version, r.rejected_reasons
          from r join nodes n on n.node = r.node and n.replica = $11 where r.rejection = 'new'),
      -- In one order, so that two replicas that write the same versions wait for each other and not in a circle.
      counted as (
        insert into version_applications (
          gateway, version, first_at, last_at, nodes, refused_at, refusals, refused_reasons)
        select gateway, version, case when count(*) > count(refused) then now() end,
               case when count(*) > count(refused) then now() end, count(*) - count(refused),
               case when count(refused) > 0 then now() end, count(refused), max(refused)::jsonb
          from news group by gateway, version order by gateway, version
        on conflict (gateway, version) do update set
          first_at = coalesce(version_applications.first_at, excluded.first_at),
          last_at = coalesce(excluded.last_at, version_applications.last_at),
          nodes = version_applications.nodes + excluded.nodes,
          refused_at = coalesce(excluded.refused_at, version_applications.refused_at),
          refusals = version_applications.refusals + excluded.refusals,
          refused_reasons = coalesce(excluded.refused_reasons, version_applications.refused_reasons))`;

/** Stores what nodes serve and rejected, marks nodes as gone, and tells everyone: one statement. */
export async function writeReports(
  pool: pg.Pool,
  replica: string,
  rows: readonly ReportedGateway[],
  gone: readonly string[],
  touched: readonly string[],
): Promise<void> {
  await pool.query({
    name: 'hub_write_reports',
    text: `
      with r as (
        select * from unnest(
            $1::text[], $2::text[], $3::int[], $4::text[], $5::real[], $6::text[], $7::int[], $8::text[])
          as r(node, gateway, version, digest, took_ms, rejection, rejected_version, rejected_reasons)),
      stored as (
        insert into node_gateways (
          node, gateway, version, digest, applied_at, took_ms, rejected_version, rejected_reasons, rejected_at)
        select r.node, r.gateway, r.version, r.digest,
               case when r.took_ms is null and o.version = r.version and o.digest = r.digest
                 then o.applied_at else now() end,
               coalesce(r.took_ms, case when o.version = r.version and o.digest = r.digest then o.took_ms end, 0),
               case when r.rejection = 'keep' then k.rejected_version else r.rejected_version end,
               case when r.rejection = 'keep' then k.rejected_reasons else r.rejected_reasons::jsonb end,
               case r.rejection when 'keep' then k.rejected_at when 'new' then now() end
          from r join nodes n on n.node = r.node and n.replica = $11
          left join node_gateways o on o.node = r.node and o.gateway = r.gateway
          left join node_gateways k
            on k.node = r.node and k.gateway = r.gateway and k.rejected_version <> r.version
        on conflict (node, gateway) do update set
          version = excluded.version, digest = excluded.digest, applied_at = excluded.applied_at,
          took_ms = excluded.took_ms, rejected_version = excluded.rejected_version,
          rejected_reasons = excluded.rejected_reasons, rejected_at = excluded.rejected_at),
      ${countNews},
      ended as (update nodes set connected = false where node = any($9::text[]) and replica = $11)
      select pg_notify('fleetgate_nodes', t.node) from unnest($10::text[]) as t(node)`,
    values: [
      rows.map(({ node }) => node),
      rows.map(({ gateway }) => gateway),
      rows.map(({ version }) => version),
      rows.map(({ digest }) => digest),
      rows.map(({ tookMs }) => tookMs),
      rows.map(({ rejected }) => (typeof rejected === 'string' ? rejected : 'new')),
      rows.map(({ rejected }) => (typeof rejected === 'string' ? null : rejected.version)),
      rows.map(({ rejected }) => (typeof rejected === 'string' ? null : jsonbText(rejected.reasons))),
      gone,
      touched,
      replica,
    ],
  });
}

/**
 * Stores which of the nodes are still alive here; answers those that are another replica's now, and those without a
 * row.
 */
export async function beatNodes(
  pool: pg.Pool,
  replica: string,
  beats: readonly BeatRow[],
): Promise<{ readonly elsewhere: readonly string[]; readonly unknown: readonly string[] }> {
  const result = await pool.query<{ node: string; owner: string | null }>({
    name: 'hub_beat_nodes',
    text: `with r as (select * from unnest($1::text[], $2::real[], $3::text[]) as r(node, silent_ms, envoy)),
           back as (
             select n.node from nodes n join r on r.node = n.node
              where n.replica = $4 and (not n.connected or n.envoy <> r.envoy)),
           beat as (
             update nodes n set
               last_seen = now() - r.silent_ms * interval '1 millisecond', envoy = r.envoy, connected = true
               from r where n.node = r.node and n.replica = $4),
           told as (select pg_notify('fleetgate_nodes', node) from back)
           select r.node, n.replica as owner, (select count(*) from told) from r left join nodes n on n.node = r.node
            where n.replica is distinct from $4`,
    values: [
      beats.map(({ node }) => node),
      beats.map(({ silentMs }) => silentMs),
      beats.map(({ envoy }) => envoy),
      replica,
    ],
  });
  return {
    elsewhere: result.rows.filter(({ owner }) => owner !== null).map(({ node }) => node),
    unknown: result.rows.filter(({ owner }) => owner === null).map(({ node }) => node),
  };
}

/** Marks nodes as not connected that no replica has heard of for a while, and names them. */
export async function sweepNodes(pool: pg.Pool): Promise<readonly string[]> {
  const result = await pool.query<{ node: string }>({
    name: 'hub_sweep_nodes',
    text: `with silent as (
             update nodes set connected = false
              where connected and last_seen < now() - $1::real * interval '1 millisecond' returning node)
           select node, pg_notify('fleetgate_nodes', node) from silent`,
    values: [silentAfterMs],
  });
  return result.rows.map(({ node }) => node);
}
