// Says which listeners a route of Service APIs 0.1 is attached to: the Gateway selects it, by kind, labels and
// namespace, and the route allows the Gateway. In v1 the route names what it attaches to.
import {
  fieldsOf,
  type Fields,
  itemsOf,
  keptMetadata,
  type Place,
  stringsOf,
  textOf,
  v1,
  type WrittenObject,
} from './conversion.ts';
import { listenerNames } from './service-apis-gateway.ts';
import { Cursor } from '#libs/gateway/fields/cursor.ts';
import { serviceApisGroup } from '#libs/gateway/kinds.ts';
import { parseLabelSelector, selects } from '#libs/gateway/fields/label-selector.ts';
import type { Problem } from '#libs/gateway/problem.ts';
import { toNamespacedKey } from '#libs/gateway/object-key.ts';

/** What is known of a Gateway of Service APIs 0.1. */
export interface SelectingGateway extends Place {
  /** Listeners in order, with the names that they have in v1. */
  readonly listeners: readonly { readonly name: string; readonly routes: Fields }[];
}

export interface RouteSelection {
  /** The v1 parentRefs. */
  readonly parentRefs: readonly Fields[];
  /** Gateways that select the route, which does not allow them. */
  readonly refused: readonly Place[];
}

/** Says what a Gateway selects by. */
export function toSelectingGateway(object: WrittenObject): SelectingGateway {
  const { name, namespace = 'default' } = object.metadata;
  const listeners = fieldsOf(object['spec'])['listeners'];
  const names = listenerNames(listeners);
  const routes = itemsOf(listeners).map((listener) => fieldsOf(fieldsOf(listener)['routes']));
  return { name, namespace, listeners: routes.map((one, index) => ({ name: names[index] ?? '', routes: one })) };
}

/** Says which of the Gateways of its cluster serve a route. */
export function selectRoute(
  route: WrittenObject,
  gateways: readonly SelectingGateway[],
  labelsOfNamespace: (namespace: string) => Readonly<Record<string, string>>,
): RouteSelection {
  const namespace = route.metadata.namespace ?? 'default';
  const allows = allowedGateways(fieldsOf(route['spec'])['gateways'], namespace);
  const parentRefs: Fields[] = [];
  const refused: Place[] = [];
  for (const gateway of gateways) {
    const selecting = gateway.listeners.filter(({ routes }) => isSelected(routes, route, gateway, labelsOfNamespace));
    if (selecting.length === 0) continue;
    if (!allows(gateway)) {
      refused.push({ namespace: gateway.namespace, name: gateway.name });
      continue;
    }
    const near = gateway.namespace === namespace;
    const at = { ...(near ? {} : { namespace: gateway.namespace }), name: gateway.name };
    // One that is selected by all needs not name them.
    if (selecting.length === gateway.listeners.length) parentRefs.push(at);
    else parentRefs.push(...selecting.map(({ name }) => ({ ...at, sectionName: name })));
  }
  return { parentRefs, refused };
}

function isSelected(
  routes: Fields,
  route: WrittenObject,
  gateway: Place,
  labelsOfNamespace: (namespace: string) => Readonly<Record<string, string>>,
): boolean {
  const { group = serviceApisGroup, kind } = routes;
  if (kind !== route.kind || (group !== '' && group !== serviceApisGroup)) return false;
  if (!matches(routes['selector'], stringsOf(route.metadata.labels))) return false;
  const namespace = route.metadata.namespace ?? 'default';
  const { from = 'Same', selector } = fieldsOf(routes['namespaces']);
  if (from === 'All') return true;
  return from === 'Selector' ? matches(selector, labelsOfNamespace(namespace)) : namespace === gateway.namespace;
}

/** An empty selector takes all, one that cannot be read takes none. */
function matches(selector: unknown, labels: Readonly<Record<string, string>>): boolean {
  const problems: Problem[] = [];
  const parsed = parseLabelSelector(new Cursor(selector ?? {}, 'selector', problems));
  return problems.length === 0 && selects(parsed, labels);
}

function allowedGateways(gateways: unknown, namespace: string): (gateway: Place) => boolean {
  const { allow = 'SameNamespace', gatewayRefs } = fieldsOf(gateways);
  if (allow === 'All') return () => true;
  if (allow !== 'FromList') return (gateway) => gateway.namespace === namespace;
  const listed = new Set(
    itemsOf(gatewayRefs).map((ref) => {
      const { namespace: at, name } = fieldsOf(ref);
      return toNamespacedKey({ namespace: textOf(at) ?? '', name: textOf(name) ?? '' });
    }),
  );
  return (gateway) => listed.has(toNamespacedKey(gateway));
}

/** Gives a v1 route with the parents that select it. */
export function toRoute(
  object: WrittenObject,
  name: string,
  spec: Fields,
  { parentRefs }: RouteSelection,
): WrittenObject {
  const { namespace } = object.metadata;
  return {
    apiVersion: v1,
    kind: object.kind,
    metadata: {
      name,
      ...(namespace === undefined ? {} : { namespace }),
      ...keptMetadata(object),
    },
    spec: { ...(parentRefs.length === 0 ? {} : { parentRefs }), ...spec },
  };
}
