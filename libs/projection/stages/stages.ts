// Wires all stages of the projection, in the order in which they read each other.
import { createBackendStages, createUsedBackendStage } from './backend-stages.ts';
import { Derivation } from '#libs/derivation/derivation.ts';
import type { Stage } from '#libs/derivation/stage.ts';
import { createDiscoveryStages, type DiscoveryStages } from './discovery-stages.ts';
import type { StoredEntry } from '#libs/snapshot/entry.ts';
import { createForeignPolicyStages } from '#libs/projection/stages/policies/foreign-policy-stages.ts';
import { createGatewayStages, type GatewayStages } from './gateway-stages.ts';
import { createOlderApis } from './older-apis.ts';
import { createWrittenStatuses } from './older-status-stages.ts';
import { createReferenceStages } from './reference-stages.ts';
import { createRouteStages, type RouteStages } from './route-stages.ts';
import { createSources, type RawSources } from './sources.ts';
import { createStatusStages, type StatusStage } from './status-stages.ts';

export interface Stages {
  readonly engine: Derivation;
  readonly sources: RawSources;
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
  const raw = createSources(engine);
  const references = createReferenceStages(engine, raw);
  const older = createOlderApis(engine, raw, references);
  const { sources } = older;
  const backends = createBackendStages(engine, sources, references);
  const gateways = createGatewayStages(engine, sources, references, backends);
  const routes = createRouteStages(engine, sources, references, backends, gateways);
  const usedBackends = createUsedBackendStage(engine, backends, routes.uses, gateways.backendCertificates);
  const policiesOn = createForeignPolicyStages(engine, sources);
  const inV1 = createStatusStages(engine, sources, references, backends, gateways, routes, policiesOn);
  const statuses = createWrittenStatuses(engine, raw, older, inV1);
  const discovery = createDiscoveryStages(engine, sources, references);
  return { engine, sources: raw, gateways, routes, usedBackends, statuses, discovery };
}
