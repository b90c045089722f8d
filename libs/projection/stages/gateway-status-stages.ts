// Wires the stages of the statuses of GatewayClasses, Gateways and ListenerSets.
import type { DesiredStatus } from '#libs/events/agent-exchange.ts';
import { parseServedApi } from '#libs/gateway/objects/served-api.ts';
import { generation } from '#libs/gateway/fields/metadata.ts';
import { desiredDataPlane } from '#libs/projection/model/delivery/data-plane.ts';
import type { Derivation } from '#libs/derivation/derivation.ts';
import type { Stage } from '#libs/derivation/stage.ts';
import { judgeAddresses } from '#libs/projection/statuses/gateway-addresses.ts';
import type { PolicyLookup } from '#libs/projection/stages/policies/foreign-policy-stages.ts';
import type { GatewayStages } from './gateway-stages.ts';
import { gatewayClassStatus, gatewayStatus } from '#libs/projection/statuses/gateway-status.ts';
import { listenerSetStatus } from '#libs/projection/statuses/listener-set-status.ts';
import { unservedPolicy } from '#libs/projection/statuses/unserved-policies.ts';
import type { RouteStages } from './route-stages.ts';
import type { Sources } from './sources.ts';
import type { UnservedStages } from '#libs/projection/stages/policies/unserved-stages.ts';
import { parsePlaceKey } from '#libs/gateway/object-key.ts';

/** Makes the stage of `status` of the GatewayClasses that are ours. */
export function createClassStatus(
  engine: Derivation,
  sources: Sources,
  gateways: GatewayStages,
  policiesOn: PolicyLookup,
): Stage<DesiredStatus> {
  return engine.stage<DesiredStatus>({
    name: 'gateway class status',
    each: gateways.classes,
    compute: (key, read) => {
      const model = read.get(gateways.classes, key);
      const known = read.get(sources.objects('GatewayClass'), key);
      if (model === undefined || known === undefined) return undefined;
      const { kind, namespace, name, uid, object } = known;
      const unserved = policiesOn(known, read).map((policy) => unservedPolicy(policy));
      const status = gatewayClassStatus(model, parseServedApi(object), unserved, generation(object));
      return { kind, namespace, name, uid, status };
    },
  });
}

/** Makes the stage of `status` of the Gateways, with the data planes that they want. */
export function createGatewayStatus(
  engine: Derivation,
  gateways: GatewayStages,
  routes: RouteStages,
  unserved: UnservedStages,
): Stage<DesiredStatus> {
  return engine.stage<DesiredStatus>({
    name: 'gateway status',
    each: gateways.models,
    compute: (key, read) => {
      const model = read.get(gateways.models, key);
      const delivery = read.get(gateways.deliveries, key);
      if (model === undefined || delivery === undefined) return undefined;
      const { namespace, name } = parsePlaceKey(key);
      const status = gatewayStatus(model, delivery, {
        listenerSets: read.count(gateways.acceptedSets, key),
        attachedRoutes: (listener) => read.count(routes.attached, `${key} ${listener}`),
        lost: (listener) => read.list(gateways.lost, `${key} ${listener}`)[0],
        unserved: unserved.onGateway(key, read),
      });
      const served = read.get(gateways.servedPorts, key) ?? [];
      const dataPlane = desiredDataPlane(model, read.list(gateways.livePorts, key), served, delivery.clusterAddresses);
      return { kind: 'Gateway', namespace, name, uid: model.uid, status, dataPlane };
    },
  });
}

/** Makes the stage of `status` of the ListenerSets of our Gateways. */
export function createListenerSetStatus(
  engine: Derivation,
  gateways: GatewayStages,
  routes: RouteStages,
  unserved: UnservedStages,
): Stage<DesiredStatus> {
  const addressed = engine.stage<boolean>({
    name: 'gateway is addressed',
    compute: (key, read) => {
      const model = read.get(gateways.models, key);
      const delivery = read.get(gateways.deliveries, key);
      return model && delivery && judgeAddresses(model, delivery).fault === undefined;
    },
  });
  return engine.stage<DesiredStatus>({
    name: 'listener set status',
    each: gateways.sets,
    compute: (key, read) => {
      const set = read.get(gateways.sets, key);
      if (set === undefined) return undefined;
      const { namespace, name } = parsePlaceKey(key);
      const state = {
        plane: read.get(gateways.planes, set.gateway) ?? ('none' as const),
        waiting: read.has(gateways.undelivered, key),
        addressed: read.get(addressed, set.gateway) ?? false,
        attachedRoutes: (entry: string) => read.count(routes.attached, `${set.gateway} ${entry}`),
        lost: (entry: string) => read.list(gateways.lost, `${set.gateway} ${entry}`)[0],
        unserved: unserved.onSet(key, read),
      };
      const status = listenerSetStatus(set, state);
      return { kind: 'ListenerSet', namespace, name, uid: set.uid, status };
    },
  });
}
