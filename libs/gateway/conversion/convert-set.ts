// Converts a set of objects as people keep them in files into the same in v1. Objects that need no conversion are
// handed on as they are.
import type { Conversion, WrittenObject } from './conversion.ts';
import { foreignRouting, foreignServiceAnnotations } from './foreign.ts';
import { toIngressV1 } from './ingress-beta.ts';
import { readIngressClass } from './ingress-class.ts';
import { ObjectSet } from './object-set.ts';
import { olderProblems, olderUnread } from './older-shapes.ts';
import { convertBackendPolicy } from './service-apis-backend-policy.ts';
import { convertGateway, convertGatewayClass } from './service-apis-gateway.ts';
import { convertHttpRoute } from './service-apis-http-route.ts';
import { convertStreamRoute, convertTlsRoute } from './service-apis-stream-route.ts';
import { isDeepStrictEqual } from 'node:util';
import { kindInfoOf } from '#libs/gateway/kinds.ts';
import { describeProblem } from '#libs/gateway/problem.ts';
import { gatewayGroup } from '#libs/gateway/fields/parent-ref.ts';

/** What one object became. */
export interface Converted extends Conversion {
  readonly from: WrittenObject;
}

/** Converts every object of a set, in order. */
export function convertSet(written: readonly WrittenObject[]): readonly Converted[] {
  const objects = written.map(toIngressV1);
  const set = new ObjectSet(objects);
  const converted = objects.map((object, index) => ({ from: written[index] ?? object, ...convertOne(object, set) }));
  return withoutDoubles(converted);
}

function convertOne(object: WrittenObject, set: ObjectSet): Conversion {
  const problems = olderProblems(object);
  // Half of an object may do more than the whole.
  if (problems.length > 0) return { objects: [], warnings: problems.map(describeProblem) };
  const { objects, warnings } = convertReadable(object, set);
  return { objects, warnings: [...warnings, ...olderUnread(object).map((path) => `${path} is no field that is read`)] };
}

function convertReadable(object: WrittenObject, set: ObjectSet): Conversion {
  const kind: string = kindInfoOf(object)?.kind ?? '';
  switch (kind) {
    case 'GatewayClass.networking.x-k8s.io':
      return convertGatewayClass(object);
    case 'Gateway.networking.x-k8s.io':
      return convertGateway(object);
    case 'HTTPRoute.networking.x-k8s.io':
      return convertHttpRoute(object, set.selection(object));
    case 'TLSRoute.networking.x-k8s.io':
      return convertTlsRoute(object, set.selection(object));
    case 'TCPRoute.networking.x-k8s.io':
    case 'UDPRoute.networking.x-k8s.io':
      return convertStreamRoute(object, set.selection(object));
    case 'BackendPolicy':
      return convertBackendPolicy(object);
    case 'IngressClass':
      return { objects: [], warnings: readIngressClass(object).warnings };
    case 'Ingress':
      return set.ingress(object);
    case 'Service': {
      const read = set.isIngressBackend(object) ? foreignServiceAnnotations(object) : [];
      return { objects: [object], warnings: read.map((key) => `metadata.annotations: ${key} is not read`) };
    }
    default: {
      const foreign = kind === '' ? foreignRouting(object) : undefined;
      return { objects: [inNewestVersion(object)], warnings: foreign === undefined ? [] : [foreign] };
    }
  }
}

/** Versions of the Gateway API before the newest have the same fields. */
function inNewestVersion(object: WrittenObject): WrittenObject {
  const info = kindInfoOf(object);
  const newest = `${gatewayGroup}/${info?.versions[0] ?? ''}`;
  return info?.group !== gatewayGroup || object.apiVersion === newest ? object : { ...object, apiVersion: newest };
}

/**
 * Two objects cannot have one name: what needed no conversion keeps its own, then what has the name of what it was made
 * of. A route that comes later gets another name; of other kinds, a second one that says the same is dropped, and one
 * that says something else is named.
 */
function withoutDoubles(converted: readonly Converted[]): readonly Converted[] {
  const taken = new Map<string, WrittenObject>();
  const reserve = (object: WrittenObject): void => {
    if (!taken.has(nameText(object))) taken.set(nameText(object), object);
  };
  for (const { from, objects } of converted) for (const object of objects) if (isSame(object, from)) reserve(object);
  for (const { from, objects } of converted)
    for (const object of objects) if (object.metadata.name === from.metadata.name) reserve(object);
  return converted.map((one) => {
    const warnings = [...one.warnings];
    const objects = one.objects.flatMap((object): readonly WrittenObject[] => {
      reserve(object);
      const holder = taken.get(nameText(object));
      if (holder === object) return [object];
      if (routeKinds.has(object.kind) && !isSame(object, one.from)) {
        const renamed = withFreeName(object, one.from.metadata.name, taken);
        reserve(renamed);
        return [renamed];
      }
      if (object.kind !== 'Namespace' && !isDeepStrictEqual(holder, object))
        warnings.push(`${nameText(object)} is there already, and this one is left out`);
      return [];
    });
    return { ...one, objects, warnings };
  });
}

const routeKinds: ReadonlySet<string> = new Set(['HTTPRoute', 'GRPCRoute', 'TLSRoute', 'TCPRoute', 'UDPRoute']);
const nameLengthMax = 253;

/** Gives the same object under a name that nothing has: `base-2`, `base-3` and so on. */
function withFreeName(object: WrittenObject, base: string, taken: ReadonlyMap<string, unknown>): WrittenObject {
  for (let count = 2; ; count += 1) {
    const end = `-${count}`;
    const name = `${base.slice(0, nameLengthMax - end.length)}${end}`;
    const renamed = { ...object, metadata: { ...object.metadata, name } };
    if (!taken.has(nameText(renamed))) return renamed;
  }
}

/** Tells whether an object is what it was made of, at most in a newer version. */
function isSame(object: WrittenObject, from: WrittenObject): boolean {
  return object.kind === from.kind && groupOf(object) === groupOf(from) && object.metadata.name === from.metadata.name;
}

function groupOf({ apiVersion }: WrittenObject): string {
  return apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : '';
}

function nameText(object: WrittenObject): string {
  const group = groupOf(object);
  const { namespace = 'default', name } = object.metadata;
  return `${object.kind}${group === '' ? '' : `.${group}`} ${namespace}/${name}`;
}
