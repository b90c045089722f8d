// Names and labels the objects of a data plane: the agent makes them so, the projection finds them so (GEP-1762).
import { sha256 } from '#libs/gateway/canonical.ts';

export const gatewayClassLabel = 'gateway.networking.k8s.io/gateway-class-name';
/** On everything that Fleetgate provides; the value is the name of the objects. */
export const dataPlaneLabel = 'fleetgate.dev/data-plane';

const lengthMax = 63;
const hashLength = 8;

/**
 * Gives the name of the Deployment, Service, … of a Gateway's own data plane, in the Gateway's namespace:
 * `<gateway>-<class>`.
 */
export function dataPlaneName(gateway: string, className: string): string {
  return boundedName(`${gateway}-${className}`);
}

/** Gives the name of those that all Gateways of a class share, in the agent's namespace. */
export function sharedDataPlaneName(className: string): string {
  return boundedName(`class-${className}`);
}

/** Gives the name of a Service beside that of a data plane, for one address in the cluster, or the nth of any. */
export function extraServiceName(dataPlane: string, address: string, index: number): string {
  const which = address === '' ? String(index) : address.replaceAll(/[.:]+/gu, '-');
  return boundedName(`${dataPlane}-cluster-${which.replace(/-+$/, '')}`);
}

/** Gives a name as the value of a label: cut where it is too long, and then a hash keeps it unique. */
export function labelValue(name: string): string {
  return name.length <= lengthMax ? name : boundedName(name);
}

/**
 * Gives a text as the name of a Service: dots become dashes, what is too long is cut, and then a hash keeps it unique.
 */
function boundedName(text: string): string {
  const plain = text.replaceAll('.', '-').replace(/^(?![a-z])/, 'g');
  if (plain.length <= lengthMax && plain === text) return text;
  const kept = plain.slice(0, lengthMax - hashLength - 1).replace(/-+$/, '');
  return `${kept}-${sha256(text).slice(0, hashLength)}`;
}
