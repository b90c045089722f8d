// Reads what control wrote about nodes, as the projection wants it.
import type { Kysely } from 'kysely';
import type { Database } from '#libs/runtime/postgres/database.ts';
import type { NodeEvent } from '#libs/events/node-event.ts';
import type { NodeReport } from '#libs/projection/model/delivery/node-report.ts';

const departuresMax = 1000;

/** Reads the reports of all nodes, or of the named ones, in name order; a node that is gone has none. */
export async function readNodeReports(db: Kysely<Database>, names?: readonly string[]): Promise<readonly NodeReport[]> {
  let nodes = db.selectFrom('nodes').select(['node', 'connected', 'last_seen', 'serves', 'addresses']).orderBy('node');
  let gateways = db
    .selectFrom('node_gateways')
    .select(['node', 'gateway', 'version', 'rejected_version', 'rejected_reasons'])
    .orderBy('gateway');
  if (names !== undefined) {
    nodes = nodes.where('node', 'in', names);
    gateways = gateways.where('node', 'in', names);
  }
  // One view of both tables would need a transaction; a report that lags behind its node is read again with the next
  // notice.
  const [nodeRows, gatewayRows] = await Promise.all([nodes.execute(), gateways.execute()]);
  const byNode = Map.groupBy(gatewayRows, ({ node }) => node);
  return nodeRows.map(({ node, connected, last_seen: lastSeen, serves, addresses }) => {
    const rows = byNode.get(node) ?? [];
    return {
      node,
      connected,
      ...(connected ? {} : { lastSeen: toSecond(lastSeen) }),
      serves,
      addresses,
      // Version 0 = it serves nothing of the gateway.
      applied: rows.flatMap(({ gateway, version }) => (version > 0 ? [{ gateway, version }] : [])),
      rejected: rows.flatMap(({ gateway, rejected_version: version, rejected_reasons: reasons }) =>
        version === null ? [] : [{ gateway, version, reasons: reasons ?? [] }],
      ),
    };
  });
}

/** Reads why nodes left, of which no event was made yet; in order. */
export async function readDepartures(db: Kysely<Database>): Promise<readonly NodeEvent[]> {
  const rows = await db
    .selectFrom('departed_nodes')
    .selectAll()
    .orderBy('at')
    .orderBy('id')
    .limit(departuresMax)
    .execute();
  return rows.map(({ id, node, cause, reason, actor, role, last_seen: lastSeen, at }) => ({
    v: 1,
    id,
    type: 'node-left',
    node,
    cause,
    actor: actor === null ? null : { name: actor, role: role ?? '' },
    reason,
    lastSeen: lastSeen.toISOString(),
    at: at.toISOString(),
  }));
}

/** Writes a time to the second. */
function toSecond(time: Date): string {
  return `${time.toISOString().slice(0, 19)}Z`;
}
