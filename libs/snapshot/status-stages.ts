// Stages for the statuses of everything that gets one.
import type { DesiredStatus } from '#libs/events/agent-exchange.ts';
import { parseBackendTlsTargets } from '#libs/gateway/backend-tls-policy.ts';
import { parseListenerSetParent } from '#libs/gateway/listener-set.ts';
import type { WatchedKind } from '#libs/gateway/kinds.ts';
import { generation } from '#libs/gateway/metadata.ts';
import { gatewayGroup } from '#libs/gateway/parent-ref.ts';
import { parseUnservedRoute } from '#libs/gateway/unserved-route.ts';
import { parentKey } from '#libs/snapshot/attach.ts';
import { conditionUnless } from '#libs/snapshot/conditions.ts';
import type { Derivation, Stage } from '#libs/snapshot/derive.ts';
import { gatewayClassStatus, gatewayStatus } from '#libs/snapshot/gateway-status.ts';
import type { GatewayStages } from '#libs/snapshot/gateway-stages.ts';
import { unservedPolicyAncestors } from '#libs/snapshot/policy-status.ts';
import { httpRouteParents, unservedRouteParents } from '#libs/snapshot/route-status.ts';
import type { RouteStages } from '#libs/snapshot/route-stages.ts';
import { findShadows } from '#libs/snapshot/shadow.ts';
import type { Sources } from '#libs/snapshot/sources.ts';

export type StatusStage = Stage<DesiredStatus>;

const unservedRoutes = ['GRPCRoute', 'TLSRoute', 'TCPRoute', 'UDPRoute'] as const satisfies readonly WatchedKind[];

/** Makes the stages. Keys are `cluster/namespace/name`. */
export function createStatusStages(
  engine: Derivation,
  sources: Sources,
  gateways: GatewayStages,
  routes: RouteStages,
): readonly StatusStage[] {
  return [
    createClassStatus(engine, sources, gateways),
    createGatewayStatus(engine, gateways, routes),
    createHttpRouteStatus(engine, routes),
    ...unservedRoutes.map((kind) => createUnservedStatus(engine, sources, gateways, kind)),
    createListenerSetStatus(engine, sources, gateways),
    createBackendTlsStatus(engine, sources, routes),
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

function createHttpRouteStatus(engine: Derivation, stages: RouteStages): StatusStage {
  return engine.stage<DesiredStatus>({
    name: 'http route status',
    each: stages.routes,
    compute: (key, read) => {
      const found = read.get(stages.routes, key);
      if (found === undefined) return undefined;
      const { route, spec, uid, generation } = found;
      const shadows = findShadows(read.get(stages.claims, key) ?? [], (ground) => read.get(stages.winners, ground));
      const attachments = read.get(stages.attachments, key)?.attachments ?? [];
      const faults = read.get(stages.resolved, key)?.referenceFaults ?? [];
      const parents = httpRouteParents(spec, attachments, faults, shadows, generation);
      return { kind: 'HTTPRoute', namespace: route.namespace, name: route.name, uid, status: { parents } };
    },
  });
}

function createUnservedStatus(
  engine: Derivation,
  sources: Sources,
  gateways: GatewayStages,
  kind: (typeof unservedRoutes)[number],
): StatusStage {
  return engine.stage<DesiredStatus>({
    name: `${kind} status`,
    each: sources.objects(kind),
    compute: (key, read) => {
      const known = read.get(sources.objects(kind), key);
      if (known === undefined) return undefined;
      const attachments = parseUnservedRoute(known.object, known.namespace).flatMap((ref) => {
        const gateway = `${known.cluster}/${ref.namespace}/${ref.name}`;
        const isOurs =
          ref.group === gatewayGroup &&
          ref.kind === 'Gateway' &&
          read.get(gateways.parents, parentKey('Gateway', gateway));
        return isOurs ? [{ ref, gateway, listeners: [] }] : [];
      });
      return {
        ...nameOf(known),
        status: { parents: unservedRouteParents(kind, attachments, generation(known.object)) },
      };
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

function createBackendTlsStatus(engine: Derivation, sources: Sources, routes: RouteStages): StatusStage {
  return engine.stage<DesiredStatus>({
    name: 'backend tls policy status',
    each: sources.objects('BackendTLSPolicy'),
    compute: (key, read) => {
      const known = read.get(sources.objects('BackendTLSPolicy'), key);
      if (known === undefined) return undefined;
      const gateways = parseBackendTlsTargets(known.object).flatMap((service) =>
        read.list(routes.referringGateways, `${known.cluster}/${known.namespace}/${service}`),
      );
      const ancestors = unservedPolicyAncestors([...new Set(gateways)].toSorted(), generation(known.object));
      return { ...nameOf(known), status: { ancestors } };
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
