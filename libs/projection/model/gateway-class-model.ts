// Judges one GatewayClass of ours.
import type { KnownObject } from '#libs/fleet/fleet.ts';
import { sharedDataPlaneName } from '#libs/gateway/data-plane/data-plane-name.ts';
import type { ParameterSet } from '#libs/gateway/data-plane/data-plane-parameters.ts';
import { parseGatewayClass } from '#libs/gateway/objects/gateway-class.ts';
import { parseServedApi, type Scopes, scopesIn } from '#libs/gateway/objects/served-api.ts';
import type { Fault } from './conditions.ts';
import { findParameters, type ObjectLookup } from './object-lookup.ts';
import { toPlaceKey } from '#libs/gateway/object-key.ts';

export interface ClassModel {
  readonly name: string;
  /** What its Gateways do not say themselves. */
  readonly parameters: ParameterSet;
  /**
   * Where the data plane is that its Gateways share, if they do: the place key of its Service. The agent must run where
   * the parameters are.
   */
  readonly sharedService?: string;
  /** Which routabilities addresses of its Gateways can have. */
  readonly scopes: Scopes;
  /** Why it is not accepted. Its Gateways stay as they are: a mistake in one object must not take all of them down. */
  readonly fault?: Fault;
}

/** Judges a GatewayClass; undefined = it is another controller's. */
export function evaluateClass(known: KnownObject, lookup: ObjectLookup): ClassModel | undefined {
  const { ours, parameters: ref } = parseGatewayClass(known.object);
  if (!ours) return undefined;
  const { cluster, name } = known;
  const found = findParameters(ref, cluster, lookup);
  const scopes = scopesIn(parseServedApi(known.object));
  if ('fault' in found) return { name, parameters: {}, scopes, fault: found.fault };
  const isShared = found.value.merge === 'class' && ref !== undefined && 'namespace' in ref;
  return {
    name,
    parameters: found.value,
    scopes,
    ...(isShared
      ? { sharedService: toPlaceKey({ cluster, namespace: ref.namespace, name: sharedDataPlaneName(name) }) }
      : {}),
  };
}
