// Whether a gateway is served by its nodes, from what they reported: the condition Programmed and the addresses.
// Messages name how many of how many, and no versions: a steady gateway has a steady status.
import { ipVersion } from '#libs/gateway/ip-address.ts';
import type { ConditionStatus } from '#libs/snapshot/conditions.ts';
import { listFacts } from '#libs/snapshot/conditions.ts';

/** One node that serves the gateway. */
export interface ServingNode {
  readonly node: string;
  readonly connected: boolean;
  readonly addresses: readonly string[];
}

/** What one node did with the gateway's versions; 0 = none. */
export interface NodeProgress {
  readonly node: string;
  readonly applied: number;
  readonly rejected: number;
  readonly reasons: readonly string[];
}

/** What the projection knows of the gateway's versions. */
export interface VersionFacts {
  /** First version made at or after the last change of the Gateway object. */
  readonly since: number;
  readonly serving: number;
  readonly pinned: boolean;
  readonly alarm: string | null;
}

export interface Delivery {
  readonly status: ConditionStatus;
  readonly reason: string;
  readonly message: string;
  readonly addresses: readonly { readonly type: 'IPAddress' | 'Hostname'; readonly value: string }[];
}

const addressesMax = 16;
const heldMessage = 'held at an earlier version by a rollback until it is released';

/** Sums up the nodes of one gateway. */
export function summarizeDelivery(
  facts: VersionFacts,
  nodes: readonly ServingNode[],
  progress: readonly NodeProgress[],
): Delivery {
  const connected = nodes.filter((node) => node.connected);
  const addresses = addressesOf(connected.length > 0 ? connected : nodes);
  return { ...judge(facts, nodes, connected, progress), addresses };
}

function judge(
  facts: VersionFacts,
  nodes: readonly ServingNode[],
  connected: readonly ServingNode[],
  progress: readonly NodeProgress[],
): Omit<Delivery, 'addresses'> {
  if (nodes.length === 0) return { status: 'False', reason: 'NoResources', message: 'no node serves this Gateway' };
  if (connected.length === 0) {
    const message = `none of ${nodes.length} nodes is connected; what they serve is not known`;
    return { status: 'Unknown', reason: 'Pending', message };
  }
  if (facts.since > facts.serving && facts.pinned) return { status: 'False', reason: 'Pending', message: heldMessage };
  if (facts.since > facts.serving && facts.alarm !== null)
    return { status: 'False', reason: 'Pending', message: facts.alarm };
  const byNode = new Map(progress.map((one) => [one.node, one]));
  const done = connected.filter(({ node }) => (byNode.get(node)?.applied ?? 0) >= facts.since);
  const rejections = connected.flatMap(({ node }) => {
    const one = byNode.get(node);
    return one !== undefined && one.rejected > one.applied
      ? [`node ${node} rejected the newest: ${listFacts(one.reasons)}`]
      : [];
  });
  const counted = `applied by ${done.length} of ${connected.length} nodes`;
  const message = listFacts([counted, ...(facts.pinned ? [heldMessage] : []), ...rejections]);
  if (done.length === connected.length) return { status: 'True', reason: 'Programmed', message };
  return { status: 'False', reason: rejections.length > 0 ? 'Invalid' : 'Pending', message };
}

function addressesOf(nodes: readonly ServingNode[]): Delivery['addresses'] {
  const values = [...new Set(nodes.flatMap((node) => node.addresses))].toSorted().slice(0, addressesMax);
  return values.map((value) => ({ type: ipVersion(value) === 0 ? 'Hostname' : 'IPAddress', value }));
}
