// Translates v1 statuses back into the API in which each object was written.
import type { DesiredStatus } from '#libs/events/agent-exchange.ts';
import type { KnownObject } from '#libs/fleet/fleet.ts';
import { fieldsOf, itemsOf } from '#libs/gateway/conversion/conversion.ts';
import { convertBackendPolicy } from '#libs/gateway/conversion/service-apis-backend-policy.ts';
import { olderProblems } from '#libs/gateway/conversion/older-shapes.ts';
import { convertGatewayClass, listenerNames } from '#libs/gateway/conversion/service-apis-gateway.ts';
import type { WatchedKind } from '#libs/gateway/kinds.ts';
import { generation } from '#libs/gateway/fields/metadata.ts';
import { describeProblem } from '#libs/gateway/problem.ts';
import type { Derivation } from '#libs/derivation/derivation.ts';
import type { Read } from '#libs/derivation/stage.ts';
import { gatewayOf, ingressSetSuffix } from './ingress-stages.ts';
import { convertedPolicyKey, type OlderApis, type OlderRoute } from './older-apis.ts';
import { olderClassName } from './older-gateways.ts';
import {
  collidingGatewayStatus,
  ingressStatus,
  olderClassStatus,
  olderGatewayStatus,
  olderPolicyStatus,
  olderRouteStatus,
} from '#libs/projection/statuses/older-status.ts';
import type { RawSources } from './sources.ts';
import type { StatusStage, StatusStages } from './status-stages.ts';
import { parsePlaceKey, toObjectKey, toPlaceKey } from '#libs/gateway/object-key.ts';

/** Makes the stages of the statuses of all objects, each once. Keys start with the cluster. */
export function createWrittenStatuses(
  engine: Derivation,
  raw: RawSources,
  older: OlderApis,
  statuses: StatusStages,
): readonly StatusStage[] {
  const routes = [...older.routes].map(([kind, stage]) =>
    engine.stage<DesiredStatus>({
      name: `${kind} status`,
      each: stage,
      compute: (key, read) =>
        routeStatus(
          read.get(stage, key),
          kind,
          read.get(statuses.routes, toObjectKey({ ...parsePlaceKey(key), kind })),
        ),
    }),
  );
  return [
    written(engine, raw, 'GatewayClass', statuses.classes),
    written(engine, raw, 'Gateway', statuses.gateways),
    written(engine, raw, 'ListenerSet', statuses.listenerSets),
    written(engine, raw, 'BackendTLSPolicy', statuses.policies),
    createV1Routes(engine, older, statuses),
    createOldClasses(engine, raw, statuses),
    createOldGateways(engine, raw, statuses),
    ...routes,
    createIngresses(engine, raw, older, statuses),
    createOldPolicies(engine, raw, statuses),
  ];
}

/** Keeps the statuses of objects that are there as they are: others are told of on what they were made from. */
function written(engine: Derivation, raw: RawSources, kind: WatchedKind, stage: StatusStage): StatusStage {
  return engine.stage<DesiredStatus>({
    name: `${kind} status as written`,
    each: stage,
    compute: (key, read) => (read.get(raw.objects(kind), key) === undefined ? undefined : read.get(stage, key)),
  });
}

function createV1Routes(engine: Derivation, older: OlderApis, { routes }: StatusStages): StatusStage {
  const converted = new Set<string>([...older.routes.keys(), 'Ingress']);
  return engine.stage<DesiredStatus>({
    name: 'route status as written',
    each: routes,
    compute: (key, read) => {
      const status = read.get(routes, key);
      return status === undefined || converted.has(status.kind) ? undefined : status;
    },
  });
}

function createOldClasses(engine: Derivation, raw: RawSources, { classes }: StatusStages): StatusStage {
  const objects = raw.objects('GatewayClass.networking.x-k8s.io');
  return engine.stage<DesiredStatus>({
    name: 'old gateway class status',
    each: objects,
    compute: (key, read) => {
      const known = read.get(objects, key);
      const found = known && read.get(classes, toPlaceKey({ ...known, name: olderClassName(known.name) }));
      return found && { ...nameOf(known), status: olderClassStatus(found.status, classFacts(known.object)) };
    },
  });
}

/** Says what is left out of a class. */
function classFacts(object: KnownObject['object']): readonly string[] {
  return [...olderProblems(object).map(describeProblem), ...convertGatewayClass(object).warnings];
}

function createOldGateways(engine: Derivation, raw: RawSources, { classes, gateways }: StatusStages): StatusStage {
  const objects = raw.objects('Gateway.networking.x-k8s.io');
  return engine.stage<DesiredStatus>({
    name: 'old gateway status',
    each: objects,
    compute: (key, read) => {
      const known = read.get(objects, key);
      if (known === undefined) return undefined;
      const { gatewayClassName, listeners } = fieldsOf(known.object['spec']);
      if (read.get(raw.objects('Gateway'), key) !== undefined) {
        const isOurs =
          read.get(classes, toPlaceKey({ ...known, namespace: '', name: olderClassName(String(gatewayClassName)) })) !==
          undefined;
        return isOurs
          ? { ...nameOf(known), status: collidingGatewayStatus(known, generation(known.object)) }
          : undefined;
      }
      const found = read.get(gateways, key);
      if (found === undefined) return undefined;
      const names = listenerNames(listeners);
      const named = itemsOf(listeners).map((listener, index) => ({
        name: names[index] ?? '',
        listener: fieldsOf(listener),
      }));
      return { ...nameOf(known), status: olderGatewayStatus(found.status, named) };
    },
  });
}

function routeStatus(
  route: OlderRoute | undefined,
  kind: WatchedKind,
  found: DesiredStatus | undefined,
): DesiredStatus | undefined {
  if (route === undefined) return undefined;
  const { known, refused, problems } = route;
  const status = olderRouteStatus(found?.status, refused, problems, known.namespace, generation(known.object));
  return itemsOf(status['gateways']).length === 0 ? undefined : { ...nameOf(known), kind, status };
}

function createIngresses(
  engine: Derivation,
  raw: RawSources,
  { ingresses }: OlderApis,
  statuses: StatusStages,
): StatusStage {
  return engine.stage<DesiredStatus>({
    name: 'ingress status',
    each: ingresses.placements,
    compute: (key, read) => {
      const known = read.get(raw.objects('Ingress'), key);
      const placement = read.get(ingresses.placements, key);
      if (known === undefined || placement === undefined) return undefined;
      const route = read.get(statuses.routes, toObjectKey(known));
      const gateway = read.get(statuses.gateways, gatewayOf(known.cluster, placement));
      const secure = placement.tlsHosts.length === 0 ? [] : [tlsPort(read, statuses, key)];
      const fault = firstFault(route?.status['parents']);
      const plain = { port: 80, ...(fault === undefined ? {} : { fault }) };
      return { ...nameOf(known), status: ingressStatus(route?.status, gateway?.status, [plain, ...secure]) };
    },
  });
}

function tlsPort(
  read: Read,
  { listenerSets }: StatusStages,
  ingress: string,
): { readonly port: number; readonly fault?: string } {
  const set = read.get(listenerSets, `${ingress}${ingressSetSuffix}`);
  const listeners = itemsOf(set?.status['listeners']);
  const fault = firstFault([...listeners, ...(set === undefined ? [] : [set.status])]);
  return { port: 443, ...(fault === undefined ? {} : { fault }) };
}

/** Finds the reason of the first condition that does not hold. */
function firstFault(parts: unknown): string | undefined {
  for (const part of itemsOf(parts)) {
    for (const item of itemsOf(fieldsOf(part)['conditions'])) {
      const { type, status, reason } = fieldsOf(item);
      if ((type === 'Accepted' || type === 'ResolvedRefs') && status === 'False' && typeof reason === 'string')
        return reason;
    }
  }
  return undefined;
}

function createOldPolicies(engine: Derivation, raw: RawSources, { policies }: StatusStages): StatusStage {
  const objects = raw.objects('BackendPolicy');
  return engine.stage<DesiredStatus>({
    name: 'old backend policy status',
    each: objects,
    compute: (key, read) => {
      const known = read.get(objects, key);
      if (known === undefined) return undefined;
      const { objects: made, warnings } = convertBackendPolicy(known.object);
      const found = made.map((_, index) => read.get(policies, convertedPolicyKey(key, index))?.status);
      // One that no route of ours comes to is none of our business.
      if (!found.some((status) => itemsOf(status?.['ancestors']).length > 0)) return undefined;
      const status = olderPolicyStatus(found, olderProblems(known.object), warnings, generation(known.object));
      return { ...nameOf(known), status };
    },
  });
}

function nameOf({ kind, namespace, name, uid }: KnownObject): Omit<DesiredStatus, 'status'> {
  return { kind, namespace, name, uid };
}
