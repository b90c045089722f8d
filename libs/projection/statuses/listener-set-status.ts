// Writes the status of a ListenerSet and of its listeners.
import type { DesiredCondition } from '#libs/events/agent-exchange.ts';
import {
  condition,
  conditionUnless,
  type Fault,
  ignoredFacts,
  listFacts,
  listProblems,
} from '#libs/projection/model/conditions.ts';
import type { PlaneState } from '#libs/projection/model/delivery/delivery.ts';
import { listenerFacts, listenerSetFault, type ListenerSetModel } from '#libs/projection/model/listener-set-model.ts';
import { listenerStatus } from './listener-status.ts';
import { unservedCondition, type UnservedPolicies } from './unserved-policies.ts';

/** Holds what is known of one ListenerSet beside itself: of its delivery, its listeners, and policies on these. */
interface SetState {
  /** Counts by ListenerEntry.name. */
  readonly attachedRoutes: (entryName: string) => number;
  /** What a listener lost to those of other Gateways, by ListenerEntry.name. */
  readonly lost: (entryName: string) => Fault | undefined;
  readonly unserved: UnservedPolicies;
  readonly plane: PlaneState;
  /** Its newest state is not applied by all nodes yet. */
  readonly waiting: boolean;
  /** Whether the Gateway has the addresses that it asks for. */
  readonly addressed: boolean;
}

/** Writes `status` of a ListenerSet. */
export function listenerSetStatus(set: ListenerSetModel, state: SetState): Readonly<Record<string, unknown>> {
  const { generation, listeners, refusal } = set;
  const { attachedRoutes, lost, unserved } = state;
  const programmed = programmedCondition(set, state);
  const parentIs = programmed.reason === 'ParentNotProgrammed' ? { reason: 'Pending' } : {};
  const ofListeners = { ...programmed, ...parentIs };
  return {
    conditions: [
      acceptedCondition(set),
      programmed,
      ...(listenerSetFault(set) === undefined ? unservedCondition(unserved.own, generation) : []),
    ],
    listeners:
      refusal?.reason === 'NotAllowed'
        ? []
        : listeners.map((one) => {
            const { name, entryName } = one;
            const [routes, lostTo] = [attachedRoutes(entryName), lost(entryName)];
            const own = { attachedRoutes: routes, programmed: ofListeners, lost: lostTo };
            return listenerStatus(one, { ...own, unserved: unserved.ofListener(name) }, generation);
          }),
  };
}

function acceptedCondition(set: ListenerSetModel): DesiredCondition {
  const { generation, listeners, problems, ignored } = set;
  const fault = listenerSetFault(set);
  if (fault !== undefined) return conditionUnless('Accepted', fault, generation);
  const facts = [...listenerFacts(listeners), ...(problems.length > 0 ? [listProblems(problems)] : [])];
  const reason = facts.length === 0 ? 'Accepted' : 'ListenersNotValid';
  const message = listFacts([...facts, ...ignoredFacts(ignored)]);
  return condition('Accepted', 'True', { reason, message }, generation);
}

function programmedCondition(set: ListenerSetModel, delivery: SetState): DesiredCondition {
  const { generation } = set;
  const fault = listenerSetFault(set);
  if (fault !== undefined) {
    const own = fault.reason === 'ParentNotAccepted' ? parentFault(fault.message) : fault;
    return conditionUnless('Programmed', own, generation);
  }
  if (!set.listeners.some(({ served }) => served)) {
    const message = listFacts(listenerFacts(set.listeners));
    return conditionUnless('Programmed', { reason: 'ListenersNotValid', message }, generation);
  }
  if (delivery.plane === 'unknown') {
    const message = 'not every node of the Gateway is connected; what the others serve is not known';
    return condition('Programmed', 'Unknown', { reason: 'Pending', message }, generation);
  }
  if (delivery.plane === 'none')
    return conditionUnless('Programmed', parentFault('no node serves the Gateway'), generation);
  if (!delivery.addressed)
    return conditionUnless('Programmed', parentFault('the Gateway does not have its addresses'), generation);
  const waiting = { reason: 'Pending', message: 'not applied by all nodes yet' };
  return conditionUnless('Programmed', delivery.waiting ? waiting : undefined, generation);
}

function parentFault(message: string): Fault {
  return { reason: 'ParentNotProgrammed', message };
}
