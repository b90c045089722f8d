// The status of BackendTLSPolicies: an entry for each Gateway of ours that they have a bearing on.
import { controllerName } from '#libs/gateway/kinds.ts';
import { gatewayGroup } from '#libs/gateway/parent-ref.ts';
import { conditionUnless, type Fault, listFacts } from '#libs/snapshot/conditions.ts';
import type { PolicyModel } from '#libs/snapshot/policies.ts';

/** PolicyStatus.ancestors may have no more. */
const ancestorsMax = 16;

/** One target of a policy, and the Gateways that refer to its Service. */
export interface TargetFacts {
  readonly gateways: readonly string[];
  /** Why the policy does not hold there, though it could be honoured. */
  readonly fault?: Fault;
}

/** `status.ancestors`: the Gateways whose routes refer to the policy's Services. */
export function policyAncestors(
  policy: Pick<PolicyModel, 'fault' | 'referenceFault' | 'generation'>,
  targets: readonly TargetFacts[],
): readonly Readonly<Record<string, unknown>>[] {
  const gateways = [...new Set(targets.flatMap((target) => target.gateways))].toSorted();
  return gateways.slice(0, ancestorsMax).map((gateway) => {
    const faults = targets.flatMap((target) =>
      target.fault !== undefined && target.gateways.includes(gateway) ? [target.fault] : [],
    );
    const [first] = faults;
    const lost = first && { reason: first.reason, message: listFacts(faults.map(({ message }) => message)) };
    const conditions = [
      conditionUnless('Accepted', policy.fault ?? lost, policy.generation),
      conditionUnless('ResolvedRefs', policy.referenceFault, policy.generation),
    ];
    const [, namespace = '', name = ''] = gateway.split('/');
    const ancestorRef = { group: gatewayGroup, kind: 'Gateway', namespace, name };
    return { ancestorRef, controllerName, conditions };
  });
}
