// Writes the status of one listener, of a Gateway or of a ListenerSet.
import type { DesiredCondition } from '#libs/events/agent-exchange.ts';
import { condition, conditionUnless, type Fault } from '#libs/projection/model/conditions.ts';
import type { ListenerModel } from '#libs/projection/model/listeners.ts';

/**
 * Writes an item of status.listeners; `programmed` is the condition Programmed of what serves it, `lost` what it lost
 * to listeners of other Gateways on the nodes that it shares with them.
 */
export function listenerStatus(
  listener: ListenerModel,
  attachedRoutes: number,
  programmed: DesiredCondition,
  lost: Fault | undefined,
  generation: number,
): Readonly<Record<string, unknown>> {
  const { name, kinds } = listener;
  const conditions = listenerConditions(listener, programmed, lost, generation);
  return { name, supportedKinds: kinds, attachedRoutes, conditions };
}

function listenerConditions(
  listener: ListenerModel,
  programmed: DesiredCondition,
  lost: Fault | undefined,
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
  return overlap === undefined
    ? conditions
    : [...conditions, condition('OverlappingTLSConfig', 'True', overlap, generation)];
}
