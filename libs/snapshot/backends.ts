// Backends: from a reference in a route to an entry, or to the reason why there is none.
import type { BackendTarget } from '#libs/gateway/backend-ref.ts';
import type { CrossReference } from '#libs/gateway/reference-grant.ts';
import type { Service } from '#libs/gateway/service.ts';
import type { Fault } from '#libs/snapshot/conditions.ts';
import type { BackendEntry } from '#libs/snapshot/entry.ts';
import { gatewayGroup } from '#libs/gateway/parent-ref.ts';

/** One port of one Service, looked up. */
export type BackendResolution = { readonly entry: BackendEntry } | { readonly fault: Fault };

/** A reference, looked up: an entry key, or why there is none. */
export type ResolvedTarget = { readonly key: string } | { readonly fault: Fault };

export interface RouteIdentity {
  readonly kind: string;
  readonly cluster: string;
  readonly namespace: string;
}

/** What resolving reads. */
export interface BackendLookup {
  readonly backend: (
    cluster: string,
    namespace: string,
    service: string,
    port: number,
  ) => BackendResolution | undefined;
  readonly permitted: (cluster: string, namespace: string, reference: CrossReference) => boolean;
}

/** Looks up one backend reference of a route, in the order of the specification: kind, permission, existence. */
export function resolveTarget(target: BackendTarget, route: RouteIdentity, lookup: BackendLookup): ResolvedTarget {
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
      `no ReferenceGrant in ${namespace} allows the reference to Service ${namespace}/${name}`,
    );
  }
  if (port === undefined) return fault('BackendNotFound', `the reference to Service ${namespace}/${name} has no port`);
  const found = lookup.backend(route.cluster, namespace, name, port);
  if (found === undefined) return fault('BackendNotFound', `Service ${namespace}/${name} does not exist`);
  return 'fault' in found ? found : { key: backendKey(found.entry) };
}

/** The backend behind a port of a Service. `policies` names the BackendTLSPolicies on it. */
export function resolvePort(
  place: { readonly cluster: string; readonly namespace: string; readonly service: string; readonly port: number },
  service: Service,
  policies: readonly string[],
): BackendResolution {
  const { cluster, namespace, service: name, port } = place;
  const who = `Service ${namespace}/${name}`;
  if (service.external) return fault('BackendNotFound', `${who} is an ExternalName, which is no backend`);
  const found = service.ports.find((one) => one.port === port);
  if (found === undefined) return fault('BackendNotFound', `${who} has no TCP port ${port}`);
  const [policy] = policies;
  // Plain text to a backend that is to be spoken to by TLS would be worse than no answer.
  if (policy !== undefined)
    return fault('UnsupportedProtocol', `BackendTLSPolicy ${policy} on ${who} is not served yet`);
  const protocol = backendProtocol(found.appProtocol);
  if (protocol === undefined)
    return fault('UnsupportedProtocol', `${who} port ${port} has appProtocol ${found.appProtocol ?? ''}`);
  const endpoints = `endpoints/${cluster}/${namespace}/${name}/${port}`;
  return { entry: { kind: 'backend', cluster, namespace, service: name, port, protocol, endpoints } };
}

/** The entry key of a backend. */
export function backendKey(entry: Pick<BackendEntry, 'cluster' | 'namespace' | 'service' | 'port'>): string {
  return `backend/${entry.cluster}/${entry.namespace}/${entry.service}/${entry.port}`;
}

/** KEP-3726's names and the common ones before it; undefined = TLS to the backend, which needs a policy. */
function backendProtocol(appProtocol: string | undefined): BackendEntry['protocol'] | undefined {
  const name = appProtocol?.toLowerCase().replace(/^kubernetes\.io\//, '') ?? '';
  if (['wss', 'https', 'tls'].includes(name)) return undefined;
  if (['h2c', 'http2', 'grpc'].includes(name)) return 'h2c';
  return name === 'ws' ? 'websocket' : 'http';
}

function fault(reason: string, message: string): { readonly fault: Fault } {
  return { fault: { reason, message } };
}
