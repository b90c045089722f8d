// Stages for the statuses of everything that gets one.
import type { DesiredStatus } from '#libs/events/agent-exchange.ts';
import type { BackendStages } from '#libs/snapshot/backend-stages.ts';
import type { Derivation, Stage } from '#libs/snapshot/derive.ts';
import type { GatewayStages } from '#libs/snapshot/gateway-stages.ts';
import {
  createClassStatus,
  createGatewayStatus,
  createListenerSetStatus,
} from '#libs/snapshot/gateway-status-stages.ts';
import type { ReferenceStages } from '#libs/snapshot/reference-stages.ts';
import { createPolicyStatus, createRouteStatus } from '#libs/snapshot/route-status-stages.ts';
import type { RouteStages } from '#libs/snapshot/route-stages.ts';
import type { Sources } from '#libs/snapshot/sources.ts';

export type StatusStage = Stage<DesiredStatus>;

/** The statuses in the words of v1. */
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
): StatusStages {
  return {
    classes: createClassStatus(engine, sources, gateways),
    gateways: createGatewayStatus(engine, gateways, routes),
    listenerSets: createListenerSetStatus(engine, gateways, routes),
    routes: createRouteStatus(engine, routes),
    policies: createPolicyStatus(engine, references, backends, routes),
  };
}
