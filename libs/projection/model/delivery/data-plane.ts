// Describes the data plane that a Gateway wants: the agent makes a Deployment and a Service from it where it may.
import type { DataPlaneParameters, DesiredDataPlane } from '#libs/events/agent-exchange.ts';
import { ipVersion } from '#libs/gateway/ip-address.ts';
import type { GatewayModel } from '#libs/projection/model/gateway-model.ts';

type Port = DesiredDataPlane['ports'][number];

const nothingOwn = { labels: {}, annotations: {}, addresses: [] };
const defaults: DataPlaneParameters = { replicas: 1, serviceType: 'LoadBalancer', merge: 'none' };

/**
 * Describes the data plane. `live` are the ports of accepted listeners; `served` those of the version that is served,
 * which a rollback may have brought back.
 */
export function desiredDataPlane(
  { labels, annotations, addresses, parameters, parametersKnown, sharedService }: GatewayModel,
  live: readonly Port[],
  served: readonly Port[],
): DesiredDataPlane {
  const asked = addresses.flatMap(({ value }) => (ipVersion(value) === 0 ? [] : [value]));
  // What is shared with others is not for one of them to say.
  const own = sharedService === undefined ? { labels, annotations, addresses: asked } : nothingOwn;
  return {
    ...own,
    // Without its parameters nobody knows what it should be like: what there is stays.
    ports: parametersKnown ? unitePorts([...live, ...served]) : [],
    parameters: { ...defaults, ...parameters },
  };
}

/** Keeps each port once, ordered by number, TCP first. */
function unitePorts(ports: readonly Port[]): readonly Port[] {
  const byText = new Map(ports.map(({ port, protocol }) => [`${port}/${protocol}`, { port, protocol }]));
  return [...byText.values()].toSorted(
    (a, b) => a.port - b.port || Number(a.protocol === 'UDP') - Number(b.protocol === 'UDP'),
  );
}
