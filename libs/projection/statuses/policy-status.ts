// Writes the status of BackendTLSPolicies: an entry for each Gateway of ours that they have a bearing on.
import { controllerName } from '#libs/gateway/kinds.ts';
import { gatewayGroup } from '#libs/gateway/fields/parent-ref.ts';
import { condition, conditionUnless, type Fault, ignoredFacts, listFacts } from '#libs/projection/model/conditions.ts';
import type { PolicyModel } from '#libs/projection/model/policies.ts';
import { parsePlaceKey } from '#libs/gateway/object-key.ts';

/** PolicyStatus.ancestors may have no more. */
const ancestorsMax = 16;

/** Describes one target of a policy, and the Gateways that refer to its Service. */
interface TargetFacts {
  readonly gateways: readonly string[];
  /** Why the policy does not hold there, though it could be honoured. */
  readonly fault?: Fault;
}

/** Writes `status.ancestors`: the Gateways whose routes refer to the policy's Services. */
export function policyAncestors(
  policy: Pick<PolicyModel, 'fault' | 'referenceFault' | 'ignored' | 'generation'>,
  targets: readonly TargetFacts[],
): readonly Readonly<Record<string, unknown>>[] {
  const { referenceFault, ignored, generation } = policy;
  const gateways = [...new Set(targets.flatMap((target) => target.gateways))].toSorted();
  return gateways.slice(0, ancestorsMax).map((gateway) => {
    const here = targets.filter((target) => target.gateways.includes(gateway));
    const fault = policy.fault ?? lostFault(here);
    const facts = [...ignoredFacts(ignored), ...here.flatMap((target) => target.fault?.message ?? [])];
    const accepted =
      fault === undefined
        ? condition('Accepted', 'True', { reason: 'Accepted', message: listFacts(facts) }, generation)
        : conditionUnless('Accepted', fault, generation);
    const conditions = [accepted, conditionUnless('ResolvedRefs', referenceFault, generation)];
    const { namespace, name } = parsePlaceKey(gateway);
    const ancestorRef = { group: gatewayGroup, kind: 'Gateway', namespace, name };
    return { ancestorRef, controllerName, conditions };
  });
}

/**
 * Finds what costs the acceptance: a conflict on any target does (BackendTLSPolicySpec.targetRefs); other faults do
 * where they are on all.
 */
function lostFault(targets: readonly TargetFacts[]): Fault | undefined {
  const faults = targets.flatMap(({ fault }) => fault ?? []);
  const conflict = faults.find(({ reason }) => reason === 'Conflicted');
  const first = conflict ?? (faults.length === targets.length ? faults[0] : undefined);
  return first && { reason: first.reason, message: listFacts(faults.map(({ message }) => message)) };
}
