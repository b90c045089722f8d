// Reads the Service in front of a provisioned data plane, which says where clients reach its Gateway.
import { openBody } from '#libs/gateway/fields/cursor.ts';
import { ipVersion } from '#libs/gateway/ip-address.ts';
import { labels } from '#libs/gateway/fields/metadata.ts';
import type { KubeObject } from '#libs/gateway/object.ts';
import { toNamespacedKey } from '#libs/gateway/object-key.ts';

export const gatewayNameLabel = 'gateway.networking.k8s.io/gateway-name';
export const managedByLabel = 'app.kubernetes.io/managed-by';
export const managedBy = 'fleetgate';

/** On Services beside that of a data plane, each for one more address in the cluster. */
export const extraServiceLabel = 'fleetgate.dev/cluster-address';

export interface Address {
  readonly type: 'IPAddress' | 'Hostname';
  readonly value: string;
}

export interface DataPlaneService {
  /** `namespace/name`. */
  readonly name: string;
  /** Label value of its one Gateway, in the Service's namespace; absent = the Gateways of a class share it. */
  readonly gateway?: string;
  /** Whether its addresses come from a load balancer, which may take its time. */
  readonly balanced: boolean;
  /** Whether it is there for its address in the cluster only. */
  readonly extra: boolean;
  readonly addresses: readonly Address[];
  /** Its address in the cluster. */
  readonly clusterAddress?: string;
}

/** Reads a Service; undefined = it is in front of no data plane of ours. */
export function parseDataPlaneService(object: KubeObject, namespace: string): DataPlaneService | undefined {
  const { [managedByLabel]: manager, [gatewayNameLabel]: gateway, [extraServiceLabel]: extra } = labels(object);
  if (manager !== managedBy) return undefined;
  const { at } = openBody(object, 'spec');
  const balanced = at.field('type').text() === 'LoadBalancer';
  const ingress = openBody(object, 'status')
    .at.field('loadBalancer')
    .field('ingress')
    .items(64)
    .map((item) => item.field('ip').text() ?? item.field('hostname').text() ?? '');
  const own = at.field('clusterIP').text() ?? '';
  const clusterAddress = ipVersion(own) === 0 ? {} : { clusterAddress: own };
  const values = balanced ? ingress : [own];
  const addresses = [...new Set(values)].filter((value) => value !== '' && value !== 'None').map(toAddress);
  const name = toNamespacedKey({ namespace, name: object.metadata.name });
  const ofGateway = gateway === undefined ? {} : { gateway };
  return { name, ...ofGateway, balanced, extra: extra !== undefined, addresses, ...clusterAddress };
}

/** Gives an address by what it looks like. */
export function toAddress(value: string): Address {
  return { type: ipVersion(value) === 0 ? 'Hostname' : 'IPAddress', value };
}
