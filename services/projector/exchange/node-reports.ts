// Reads what control wrote about nodes, as the projection wants it.
import type { Kysely } from 'kysely';
import type { Database } from '#libs/runtime/postgres/database.ts';
import type { NodeReport } from '#libs/projection/model/node-report.ts';

/** Reads the reports of all nodes, or of the named ones, in name order; a node that is gone has none. */
export async function readNodeReports(db: Kysely<Database>, names?: readonly string[]): Promise<readonly NodeReport[]> {
  let nodes = db.selectFrom('nodes').select(['node', 'connected', 'serves', 'addresses']).orderBy('node');
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
  return nodeRows.map(({ node, connected, serves, addresses }) => {
    const rows = byNode.get(node) ?? [];
    return {
      node,
      connected,
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
