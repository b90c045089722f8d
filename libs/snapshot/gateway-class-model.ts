// One GatewayClass of ours, judged.
import type { KnownObject } from '#libs/fleet/fleet.ts';
import type { ParameterSet } from '#libs/gateway/data-plane-parameters.ts';
import { parseGatewayClass } from '#libs/gateway/gateway-class.ts';
import type { Fault } from '#libs/snapshot/conditions.ts';
import { findParameters, type ObjectLookup } from '#libs/snapshot/object-lookup.ts';

export interface ClassModel {
  readonly name: string;
  /** What its Gateways do not say themselves. */
  readonly parameters: ParameterSet;
  /** Why it is not accepted. Its Gateways stay as they are: a mistake in one object must not take all of them down. */
  readonly fault?: Fault;
}

/** Judges a GatewayClass; undefined = it is another controller's. */
export function evaluateClass(known: KnownObject, lookup: ObjectLookup): ClassModel | undefined {
  const { ours, parameters } = parseGatewayClass(known.object);
  if (!ours) return undefined;
  const found = findParameters(parameters, known.cluster, lookup);
  return 'value' in found
    ? { name: known.name, parameters: found.value }
    : { name: known.name, parameters: {}, fault: found.fault };
}
