// The status of one listener, of a Gateway or of a ListenerSet.
import type { DesiredCondition } from '#libs/events/agent-exchange.ts';
import { condition, conditionUnless, type Fault } from '#libs/projection/model/conditions.ts';
import type { ListenerModel } from '#libs/projection/model/listeners.ts';

/** An item of status.listeners; `programmed` is the condition Programmed of what serves it. */
export function listenerStatus(
  listener: ListenerModel,
  attachedRoutes: number,
  programmed: DesiredCondition,
  generation: number,
): Readonly<Record<string, unknown>> {
  const { name, kinds } = listener;
  const conditions = listenerConditions(listener, programmed, generation);
  return { name, supportedKinds: kinds, attachedRoutes, conditions };
}

function listenerConditions(
  listener: ListenerModel,
  programmed: DesiredCondition,
  generation: number,
): readonly DesiredCondition[] {
  const { fault, conflict, references, overlap, served } = listener;
  const conflicted: Fault = conflict ?? { reason: 'NoConflicts', message: '' };
  // A conflict is told as such; everything else that keeps a listener from being served is Invalid.
  const invalid = conflict ?? { reason: 'Invalid', message: 'the listener cannot be served' };
  const conditions = [
    conditionUnless('Accepted', fault ?? conflict, generation),
    served
      ? condition('Programmed', programmed.status, programmed, generation)
      : condition('Programmed', 'False', invalid, generation),
    conditionUnless('ResolvedRefs', references, generation),
    condition('Conflicted', conflict === undefined ? 'False' : 'True', conflicted, generation),
  ];
  return overlap === undefined
    ? conditions
    : [...conditions, condition('OverlappingTLSConfig', 'True', overlap, generation)];
}
