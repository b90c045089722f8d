// Finds the listeners that a route attaches to, by each of its parentRefs: section, port, kind, namespace, hostname. A
// parent is a Gateway or a ListenerSet; a route attaches to listeners of that very object only.
import type { AllowedNamespaces, RouteKind } from '#libs/gateway/objects/listener.ts';
import { intersectHostnames } from '#libs/gateway/hostname.ts';
import { selects } from '#libs/gateway/fields/label-selector.ts';
import { gatewayGroup, type ParentRef } from '#libs/gateway/fields/parent-ref.ts';
import type { Fault } from './conditions.ts';
import type { ListenerModel } from './listeners.ts';
import { toObjectKey } from '#libs/gateway/object-key.ts';

/**
 * Holds what a route needs to know of a listener; it is smaller than the listener, so that fewer changes reach routes.
 */
interface AttachPoint {
  /** What sectionName names. */
  readonly name: string;
  /** ListenerEntry.name. */
  readonly entryName: string;
  readonly port?: number;
  readonly hostname: string;
  readonly kinds: readonly RouteKind[];
  readonly namespaces: AllowedNamespaces;
  readonly served: boolean;
}

/** Describes what routes attach to: a Gateway of ours, or a ListenerSet of one. */
export interface AttachParent {
  /** `cluster/namespace/name` of the Gateway that serves it. */
  readonly gateway: string;
  readonly points: readonly AttachPoint[];
  /** Why nothing can attach to it. */
  readonly fault?: Fault;
}

/** Says what became of one parentRef that names a Gateway of ours, or a ListenerSet of one. */
export interface Attachment {
  readonly ref: ParentRef;
  /** `cluster/namespace/name`, of a ListenerSet's Gateway too. */
  readonly gateway: string;
  /** Why it attaches to no listener. */
  readonly fault?: Fault;
  /** The listeners that it attaches to, by ListenerEntry.name, with the effective hostnames, sorted. */
  readonly listeners: readonly {
    readonly name: string;
    readonly served: boolean;
    readonly hostnames: readonly string[];
  }[];
}

interface AttachingRoute {
  readonly kind: string;
  readonly cluster: string;
  readonly namespace: string;
  readonly parentRefs: readonly ParentRef[];
  readonly hostnames: readonly string[];
}

/** Cuts out of a listener what a route needs. */
export function toAttachPoint(listener: ListenerModel): AttachPoint {
  const { name, entryName, spec, kinds, served } = listener;
  if (spec === undefined)
    return { name, entryName, hostname: '*', kinds: [], namespaces: { from: 'None' }, served: false };
  return { name, entryName, port: spec.port, hostname: spec.hostname, kinds, namespaces: spec.namespaces, served };
}

/**
 * Attaches a route. `parentOf` is given object keys. ParentRefs to what is not ours are left out: they are others' to
 * answer.
 */
export function attachRoute(
  route: AttachingRoute,
  parentOf: (parent: string) => AttachParent | undefined,
  labelsOf: (namespace: string) => Readonly<Record<string, string>>,
): readonly Attachment[] {
  return route.parentRefs.flatMap((ref): Attachment[] => {
    if (ref.group !== gatewayGroup || (ref.kind !== 'Gateway' && ref.kind !== 'ListenerSet')) return [];
    const parent = parentOf(
      toObjectKey({ cluster: route.cluster, kind: ref.kind, namespace: ref.namespace, name: ref.name }),
    );
    if (parent === undefined) return [];
    const { gateway, points, fault } = parent;
    return [
      { ref, gateway, ...(fault === undefined ? attach(route, ref, points, labelsOf) : { fault, listeners: [] }) },
    ];
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
    const all = points.map(({ name, port }) => (port === undefined ? name : `${name} on port ${port}`));
    return refused(
      'NoMatchingParent',
      `the ${ref.kind} has no listener with this sectionName and port: it has ${all.length === 0 ? 'none' : few(all)}`,
    );
  }
  const refusals = named.map((point) => refusalOf(point, route, ref.namespace, labelsOf));
  const allowed = named.filter((_, index) => refusals[index] === undefined);
  if (allowed.length === 0) {
    const sides = refusals.flatMap((refusal) => refusal ?? []);
    return refused(
      'NotAllowedByListeners',
      `no listener allows a ${route.kind} of namespace ${route.namespace}: ${few(sides)}`,
    );
  }
  const listeners = allowed.flatMap(({ entryName: name, served, hostname }) => {
    const hostnames = effectiveHostnames(hostname, route.hostnames);
    return hostnames.length === 0 ? [] : [{ name, served, hostnames }];
  });
  if (listeners.length === 0) {
    return refused(
      'NoMatchingListenerHostname',
      `no listener has a hostname in common with ${route.hostnames.join(', ')}: ` +
        few(allowed.map(({ name, hostname }) => `${name} is for ${hostname}`)),
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

/** Says why a listener takes no such route; undefined = it takes it. */
function refusalOf(
  { name, kinds, namespaces }: AttachPoint,
  route: AttachingRoute,
  parentNamespace: string,
  labelsOf: (namespace: string) => Readonly<Record<string, string>>,
): string | undefined {
  if (!kinds.some(({ group, kind }) => group === gatewayGroup && kind === route.kind)) {
    const taken = [...new Set(kinds.map(({ kind }) => kind))];
    return `${name} takes ${taken.length === 0 ? 'no routes' : `${few(taken)} only`}`;
  }
  if (namespaces.from === 'All') return undefined;
  if (namespaces.from === 'None') return `${name} takes routes of no namespace (allowedRoutes.namespaces.from None)`;
  if (namespaces.from === 'Selector') {
    return selects(namespaces.selector, labelsOf(route.namespace))
      ? undefined
      : `${name} selects namespaces by labels that ${route.namespace} lacks (allowedRoutes.namespaces.selector)`;
  }
  return route.namespace === parentNamespace
    ? undefined
    : `${name} takes routes of namespace ${parentNamespace} only (allowedRoutes.namespaces.from Same)`;
}

/** The first few, so that messages stay readable. */
function few(texts: readonly string[]): string {
  const shown = texts.slice(0, fewMax).join(', ');
  return texts.length > fewMax ? `${shown} and ${texts.length - fewMax} more` : shown;
}

const fewMax = 4;
