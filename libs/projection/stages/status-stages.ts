// Wires the stages of the statuses of everything that gets one.
import type { DesiredStatus } from '#libs/events/agent-exchange.ts';
import type { BackendStages } from './backend-stages.ts';
import type { Derivation } from '#libs/derivation/derivation.ts';
import type { Stage } from '#libs/derivation/stage.ts';
import type { PolicyLookup } from '#libs/projection/stages/policies/foreign-policy-stages.ts';
import type { GatewayStages } from './gateway-stages.ts';
import { createClassStatus, createGatewayStatus, createListenerSetStatus } from './gateway-status-stages.ts';
import type { ReferenceStages } from './reference-stages.ts';
import { createPolicyStatus, createRouteStatus } from './route-status-stages.ts';
import type { RouteStages } from './route-stages.ts';
import type { Sources } from './sources.ts';
import { createUnservedStages } from '#libs/projection/stages/policies/unserved-stages.ts';

export type StatusStage = Stage<DesiredStatus>;

/** Holds the stages of the statuses in the words of v1. */
export interface StatusStages {
  readonly classes: StatusStage;
  readonly gateways: StatusStage;
  readonly listenerSets: StatusStage;
  /** Keys: `cluster/namespace/name/kind`. */
  readonly routes: StatusStage;
  readonly policies: StatusStage;
}

/** Makes the stages. Keys start with the cluster. */
export function createStatusStages(
  engine: Derivation,
  sources: Sources,
  references: ReferenceStages,
  backends: BackendStages,
  gateways: GatewayStages,
  routes: RouteStages,
  policiesOn: PolicyLookup,
): StatusStages {
  const unserved = createUnservedStages(engine, sources, gateways, policiesOn);
  return {
    classes: createClassStatus(engine, sources, gateways, policiesOn),
    gateways: createGatewayStatus(engine, gateways, routes, unserved),
    listenerSets: createListenerSetStatus(engine, gateways, routes, unserved),
    routes: createRouteStatus(engine, references, routes, policiesOn),
    policies: createPolicyStatus(engine, references, backends, routes),
  };
}
