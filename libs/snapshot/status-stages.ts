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

/** Makes the stages. Keys start with the cluster. */
export function createStatusStages(
  engine: Derivation,
  sources: Sources,
  references: ReferenceStages,
  backends: BackendStages,
  gateways: GatewayStages,
  routes: RouteStages,
): readonly StatusStage[] {
  return [
    createClassStatus(engine, sources, gateways),
    createGatewayStatus(engine, gateways, routes),
    createListenerSetStatus(engine, gateways, routes),
    createRouteStatus(engine, routes),
    createPolicyStatus(engine, references, backends, routes),
  ];
}
