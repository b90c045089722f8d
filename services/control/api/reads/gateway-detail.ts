// Reads what the API shows of one gateway beside its summary: its listeners and conditions, and its nodes.
import { type Kysely, sql } from 'kysely';
import type { z } from 'zod';
import type { gatewayDetail } from '#libs/api/models/gateway.ts';
import type { PlaceName } from '#libs/gateway/object-key.ts';
import type { Database, OuterColumns, Row } from '#libs/runtime/postgres/database.ts';
import { matchesGateway } from '#libs/snapshot/gateway-glob.ts';
import { silentSince } from '../../node-silence.ts';
import type { GatewayRow } from './gateways.ts';
import { parseGatewayStatus, parseListeners } from './kube-fields.ts';
import { type RejectionColumns, toRejection } from './rejection.ts';

type GatewayDetail = z.input<typeof gatewayDetail>;

interface NodeRow
  extends
    Pick<Row<'nodes'>, 'node' | 'serves'>,
    OuterColumns<Pick<Row<'node_gateways'>, 'version' | 'digest' | 'applied_at' | 'took_ms'>>,
    RejectionColumns {
  readonly alive: boolean;
  readonly age_ms: number | null;
}

const nodesReadMax = 10_000;
const nodesShownMax = 1000;

/** Reads the listeners of the Gateway object and what its status says; all empty where the object is gone. */
export async function readGatewayObject(
  db: Kysely<Database>,
  { cluster, namespace, name }: PlaceName,
): Promise<Pick<GatewayDetail, 'listeners' | 'conditions' | 'addresses'>> {
  const { rows } = await sql<{ data: string; status: unknown }>`
    select o.data, s.status from objects o
      left join statuses s
        on s.cluster = o.cluster and s.kind = o.kind and s.namespace = o.namespace and s.name = o.name
     where o.cluster = ${cluster} and o.kind in ('Gateway', 'Gateway.networking.x-k8s.io')
       and o.namespace = ${namespace} and o.name = ${name}
     order by o.kind limit 1`.execute(db);
  const [object] = rows;
  const status = parseGatewayStatus(object?.status);
  const listeners = parseListeners(object?.data ?? '').map((spec) => {
    const said = status.listeners.find(({ name }) => name === spec.name);
    const { name, port, protocol, hostname } = spec;
    const { attachedRoutes = null, conditions = [] } = said ?? {};
    return { name, port, protocol, hostname, attachedRoutes, conditions };
  });
  return { listeners, conditions: status.conditions, addresses: status.addresses.map(({ value }) => value) };
}

/** Reads the nodes that serve the gateway, in the order of names; at most 1,000. */
export async function readGatewayNodes(db: Kysely<Database>, row: GatewayRow): Promise<GatewayDetail['nodeList']> {
  const { rows } = await sql<NodeRow>`
    select n.node, n.serves, n.connected and n.last_seen > ${silentSince} as alive, r.version, r.digest,
           r.applied_at, greatest(0, extract(epoch from now() - r.applied_at) * 1000)::float8 as age_ms,
           r.took_ms::float8,
           r.rejected_version, r.rejected_reasons, r.rejected_at,
           greatest(0, extract(epoch from now() - r.rejected_at) * 1000)::float8 as rejected_age_ms
      from nodes n left join node_gateways r on r.node = n.node and r.gateway = ${row.gateway}
     order by n.node limit ${nodesReadMax}`.execute(db);
  return rows
    .filter(({ serves }) => matchesGateway(serves, row.gateway, row.labels))
    .slice(0, nodesShownMax)
    .map((node) => ({
      node: node.node,
      status: node.alive ? 'connected' : 'unknown',
      version: node.version ?? 0,
      current: node.version === row.serving && node.digest === row.digest,
      appliedAt: node.applied_at?.toISOString() ?? null,
      ageMs: node.age_ms,
      tookMs: node.took_ms,
      rejected: toRejection(node),
    }));
}
