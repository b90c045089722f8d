// Writes the status of one listener, of a Gateway or of a ListenerSet.
import type { DesiredCondition } from '#libs/events/agent-exchange.ts';
import { condition, conditionUnless, type Fault } from '#libs/projection/model/conditions.ts';
import type { ListenerModel } from '#libs/projection/model/listeners.ts';
import { unservedCondition } from './unserved-policies.ts';

/** Holds what is known of a listener beside itself. */
interface ListenerState {
  readonly attachedRoutes: number;
  /** The condition Programmed of what serves it. */
  readonly programmed: DesiredCondition;
  /** What it lost to listeners of other Gateways on the nodes that it shares with them. */
  readonly lost: Fault | undefined;
  /** Policies of other gateways that are on it. */
  readonly unserved: readonly string[];
}

/** Writes an item of status.listeners. */
export function listenerStatus(
  listener: ListenerModel,
  state: ListenerState,
  generation: number,
): Readonly<Record<string, unknown>> {
  const { name, kinds } = listener;
  const conditions = listenerConditions(listener, state, generation);
  return { name, supportedKinds: kinds, attachedRoutes: state.attachedRoutes, conditions };
}

function listenerConditions(
  listener: ListenerModel,
  { programmed, lost, unserved }: ListenerState,
  generation: number,
): readonly DesiredCondition[] {
  const { fault, conflict, references, overlap, served } = listener;
  const conflicted: Fault = conflict ?? lost ?? { reason: 'NoConflicts', message: '' };
  // A conflict is told as such; everything else that keeps a listener from being served is Invalid.
  const invalid = conflict ?? lost ?? { reason: 'Invalid', message: 'the listener cannot be served' };
  const conditions = [
    conditionUnless('Accepted', fault ?? conflict, generation),
    served && lost === undefined
      ? condition('Programmed', programmed.status, programmed, generation)
      : condition('Programmed', 'False', invalid, generation),
    conditionUnless('ResolvedRefs', references, generation),
    condition('Conflicted', (conflict ?? lost) === undefined ? 'False' : 'True', conflicted, generation),
  ];
  return [
    ...conditions,
    ...(overlap === undefined ? [] : [condition('OverlappingTLSConfig', 'True', overlap, generation)]),
    ...(served ? unservedCondition(unserved, generation) : []),
  ];
}
