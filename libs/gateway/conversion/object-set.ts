// Knows what the objects of a set say about one another: classes, labels, ports, certificates asked for twice,
// canaries, names that are taken.
import { type Canary, canariesOf, isCanary, pathKeysOf } from './canary.ts';
import { type Conversion, fieldsOf, itemsOf, type Place, stringsOf, textOf, type WrittenObject } from './conversion.ts';
import { issuerAnnotations } from './foreign.ts';
import { convertIngress, ingressServices, ingressTlsHosts } from './ingress.ts';
import {
  impliedGateway,
  impliedNamespace,
  type IngressClass,
  namedIngressClass,
  readIngressClass,
} from './ingress-class.ts';
import { selectRoute, type SelectingGateway, toSelectingGateway } from './route-selection.ts';
import { kindInfoOf } from '#libs/gateway/kinds.ts';
import { toNamespacedKey } from '#libs/gateway/object-key.ts';

const fleetgateClass = 'fleetgate';

/** The objects that are converted together. */
export class ObjectSet {
  readonly #gateways: readonly SelectingGateway[];
  readonly #namespaces: ReadonlyMap<string, Readonly<Record<string, string>>>;
  readonly #services: ReadonlyMap<string, WrittenObject>;
  readonly #classes: readonly IngressClass[];
  readonly #tlsOwners = new Map<string, Place>();
  /** Names of the ListenerSets that Ingresses become, by `namespace/name` of the Ingress. */
  readonly #setNames = new Map<string, string>();
  readonly #implied = new Set<string>();
  /** Paths of Ingresses that are no canaries, and the canaries by path: `class namespace path`. */
  readonly #paths = new Set<string>();
  readonly #canaries = new Map<string, Canary>();
  /** `namespace/name` of the Services that Ingresses name. */
  readonly #backends = new Set<string>();

  constructor(objects: readonly WrittenObject[]) {
    const ofKind = (kind: string): readonly WrittenObject[] => objects.filter((one) => kindInfoOf(one)?.kind === kind);
    this.#gateways = ofKind('Gateway.networking.x-k8s.io').map(toSelectingGateway);
    this.#namespaces = new Map(ofKind('Namespace').map(({ metadata }) => [metadata.name, stringsOf(metadata.labels)]));
    this.#services = new Map(ofKind('Service').map((one) => [placeText(one), one]));
    this.#classes = ofKind('IngressClass').map(readIngressClass);
    const taken = new Set(ofKind('ListenerSet').map(placeText));
    for (const one of ofKind('Ingress')) {
      for (const service of ingressServices(one))
        this.#backends.add(toNamespacedKey({ namespace: namespaceOf(one), name: service }));
      if (isCanary(one)) this.#addCanary(one);
      else this.#addIngress(one, taken);
    }
  }

  #addCanary(ingress: WrittenObject): void {
    for (const [key, canary] of canariesOf(ingress)) {
      const place = this.#placeOf(ingress, key);
      if (!this.#canaries.has(place)) this.#canaries.set(place, canary);
    }
  }

  #addIngress(ingress: WrittenObject, taken: ReadonlySet<string>): void {
    const namespace = namespaceOf(ingress);
    for (const key of pathKeysOf(ingress)) this.#paths.add(this.#placeOf(ingress, key));
    let { name } = ingress.metadata;
    while (taken.has(toNamespacedKey({ namespace, name }))) name += '-tls';
    this.#setNames.set(placeText(ingress), name);
    for (const host of ingressTlsHosts(ingress).keys()) {
      const key = `${this.#classOf(ingress).name} ${host}`;
      if (!this.#tlsOwners.has(key)) this.#tlsOwners.set(key, { namespace, name });
    }
  }

  selection(route: WrittenObject): ReturnType<typeof selectRoute> {
    return selectRoute(route, this.#gateways, (namespace) => ({
      ...this.#namespaces.get(namespace),
      'kubernetes.io/metadata.name': namespace,
    }));
  }

  /** Tells whether an Ingress of the set sends requests to a Service. */
  isIngressBackend(service: WrittenObject): boolean {
    return this.#backends.has(placeText(service));
  }

  /** Converts an Ingress; the first of a class brings the Gateway that the class implies. */
  ingress(object: WrittenObject): Conversion {
    if (isCanary(object)) return { objects: [], warnings: this.#canaryWarnings(object) };
    const namespace = namespaceOf(object);
    const ofClass = this.#classOf(object);
    const ownerOf = (host: string): Place | undefined => this.#tlsOwners.get(`${ofClass.name} ${host}`);
    const setName = this.#setNames.get(placeText(object)) ?? object.metadata.name;
    const { objects, warnings } = convertIngress(object, {
      gateway: ofClass.gateway,
      setName,
      ownerOf: (host) => ownerOf(host) ?? { namespace, name: setName },
      portNumber: (service, portName) => this.#portNumber(toNamespacedKey({ namespace, name: service }), portName),
      forGood: { canaryOf: (key) => this.#canaries.get(this.#placeOf(object, key)) },
    });
    const { namespace: home, name: gateway } = ofClass.gateway;
    const issuers = issuerAnnotations(object).map(
      (key) =>
        `metadata.annotations: ${key} is left out: it has its effect on Gateway ${home}/${gateway}, not on a route`,
    );
    const said = [...warnings, ...issuers];
    if (!ofClass.implied || this.#implied.has(ofClass.name)) return { objects, warnings: said };
    this.#implied.add(ofClass.name);
    const place = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: impliedNamespace } };
    return { objects: [place, impliedGateway(ofClass.name, fleetgateClass), ...objects], warnings: said };
  }

  #canaryWarnings(ingress: WrittenObject): readonly string[] {
    return canariesOf(ingress).flatMap(([key, canary]) => {
      const place = this.#placeOf(ingress, key);
      if (!this.#paths.has(place)) return [`${canary.where}: no other Ingress has this path, and it is left out`];
      const first = this.#canaries.get(place);
      return first?.where === canary.where ? [] : [`${canary.where}: the path has another canary, and it is left out`];
    });
  }

  #placeOf(ingress: WrittenObject, pathKey: string): string {
    return `${this.#classOf(ingress).name} ${namespaceOf(ingress)} ${pathKey}`;
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

function namespaceOf({ metadata: { namespace = 'default' } }: WrittenObject): string {
  return namespace;
}

function placeText({ metadata: { name, namespace } }: WrittenObject): string {
  return toNamespacedKey({ namespace: namespace ?? 'default', name });
}
