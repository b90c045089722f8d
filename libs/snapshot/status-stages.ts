// Stages for the statuses of everything that gets one.
import type { DesiredStatus } from '#libs/events/agent-exchange.ts';
import { parseListenerSetParent } from '#libs/gateway/listener-set.ts';
import { generation } from '#libs/gateway/metadata.ts';
import { gatewayGroup } from '#libs/gateway/parent-ref.ts';
import { parentKey } from '#libs/snapshot/attach.ts';
import { conditionUnless } from '#libs/snapshot/conditions.ts';
import type { Derivation, Stage } from '#libs/snapshot/derive.ts';
import { gatewayClassStatus, gatewayStatus } from '#libs/snapshot/gateway-status.ts';
import type { GatewayStages } from '#libs/snapshot/gateway-stages.ts';
import type { BackendStages } from '#libs/snapshot/backend-stages.ts';
import type { ReferenceStages } from '#libs/snapshot/reference-stages.ts';
import type { RouteStages } from '#libs/snapshot/route-stages.ts';
import { createPolicyStatus, createRouteStatus } from '#libs/snapshot/route-status-stages.ts';
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
    createRouteStatus(engine, routes),
    createListenerSetStatus(engine, sources, gateways),
    createPolicyStatus(engine, references, backends, routes),
  ];
}

function createClassStatus(engine: Derivation, sources: Sources, gateways: GatewayStages): StatusStage {
  return engine.stage<DesiredStatus>({
    name: 'gateway class status',
    each: gateways.classes,
    compute: (key, read) => {
      const model = read.get(gateways.classes, key);
      const known = read.get(sources.objects('GatewayClass'), key);
      return model && known && { ...nameOf(known), status: gatewayClassStatus(model, generation(known.object)) };
    },
  });
}

function createGatewayStatus(engine: Derivation, gateways: GatewayStages, routes: RouteStages): StatusStage {
  return engine.stage<DesiredStatus>({
    name: 'gateway status',
    each: gateways.models,
    compute: (key, read) => {
      const model = read.get(gateways.models, key);
      const delivery = read.get(gateways.deliveries, key);
      if (model === undefined || delivery === undefined) return undefined;
      const [, namespace = '', name = ''] = key.split('/');
      const status = gatewayStatus(model, delivery, (listener) => read.count(routes.attached, `${key} ${listener}`));
      return { kind: 'Gateway', namespace, name, uid: model.uid, status };
    },
  });
}

function createListenerSetStatus(engine: Derivation, sources: Sources, gateways: GatewayStages): StatusStage {
  return engine.stage<DesiredStatus>({
    name: 'listener set status',
    each: sources.objects('ListenerSet'),
    compute: (key, read) => {
      const known = read.get(sources.objects('ListenerSet'), key);
      const parent = known && parseListenerSetParent(known.object, known.namespace);
      if (known === undefined || parent?.kind !== 'Gateway' || parent.group !== gatewayGroup) return undefined;
      const gateway = `${known.cluster}/${parent.namespace}/${parent.name}`;
      if (read.get(gateways.parents, parentKey('Gateway', gateway)) === undefined) return undefined;
      const fault = { reason: 'UnsupportedValue', message: 'ListenerSets are not served yet' };
      const observed = generation(known.object);
      const conditions = [
        conditionUnless('Accepted', fault, observed),
        conditionUnless('Programmed', { ...fault, reason: 'Invalid' }, observed),
      ];
      return { ...nameOf(known), status: { conditions } };
    },
  });
}

function nameOf(known: {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}): Omit<DesiredStatus, 'status'> {
  const { kind, namespace, name, uid } = known;
  return { kind, namespace, name, uid };
}
