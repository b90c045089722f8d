// Resolves backends: a reference in a route comes to an entry, or to the reason why there is none.
import type { BackendTarget } from '#libs/gateway/fields/backend-ref.ts';
import { gatewayGroup } from '#libs/gateway/fields/parent-ref.ts';
import { toPlaceKey } from '#libs/gateway/object-key.ts';
import type { CrossReference } from '#libs/gateway/objects/reference-grant.ts';
import type { RouteSpec } from '#libs/gateway/objects/route-spec.ts';
import type { Service } from '#libs/gateway/objects/service.ts';
import type { Fault } from './conditions.ts';
import type { BackendEntry, BackendTls } from '#libs/snapshot/entry.ts';
import { toBackendKey } from '#libs/snapshot/entry-key.ts';
import { toEndpointsKey } from '#libs/snapshot/discovery-key.ts';
import { type ServicePortName } from '#libs/snapshot/service-port.ts';

/** Says what a look-up of one port of one Service gave. */
export type BackendResolution =
  | {
      readonly entry: BackendEntry;
      /** Why HTTP cannot be spoken to it, though connections can be passed on. */
      readonly httpFault?: Fault;
      /**
       * Why TLS cannot be spoken to it as a BackendTLSPolicy wants it. Plain text instead would be worse than no
       * answer.
       */
      readonly tlsFault?: Fault;
    }
  | { readonly fault: Fault };

/** Says what a look-up of a reference gave: an entry key, or why there is none. */
type ResolvedTarget = { readonly key: string } | { readonly fault: Fault };

/** Names what refers. */
export interface RouteIdentity {
  readonly kind: string;
  readonly cluster: string;
  readonly namespace: string;
}

/** Gives access to what resolving reads. */
export interface BackendLookup {
  /** Undefined = there is no such Service. */
  readonly backend: (place: ServicePortName) => BackendResolution | undefined;
  readonly permitted: (cluster: string, namespace: string, reference: CrossReference) => boolean;
  /** What is wrong with ReferenceGrants of a namespace, as the end of a sentence; '' = nothing. */
  readonly brokenGrants: (cluster: string, namespace: string) => string;
}

/** Says how the BackendTLSPolicy on a port wants TLS to be spoken, or why that cannot be. */
export type PolicyChoice = { readonly tls: BackendTls } | { readonly fault: Fault };

/**
 * Looks up one reference to a backend, of a route or of a listener's filter, in the order of the specification: kind,
 * permission, existence.
 */
export function resolveTarget(
  target: BackendTarget,
  type: RouteSpec['type'],
  route: RouteIdentity,
  lookup: BackendLookup,
): ResolvedTarget {
  if ('unreadable' in target) return fault('BackendNotFound', target.unreadable);
  const { group, kind, namespace, name, port } = target;
  if (group !== '' || kind !== 'Service') {
    return fault('InvalidKind', `${kind}${group === '' ? '' : `.${group}`} is not a kind of backend that is supported`);
  }
  const reference = {
    fromGroup: gatewayGroup,
    fromKind: route.kind,
    fromNamespace: route.namespace,
    toGroup: '',
    toKind: 'Service',
    toName: name,
  };
  if (namespace !== route.namespace && !lookup.permitted(route.cluster, namespace, reference)) {
    return fault(
      'RefNotPermitted',
      `no ReferenceGrant in ${namespace} allows the reference to Service ${namespace}/${name}` +
        lookup.brokenGrants(route.cluster, namespace),
    );
  }
  if (port === undefined) return fault('BackendNotFound', `the reference to Service ${namespace}/${name} has no port`);
  const transport = type === 'udp' ? 'udp' : 'tcp';
  const place: ServicePortName = { cluster: route.cluster, namespace, service: name, port, transport };
  const found = lookup.backend(place);
  if (found === undefined) return fault('BackendNotFound', `Service ${namespace}/${name} does not exist`);
  if ('fault' in found) return found;
  const wrong = type === 'http' ? (found.tlsFault ?? found.httpFault) : type === 'tls' ? found.tlsFault : undefined;
  return wrong === undefined ? { key: toBackendKey(place) } : { fault: wrong };
}

/** Gives the place key of the Service that a reference names, rightly or not. */
export function serviceOf(target: BackendTarget, cluster: string): string | undefined {
  return 'kind' in target && target.kind === 'Service' ? toPlaceKey({ cluster, ...target }) : undefined;
}

/** Finds the backend behind a port of a Service. */
export function resolvePort(
  place: ServicePortName,
  found: Service,
  policyOf: (portName: string) => PolicyChoice | undefined,
): BackendResolution {
  const { cluster, namespace, service, port, transport } = place;
  const who = `Service ${namespace}/${service}`;
  if (found.external) return fault('BackendNotFound', `${who} is an ExternalName, which is no backend`);
  const one = found.ports.find((each) => each.port === port && each.transport === transport);
  if (one === undefined) return fault('BackendNotFound', `${who} has no ${transport.toUpperCase()} port ${port}`);
  const endpoints = toEndpointsKey(place);
  const base = { kind: 'backend' as const, cluster, namespace, service, port, endpoints };
  if (transport === 'udp') return { entry: { ...base, protocol: 'udp' } };
  const { protocol, secure } = speech(one.appProtocol);
  const policy = policyOf(one.name);
  const entry: BackendEntry = { ...base, protocol };
  if (policy !== undefined) {
    if ('tls' in policy) return { entry: { ...entry, tls: policy.tls } };
    const { reason, message } = policy.fault;
    return { entry, tlsFault: { reason, message: `${who}: ${message}` } };
  }
  if (!secure) return { entry };
  const appProtocol = one.appProtocol ?? '';
  const message = `${who} port ${port} has appProtocol ${appProtocol}, and no BackendTLSPolicy says how to trust it`;
  return { entry, httpFault: { reason: 'UnsupportedProtocol', message } };
}

/**
 * Reads the names of KEP-3726 and the common ones before it. `secure` means TLS to the backend, which needs a policy.
 */
function speech(appProtocol: string | undefined): { protocol: 'http' | 'h2c' | 'websocket'; secure: boolean } {
  const name = appProtocol?.toLowerCase().replace(/^kubernetes\.io\//, '') ?? '';
  if (name === 'wss') return { protocol: 'websocket', secure: true };
  if (name === 'ws') return { protocol: 'websocket', secure: false };
  if (['h2c', 'http2', 'grpc'].includes(name)) return { protocol: 'h2c', secure: false };
  return { protocol: 'http', secure: ['https', 'tls'].includes(name) };
}

function fault(reason: string, message: string): { readonly fault: Fault } {
  return { fault: { reason, message } };
}
