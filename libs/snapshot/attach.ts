// Which listeners a route attaches to, by each of its parentRefs: section, port, kind, namespace, hostname.
import type { AllowedNamespaces, RouteKind } from '#libs/gateway/gateway.ts';
import { intersectHostnames } from '#libs/gateway/hostname.ts';
import { selects } from '#libs/gateway/label-selector.ts';
import { gatewayGroup, type ParentRef } from '#libs/gateway/parent-ref.ts';
import type { Fault } from '#libs/snapshot/conditions.ts';
import type { ListenerModel } from '#libs/snapshot/listeners.ts';

/** What a route needs to know of a listener; smaller than the listener, so that fewer changes reach the routes. */
export interface AttachPoint {
  readonly name: string;
  readonly port?: number;
  readonly hostname: string;
  readonly kinds: readonly RouteKind[];
  readonly namespaces: AllowedNamespaces;
  readonly served: boolean;
}

/** One parentRef that names a Gateway of ours. */
export interface Attachment {
  readonly ref: ParentRef;
  /** `cluster/namespace/name`. */
  readonly gateway: string;
  /** Why it attaches to no listener. */
  readonly fault?: Fault;
  /** The listeners that it attaches to, with the effective hostnames, sorted. */
  readonly listeners: readonly {
    readonly name: string;
    readonly served: boolean;
    readonly hostnames: readonly string[];
  }[];
}

export interface AttachingRoute {
  readonly kind: string;
  readonly cluster: string;
  readonly namespace: string;
  readonly parentRefs: readonly ParentRef[];
  readonly hostnames: readonly string[];
}

/** What a route needs of a listener. */
export function toAttachPoint(listener: ListenerModel): AttachPoint {
  const { name, spec, kinds, served } = listener;
  if (spec === undefined) return { name, hostname: '*', kinds: [], namespaces: { from: 'None' }, served: false };
  return { name, port: spec.port, hostname: spec.hostname, kinds, namespaces: spec.namespaces, served };
}

/** Attaches a route. ParentRefs to anything but a Gateway of ours are left out: they are others' to answer. */
export function attachRoute(
  route: AttachingRoute,
  pointsOf: (gateway: string) => readonly AttachPoint[] | undefined,
  labelsOf: (namespace: string) => Readonly<Record<string, string>>,
): readonly Attachment[] {
  return route.parentRefs.flatMap((ref): Attachment[] => {
    if (ref.group !== gatewayGroup || ref.kind !== 'Gateway') return [];
    const gateway = `${route.cluster}/${ref.namespace}/${ref.name}`;
    const points = pointsOf(gateway);
    return points === undefined ? [] : [{ ref, gateway, ...attach(route, ref, points, labelsOf) }];
  });
}

function attach(
  route: AttachingRoute,
  ref: ParentRef,
  points: readonly AttachPoint[],
  labelsOf: (namespace: string) => Readonly<Record<string, string>>,
): Pick<Attachment, 'fault' | 'listeners'> {
  const named = points.filter(
    (point) =>
      (ref.sectionName === undefined || point.name === ref.sectionName) &&
      (ref.port === undefined || point.port === ref.port),
  );
  if (named.length === 0) {
    return refused('NoMatchingParent', 'the Gateway has no listener with this sectionName and port');
  }
  const allowed = named.filter(
    (point) =>
      point.kinds.some(({ group, kind }) => group === gatewayGroup && kind === route.kind) &&
      allowsNamespace(point.namespaces, route.namespace, ref.namespace, labelsOf),
  );
  if (allowed.length === 0) {
    return refused('NotAllowedByListeners', `no listener allows a ${route.kind} of namespace ${route.namespace}`);
  }
  const listeners = allowed.flatMap(({ name, served, hostname }) => {
    const hostnames = effectiveHostnames(hostname, route.hostnames);
    return hostnames.length === 0 ? [] : [{ name, served, hostnames }];
  });
  if (listeners.length === 0) {
    return refused(
      'NoMatchingListenerHostname',
      `no listener has a hostname in common with ${route.hostnames.join(', ')}`,
    );
  }
  return { listeners };
}

function refused(reason: string, message: string): Pick<Attachment, 'fault' | 'listeners'> {
  return { fault: { reason, message }, listeners: [] };
}

function effectiveHostnames(listener: string, route: readonly string[]): readonly string[] {
  if (route.length === 0) return [listener];
  return [...new Set(route.flatMap((hostname) => intersectHostnames(listener, hostname) ?? []))].toSorted();
}

function allowsNamespace(
  allowed: AllowedNamespaces,
  routeNamespace: string,
  gatewayNamespace: string,
  labelsOf: (namespace: string) => Readonly<Record<string, string>>,
): boolean {
  if (allowed.from === 'Selector') return selects(allowed.selector, labelsOf(routeNamespace));
  return allowed.from === 'All' || (allowed.from === 'Same' && routeNamespace === gatewayNamespace);
}
