// For tests: looks directly at what the database of a running `up` holds: the history, and the digests of what nodes
// serve.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';
import { z } from 'zod';
import type { DemoFleet } from './demo-fleet.ts';

const servers = z.object({ databaseUrl: z.string(), natsUrl: z.string() });

/** Reads where the embedded servers of the fleet are, passwords included. */
export function serversOf(fleet: DemoFleet): z.output<typeof servers> {
  return servers.parse(JSON.parse(readFileSync(join(fleet.data, 'servers.json'), 'utf8')));
}

/** Gives the rows of one query, as the database has them. */
export async function query(fleet: DemoFleet, text: string): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const client = new Client({ connectionString: serversOf(fleet).databaseUrl });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(text)).rows;
  } finally {
    await client.end();
  }
}

/**
 * Finds breaks in the sequence, ids and contents that are there twice, and restores, which no fault is; empty when the
 * history is whole.
 */
export function brokenHistory(fleet: DemoFleet): Promise<readonly unknown[]> {
  return query(
    fleet,
    `select 'gap' as what, seq::text as which
       from (select seq, lag(seq, 1, 0::bigint) over (order by seq) as before from events) s
      where seq <> before + 1
     union all
     select 'id twice', id from events group by id having count(*) > 1
     union all
     select 'taken for restored', seq::text from events where type = 'restored'
     union all
     select 'content twice', seq::text from (
       select seq, type, uid, data::jsonb ->> 'hash' as hash,
              lag(data::jsonb ->> 'hash') over object as before, lag(type) over object as type_before,
              lag(uid) over object as uid_before
         from events where type in ('applied', 'deleted')
       window object as (partition by cluster, kind, namespace, name order by seq)) e
      where hash = before and type = type_before and uid = uid_before`,
  );
}

/** Finds gateways whose digest at a connected node is not that of the version that it should serve. */
export function differentDigests(fleet: DemoFleet): Promise<readonly unknown[]> {
  return query(
    fleet,
    `select g.gateway, n.node, g.serving, s.digest as should, a.version, a.digest as does
       from gateways g join snapshots s on s.gateway = g.gateway and s.version = g.serving
            cross join nodes n left join node_gateways a on a.node = n.node and a.gateway = g.gateway
      where not g.deleted and n.connected
        and (a.digest is distinct from s.digest or a.version is distinct from g.serving)`,
  );
}
