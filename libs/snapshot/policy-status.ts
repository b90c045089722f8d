// The status of policies: an entry for each Gateway of ours that they have a bearing on.
import { controllerName } from '#libs/gateway/kinds.ts';
import { gatewayGroup } from '#libs/gateway/parent-ref.ts';
import { conditionUnless } from '#libs/snapshot/conditions.ts';

/** PolicyStatus.ancestors may have no more. */
const ancestorsMax = 16;

/** `status.ancestors` of a BackendTLSPolicy: the Gateways whose routes refer to its Services. */
export function unservedPolicyAncestors(
  gateways: readonly string[],
  generation: number,
): readonly Readonly<Record<string, unknown>>[] {
  const message = 'BackendTLSPolicies are not served yet; the backends answer 500';
  const conditions = [conditionUnless('Accepted', { reason: 'UnsupportedValue', message }, generation)];
  return gateways.slice(0, ancestorsMax).map((gateway) => {
    const [, namespace = '', name = ''] = gateway.split('/');
    const ancestorRef = { group: gatewayGroup, kind: 'Gateway', namespace, name };
    return { ancestorRef, controllerName, conditions };
  });
}
