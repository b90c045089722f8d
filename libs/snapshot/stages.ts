// All stages of the projection, wired in the order in which they read each other.
import { createBackendStages, createUsedBackendStage } from '#libs/snapshot/backend-stages.ts';
import { Derivation, type Stage } from '#libs/snapshot/derive.ts';
import { createDiscoveryStages, type DiscoveryStages } from '#libs/snapshot/discovery-stages.ts';
import type { StoredEntry } from '#libs/snapshot/entry.ts';
import { createGatewayStages, type GatewayStages } from '#libs/snapshot/gateway-stages.ts';
import { createReferenceStages } from '#libs/snapshot/reference-stages.ts';
import { createRouteStages, type RouteStages } from '#libs/snapshot/route-stages.ts';
import { createSources, type Sources } from '#libs/snapshot/sources.ts';
import { createStatusStages, type StatusStage } from '#libs/snapshot/status-stages.ts';

export interface Stages {
  readonly engine: Derivation;
  readonly sources: Sources;
  readonly gateways: GatewayStages;
  readonly routes: RouteStages;
  /** Keys: `gateway entry-key`. */
  readonly usedBackends: Stage<StoredEntry>;
  readonly statuses: readonly StatusStage[];
  readonly discovery: DiscoveryStages;
}

/** Makes an engine with every stage of the projection. */
export function createStages(): Stages {
  const engine = new Derivation();
  const sources = createSources(engine);
  const references = createReferenceStages(engine, sources);
  const gateways = createGatewayStages(engine, sources, references);
  const backends = createBackendStages(engine, sources, references);
  const routes = createRouteStages(engine, sources, references, backends, gateways);
  const usedBackends = createUsedBackendStage(engine, backends, routes.publications, gateways.backendCertificates);
  const statuses = createStatusStages(engine, sources, references, backends, gateways, routes);
  const discovery = createDiscoveryStages(engine, sources, references);
  return { engine, sources, gateways, routes, usedBackends, statuses, discovery };
}
