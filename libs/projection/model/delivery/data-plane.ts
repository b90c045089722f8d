// Describes the data plane that a Gateway wants: the agent makes a Deployment and a Service from it where it may.
import type { DataPlaneParameters, DesiredDataPlane } from '#libs/events/agent-exchange.ts';
import { ipVersion } from '#libs/gateway/ip-address.ts';
import type { AddressWish } from '#libs/gateway/objects/gateway.ts';
import type { GatewayModel } from '#libs/projection/model/gateway-model.ts';

type Port = DesiredDataPlane['ports'][number];

const nothingOwn = { labels: {}, annotations: {}, addresses: [] };
const defaults: DataPlaneParameters = { replicas: 1, serviceType: 'LoadBalancer', merge: 'none' };

/**
 * Describes the data plane. `live` are the ports of accepted listeners; `served` those of the version that is served,
 * which a rollback may have brought back; `fronts` are the addresses in the cluster of the Service that there is.
 */
export function desiredDataPlane(
  model: GatewayModel,
  live: readonly Port[],
  served: readonly Port[],
  fronts: readonly string[],
): DesiredDataPlane {
  const { labels, annotations, parameters, parametersKnown, sharedService } = model;
  // What is shared with others is not for one of them to say.
  const own = sharedService === undefined ? { labels, annotations, ...askedAddresses(model, fronts) } : nothingOwn;
  return {
    ...own,
    // Without its parameters nobody knows what it should be like: what there is stays.
    ports: parametersKnown ? unitePorts([...live, ...served]) : [],
    parameters: { ...defaults, ...parameters },
  };
}

/** Sorts what is asked for: for the Service of the data plane, and for Services beside it, one for each address. */
function askedAddresses(
  { addresses, scopes, parameters }: GatewayModel,
  fronts: readonly string[],
): Pick<DesiredDataPlane, 'addresses' | 'clusterAddresses'> {
  const isInCluster = ({ routability }: AddressWish): boolean => scopes !== 'none' && routability === 'Cluster';
  const asked = addresses.filter((wish) => !isInCluster(wish));
  const plain = asked.flatMap(({ value }) => (ipVersion(value) === 0 ? [] : [value]));
  const wanted = addresses.filter((wish) => scopes === 'cluster' && isInCluster(wish) && wish.type === 'IPAddress');
  if (wanted.length === 0) return { addresses: plain };
  const named = wanted.flatMap(({ value }) => (ipVersion(value) === 0 ? [] : [value]));
  const beside = [...new Set(named.filter((value) => !fronts.includes(value)))];
  // Without a load balancer, those who ask for nothing special get addresses in the cluster, too.
  const isBalanced = (parameters.serviceType ?? defaults.serviceType) === 'LoadBalancer';
  const others = isBalanced ? 0 : asked.filter(({ type, value }) => type === 'IPAddress' && value === '').length;
  const needed = wanted.filter(({ value }) => value === '').length + others;
  const isTaken = named.length > beside.length;
  const further = Math.max(0, needed - (isTaken ? 0 : 1));
  const clusterAddresses = [...Array.from({ length: further }, () => ''), ...beside];
  return clusterAddresses.length === 0 ? { addresses: plain } : { addresses: plain, clusterAddresses };
}

/** Keeps each port once, ordered by number, TCP first. */
function unitePorts(ports: readonly Port[]): readonly Port[] {
  const byText = new Map(ports.map(({ port, protocol }) => [`${port}/${protocol}`, { port, protocol }]));
  return [...byText.values()].toSorted(
    (a, b) => a.port - b.port || Number(a.protocol === 'UDP') - Number(b.protocol === 'UDP'),
  );
}
