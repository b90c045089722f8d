// Judges whether a gateway is served by its nodes, from what they reported: the condition Programmed and the addresses.
// Every node that has not left counts, a silent one too: its Envoy may go on, and what that serves is not known.
// Addresses are those of the Service in front of its data plane where there is one, else those of the nodes. Messages
// name how many of how many, and no versions: a steady gateway has a steady status.
import { type Address, type DataPlaneService, toAddress } from '#libs/gateway/data-plane/data-plane-service.ts';
import type { ConditionStatus } from '#libs/projection/model/conditions.ts';
import { listFacts } from '#libs/projection/model/conditions.ts';

/** Describes one node that serves the gateway. */
export interface ServingNode {
  readonly node: string;
  readonly connected: boolean;
  /** When it was heard of last, RFC 3339; absent while it is connected. */
  readonly lastSeen?: string | undefined;
  readonly addresses: readonly string[];
}

/** Says what one node did with the gateway's versions; 0 = none. */
export interface NodeProgress {
  readonly node: string;
  readonly applied: number;
  readonly rejected: number;
  readonly reasons: readonly string[];
}

/** Holds what the projection knows of the gateway's versions. */
export interface VersionFacts {
  /** First version made at or after the last change of the Gateway object. */
  readonly since: number;
  readonly serving: number;
  readonly pinned: boolean;
  readonly alarm: string | null;
  /** Of the listeners of the version that is served. */
  readonly ports: readonly { readonly port: number; readonly protocol: 'TCP' | 'UDP' }[];
}

/** Names the first version of its Gateway that has a ListenerSet's newest state. */
export interface SetVersion {
  /** `cluster/namespace/name`, of the ListenerSet and of its Gateway. */
  readonly set: string;
  readonly gateway: string;
  readonly since: number;
}

/** Says whether the nodes of a gateway can serve anything, whatever version they have. */
export type PlaneState = 'ready' | 'none' | 'unknown';

export interface Delivery {
  readonly status: ConditionStatus;
  readonly reason: string;
  readonly message: string;
  readonly addresses: readonly Address[];
  /** Names of the Services in front of its data plane. */
  readonly services: readonly string[];
  /** Addresses in the cluster: of these Services, and of those that are there for nothing else. */
  readonly clusterAddresses: readonly string[];
  readonly extraAddresses: readonly string[];
}

const addressesMax = 16;
const unknownNamedMax = 2;
const heldMessage = 'held at an earlier version by a rollback until it is released';

/** Sums up the nodes and Services of one gateway. */
export function summarizeDelivery(
  facts: VersionFacts,
  nodes: readonly ServingNode[],
  progress: readonly NodeProgress[],
  fronts: readonly DataPlaneService[],
): Delivery {
  const services = fronts.filter(({ extra }) => !extra);
  const connected = nodes.filter((node) => node.connected);
  const addresses =
    services.length > 0
      ? services.flatMap((service) => service.addresses)
      : addressesOf(connected.length > 0 ? connected : nodes);
  const verdict =
    nodes.length === 0 && services.length > 0
      ? { status: 'False' as const, reason: 'Pending', message: 'waiting for a node of its data plane to connect' }
      : judge(facts, nodes, connected, progress);
  return {
    ...verdict,
    addresses: addresses.slice(0, addressesMax),
    services: services.map(({ name }) => name),
    clusterAddresses: clusterAddressesOf(services),
    extraAddresses: clusterAddressesOf(fronts.filter(({ extra }) => extra)),
  };
}

/** Judges the delivery to the ListenerSets of one gateway. */
export function judgeListenerSets(
  facts: VersionFacts,
  nodes: readonly ServingNode[],
  progress: readonly NodeProgress[],
  sets: readonly SetVersion[],
): { readonly plane: PlaneState; readonly waiting: readonly string[] } {
  if (nodes.length === 0) return { plane: 'none', waiting: [] };
  if (nodes.some((node) => !node.connected)) return { plane: 'unknown', waiting: [] };
  const byNode = new Map(progress.map((one) => [one.node, one.applied]));
  const floor = Math.min(...nodes.map(({ node }) => byNode.get(node) ?? 0));
  const waiting = sets.filter(({ since }) => since > floor || since > facts.serving).map(({ set }) => set);
  return { plane: 'ready', waiting };
}

function judge(
  facts: VersionFacts,
  nodes: readonly ServingNode[],
  connected: readonly ServingNode[],
  progress: readonly NodeProgress[],
): Pick<Delivery, 'status' | 'reason' | 'message'> {
  if (nodes.length === 0) return { status: 'False', reason: 'NoResources', message: 'no node serves this Gateway' };
  if (connected.length === 0) {
    const none = `none of ${nodes.length} nodes is connected; what they serve is not known`;
    return { status: 'Unknown', reason: 'Pending', message: listFacts([none, ...unknownFacts(nodes)]) };
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
  const counted = `applied by ${done.length} of ${nodes.length} nodes`;
  const unknown = unknownFacts(nodes);
  const message = listFacts([counted, ...unknown, ...(facts.pinned ? [heldMessage] : []), ...rejections]);
  if (done.length < connected.length)
    return { status: 'False', reason: rejections.length > 0 ? 'Invalid' : 'Pending', message };
  if (unknown.length > 0) return { status: 'Unknown', reason: 'Pending', message };
  return { status: 'True', reason: 'Programmed', message };
}

/** Says of silent nodes since when they are; of many, it names the first. */
function unknownFacts(nodes: readonly ServingNode[]): readonly string[] {
  const unknown = nodes.filter(({ connected }) => !connected);
  const named = unknown
    .slice(0, unknownNamedMax)
    .map(({ node, lastSeen }) => `${node} unknown${lastSeen === undefined ? '' : ` since ${lastSeen}`}`);
  const more = unknown.length - named.length;
  return more > 0 ? [...named, `${more} more unknown`] : named;
}

function clusterAddressesOf(services: readonly DataPlaneService[]): readonly string[] {
  return services.flatMap(({ clusterAddress }) => clusterAddress ?? []);
}

function addressesOf(nodes: readonly ServingNode[]): readonly Address[] {
  return [...new Set(nodes.flatMap((node) => node.addresses))].toSorted().map(toAddress);
}
