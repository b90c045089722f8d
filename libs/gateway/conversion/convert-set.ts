// A set of objects as people keep them in files → the same in v1. Objects that need no conversion are handed on as they are.
import { type Conversion, fieldsOf, itemsOf, type Place, stringsOf, textOf, type WrittenObject } from './conversion.ts';
import { convertIngress, ingressTlsHosts } from './ingress.ts';
import {
  impliedGateway,
  impliedNamespace,
  type IngressClass,
  namedIngressClass,
  readIngressClass,
} from './ingress-class.ts';
import { olderProblems } from './older-shapes.ts';
import { selectRoute, type SelectingGateway, toSelectingGateway } from './route-selection.ts';
import { convertBackendPolicy } from './service-apis-backend-policy.ts';
import { convertGateway, convertGatewayClass } from './service-apis-gateway.ts';
import { convertHttpRoute } from './service-apis-http-route.ts';
import { convertStreamRoute, convertTlsRoute } from './service-apis-stream-route.ts';
import { kindInfoOf } from '#libs/gateway/kinds.ts';
import { describeProblem } from '#libs/gateway/problem.ts';
import { gatewayGroup } from '#libs/gateway/fields/parent-ref.ts';

/** What one object became. */
export interface Converted extends Conversion {
  readonly from: WrittenObject;
}

const fleetgateClass = 'fleetgate';

/** Converts every object of a set, in order. */
export function convertSet(objects: readonly WrittenObject[]): readonly Converted[] {
  const set = new ObjectSet(objects);
  const converted = objects.map((from) => ({ from, ...convertOne(from, set) }));
  return withoutDoubles(converted);
}

function convertOne(object: WrittenObject, set: ObjectSet): Conversion {
  const kind: string = kindInfoOf(object)?.kind ?? '';
  const problems = olderProblems(object);
  // Half of an object may do more than the whole.
  if (problems.length > 0) return { objects: [], warnings: problems.map(describeProblem) };
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
    default:
      return { objects: [inNewestVersion(object)], warnings: [] };
  }
}

/** What the objects of a set say about one another. */
class ObjectSet {
  readonly #gateways: readonly SelectingGateway[];
  readonly #namespaces: ReadonlyMap<string, Readonly<Record<string, string>>>;
  readonly #services: ReadonlyMap<string, WrittenObject>;
  readonly #classes: readonly IngressClass[];
  readonly #tlsOwners = new Map<string, Place>();
  readonly #implied = new Set<string>();

  constructor(objects: readonly WrittenObject[]) {
    const ofKind = (kind: string): readonly WrittenObject[] => objects.filter((one) => kindInfoOf(one)?.kind === kind);
    this.#gateways = ofKind('Gateway.networking.x-k8s.io').map(toSelectingGateway);
    this.#namespaces = new Map(ofKind('Namespace').map(({ metadata }) => [metadata.name, stringsOf(metadata.labels)]));
    this.#services = new Map(ofKind('Service').map((one) => [placeText(one), one]));
    this.#classes = ofKind('IngressClass').map(readIngressClass);
    for (const one of ofKind('Ingress')) {
      const { name, namespace = 'default' } = one.metadata;
      for (const host of ingressTlsHosts(one).keys()) {
        const key = `${this.#classOf(one).name} ${host}`;
        if (!this.#tlsOwners.has(key)) this.#tlsOwners.set(key, { namespace, name });
      }
    }
  }

  selection(route: WrittenObject): ReturnType<typeof selectRoute> {
    return selectRoute(route, this.#gateways, (namespace) => ({
      ...this.#namespaces.get(namespace),
      'kubernetes.io/metadata.name': namespace,
    }));
  }

  /** Converts an Ingress; the first of a class brings the Gateway that the class implies. */
  ingress(object: WrittenObject): Conversion {
    const { name, namespace = 'default' } = object.metadata;
    const ofClass = this.#classOf(object);
    const { objects, warnings } = convertIngress(object, {
      gateway: ofClass.gateway,
      setName: name,
      ownerOf: (host) => this.#tlsOwners.get(`${ofClass.name} ${host}`) ?? { namespace, name },
      portNumber: (service, portName) => this.#portNumber(`${namespace}/${service}`, portName),
    });
    if (!ofClass.implied || this.#implied.has(ofClass.name)) return { objects, warnings };
    this.#implied.add(ofClass.name);
    const home = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: impliedNamespace } };
    return { objects: [home, impliedGateway(ofClass.name, fleetgateClass), ...objects], warnings };
  }

  #classOf(ingress: WrittenObject): IngressClass {
    const named = namedIngressClass(ingress);
    const found = this.#classes.find(({ name, isDefault }) => (named === undefined ? isDefault : name === named));
    const name = named ?? fleetgateClass;
    const gateway = { namespace: impliedNamespace, name };
    return found ?? { name, ours: true, isDefault: false, gateway, implied: true, warnings: [] };
  }

  #portNumber(service: string, portName: string): number | undefined {
    for (const item of itemsOf(fieldsOf(this.#services.get(service)?.['spec'])['ports'])) {
      const { name, port } = fieldsOf(item);
      if (textOf(name) === portName && typeof port === 'number') return port;
    }
    return undefined;
  }
}

/** Versions of the Gateway API before the newest have the same fields. */
function inNewestVersion(object: WrittenObject): WrittenObject {
  const info = kindInfoOf(object);
  const newest = `${gatewayGroup}/${info?.versions[0] ?? ''}`;
  return info?.group !== gatewayGroup || object.apiVersion === newest ? object : { ...object, apiVersion: newest };
}

/** Two objects cannot have one name: what needed no conversion stays, and of what did, the first. */
function withoutDoubles(converted: readonly Converted[]): readonly Converted[] {
  const taken = new Map<string, WrittenObject>();
  const original = (one: Converted): boolean =>
    one.objects[0]?.kind === one.from.kind && groupOf(one.objects[0]) === groupOf(one.from);
  for (const one of converted) if (original(one)) taken.set(nameText(one.objects[0] ?? one.from), one.from);
  return converted.map((one) => {
    const objects: WrittenObject[] = [];
    const warnings = [...one.warnings];
    for (const object of one.objects) {
      const holder = taken.get(nameText(object)) ?? one.from;
      taken.set(nameText(object), holder);
      if (holder === one.from) objects.push(object);
      else warnings.push(`${nameText(object)} is there already, and this one is left out`);
    }
    return { ...one, objects, warnings };
  });
}

function groupOf({ apiVersion }: WrittenObject): string {
  return apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : '';
}

function nameText(object: WrittenObject): string {
  const group = groupOf(object);
  return `${object.kind}${group === '' ? '' : `.${group}`} ${placeText(object)}`;
}

function placeText({ metadata: { name, namespace } }: WrittenObject): string {
  return `${namespace ?? 'default'}/${name}`;
}
