// Says why no Gateway of Fleetgate takes a route in a folder, and on which side that lies: such a route has no status
// that would say it.
import { fieldsOf, itemsOf, stringsOf, textOf } from '#libs/gateway/conversion/conversion.ts';
import { namedIngressClass } from '#libs/gateway/conversion/ingress-class.ts';
import { parseLabelSelector, selects } from '#libs/gateway/fields/label-selector.ts';
import { Cursor } from '#libs/gateway/fields/cursor.ts';
import { gatewayGroup } from '#libs/gateway/fields/parent-ref.ts';
import { controllerName, ingressControllerName, kubernetesKind, serviceApisGroup } from '#libs/gateway/kinds.ts';
import type { KubeObject } from '#libs/gateway/object.ts';
import { toNamespacedKey } from '#libs/gateway/object-key.ts';
import type { Problem } from '#libs/gateway/problem.ts';

/** Gives the objects of a kind. */
type ObjectsOf = (kind: string) => readonly KubeObject[];

/** Gives the reason as a sentence. */
export function whyUntaken(kind: string, route: KubeObject, objectsOf: ObjectsOf): string {
  if (kind === 'Ingress') return ofIngress(route, objectsOf);
  return kind.endsWith(`.${serviceApisGroup}`) ? ofOlderRoute(route, objectsOf) : ofRoute(route, objectsOf);
}

function ofRoute(route: KubeObject, objectsOf: ObjectsOf): string {
  const refs = itemsOf(fieldsOf(route['spec'])['parentRefs']).map(fieldsOf);
  if (refs.length === 0) return 'spec.parentRefs names no Gateway';
  const facts = refs.map(({ group = gatewayGroup, kind = 'Gateway', name, namespace = namespaceOf(route) }) => {
    const at = toNamespacedKey({ namespace: String(namespace), name: String(name) });
    const what = `${String(kind)} ${at}`;
    if (group !== gatewayGroup || (kind !== 'Gateway' && kind !== 'ListenerSet'))
      return `${what} is not what routes attach to`;
    const found = objectsOf(kind).find((one) => keyOf(one) === at);
    if (found === undefined) return `${what} is not in the manifests`;
    return kind === 'Gateway'
      ? `${what} is ${ofOthers(found, 'GatewayClass', objectsOf)}`
      : `${what} has no Gateway of Fleetgate`;
  });
  return `no Gateway takes it: ${facts.join(', ')}`;
}

function ofOlderRoute(route: KubeObject, objectsOf: ObjectsOf): string {
  const gateways = objectsOf(`Gateway.${serviceApisGroup}`);
  if (gateways.length === 0) return `no Gateway of ${serviceApisGroup} is in the manifests`;
  const facts = gateways.flatMap((gateway) =>
    itemsOf(fieldsOf(gateway['spec'])['listeners']).map((item) => {
      const { port, routes } = fieldsOf(item);
      const why = olderRefusal(fieldsOf(routes), route, gateway, objectsOf);
      const other = ofOthers(gateway, `GatewayClass.${serviceApisGroup}`, objectsOf);
      return `listener on port ${String(port)} of ${keyOf(gateway)} ${why ?? `would, but the Gateway is ${other}`}`;
    }),
  );
  return `no Gateway selects it: ${facts.join(', ')}`;
}

/** By kind, labels and namespace, as a listener of Service APIs selects. */
function olderRefusal(
  routes: Readonly<Record<string, unknown>>,
  route: KubeObject,
  gateway: KubeObject,
  objectsOf: ObjectsOf,
): string | undefined {
  const { kind, selector, namespaces } = routes;
  if (kind !== kubernetesKind(route.kind)) return `takes kind ${String(kind)} (routes.kind)`;
  if (!doSelect(selector, route.metadata.labels))
    return `selects labels that the route does not have (routes.selector)`;
  const { from = 'Same', selector: ofNamespaces } = fieldsOf(namespaces);
  if (from === 'All') return undefined;
  const namespace = namespaceOf(route);
  if (from !== 'Selector')
    return namespace === namespaceOf(gateway)
      ? undefined
      : `takes routes of its own namespace only (routes.namespaces.from Same)`;
  const labels = objectsOf('Namespace').find((one) => one.metadata.name === namespace)?.metadata.labels;
  return doSelect(ofNamespaces, labels)
    ? undefined
    : `selects namespaces by labels that ${namespace} does not have (routes.namespaces.selector)`;
}

function ofIngress(ingress: KubeObject, objectsOf: ObjectsOf): string {
  const name = namedIngressClass(ingress);
  if (name === undefined)
    return 'no IngressClass of Fleetgate is the default one, and spec.ingressClassName names none';
  const found = objectsOf('IngressClass').find((one) => one.metadata.name === name);
  if (found === undefined) return `IngressClass ${name} is not in the manifests`;
  const controller = textOf(fieldsOf(found['spec'])['controller']) ?? '';
  return `IngressClass ${name} is of controller ${controller}, not ${ingressControllerName}`;
}

/** Says whose a Gateway is that is not ours. */
function ofOthers(gateway: KubeObject, classKind: string, objectsOf: ObjectsOf): string {
  const name = textOf(fieldsOf(gateway['spec'])['gatewayClassName']) ?? '';
  const found = objectsOf(classKind).find((one) => one.metadata.name === name);
  if (found === undefined) return `of GatewayClass ${name}, which is not in the manifests`;
  const { controllerName: v1, controller } = fieldsOf(found['spec']);
  return `of GatewayClass ${name}, whose controller is ${String(v1 ?? controller)}, not ${controllerName}`;
}

function doSelect(selector: unknown, labels: unknown): boolean {
  const problems: Problem[] = [];
  const parsed = parseLabelSelector(new Cursor(selector ?? {}, 'selector', problems));
  return problems.length === 0 && selects(parsed, stringsOf(labels));
}

function namespaceOf(object: KubeObject): string {
  return object.metadata.namespace ?? 'default';
}

function keyOf(object: KubeObject): string {
  return toNamespacedKey({ namespace: namespaceOf(object), name: object.metadata.name });
}
