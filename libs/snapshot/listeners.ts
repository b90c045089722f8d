// What a Gateway's listeners come to: which are served, with which certificates, and what is wrong with the others.
import type { Gateway, ReadableListener, RouteKind } from '#libs/gateway/gateway.ts';
import { intersectHostnames } from '#libs/gateway/hostname.ts';
import { gatewayGroup } from '#libs/gateway/parent-ref.ts';
import { type Fault, listProblems } from '#libs/snapshot/conditions.ts';
import type { ListenerEntry } from '#libs/snapshot/entry.ts';

/** A certificate reference, looked up: a discovery key, or why there is none. */
export type CertificateChoice = { readonly key: string } | { readonly fault: Fault };

export interface ListenerModel {
  readonly name: string;
  /** Absent where the listener cannot be read. */
  readonly spec?: ReadableListener;
  /** Route kinds that may attach. */
  readonly kinds: readonly RouteKind[];
  /** Why it is not accepted. */
  readonly fault?: Fault;
  readonly conflict?: Fault;
  readonly references?: Fault;
  /** Names of HTTPS listeners on the same port whose hostnames overlap with this one's. */
  readonly overlaps: readonly string[];
  readonly certificates: readonly string[];
  /** Whether it has an entry. */
  readonly served: boolean;
}

const kindsByProtocol: Readonly<Record<string, readonly RouteKind[]>> = {
  HTTP: [{ group: gatewayGroup, kind: 'HTTPRoute' }],
  HTTPS: [{ group: gatewayGroup, kind: 'HTTPRoute' }],
};

/** Judges every listener of a Gateway. `certificatesOf` looks up a listener's certificate references. */
export function evaluateListeners(
  gateway: Gateway,
  certificatesOf: (listener: ReadableListener) => readonly CertificateChoice[],
): readonly ListenerModel[] {
  const readable = gateway.listeners.flatMap((listener) => ('port' in listener ? [listener] : []));
  const served = readable.filter((listener) => isServedProtocol(listener.protocol));
  return gateway.listeners.map((listener) => {
    if ('problems' in listener) return unreadable(listener.name, listProblems(listener.problems));
    const fault = isServedProtocol(listener.protocol) ? undefined : unsupportedProtocol(listener.protocol);
    const conflict = fault === undefined ? findConflict(listener, served) : undefined;
    const choices = listener.protocol === 'HTTPS' ? certificatesOf(listener) : [];
    const certificates = choices.flatMap((choice) => ('key' in choice ? [choice.key] : []));
    const { kinds, invalid } = allowedKinds(listener);
    const references = invalid ?? certificateFault(listener, choices);
    return {
      name: listener.name,
      spec: listener,
      kinds,
      ...(fault === undefined ? {} : { fault }),
      ...(conflict === undefined ? {} : { conflict }),
      ...(references === undefined ? {} : { references }),
      overlaps: listener.protocol === 'HTTPS' && conflict === undefined ? overlapping(listener, served) : [],
      certificates,
      served:
        fault === undefined && conflict === undefined && (listener.protocol === 'HTTP' || certificates.length > 0),
    };
  });
}

/** The snapshot entry of a served listener. */
export function listenerEntry(listener: ListenerModel, createdAt: string): ListenerEntry | undefined {
  const { spec, certificates } = listener;
  if (!listener.served || spec === undefined) return undefined;
  const protocol = spec.protocol === 'HTTPS' ? 'HTTPS' : 'HTTP';
  return {
    kind: 'listener',
    name: spec.name,
    port: spec.port,
    protocol,
    hostname: spec.hostname,
    certificates,
    createdAt,
  };
}

function isServedProtocol(protocol: string): boolean {
  return Object.hasOwn(kindsByProtocol, protocol);
}

function unreadable(name: string, message: string): ListenerModel {
  return {
    name,
    kinds: [],
    fault: { reason: 'UnsupportedValue', message },
    overlaps: [],
    certificates: [],
    served: false,
  };
}

function unsupportedProtocol(protocol: string): Fault {
  return {
    reason: 'UnsupportedProtocol',
    message: `listeners with protocol ${protocol} are not served yet; HTTP and HTTPS are`,
  };
}

/** No winner is picked among listeners that are not distinct (GatewaySpec.listeners). */
function findConflict(listener: ReadableListener, all: readonly ReadableListener[]): Fault | undefined {
  const others = all.filter((other) => other.name !== listener.name && other.port === listener.port);
  const protocol = others.find((other) => other.protocol !== listener.protocol);
  if (protocol !== undefined) {
    const message = `port ${listener.port} is ${listener.protocol} here and ${protocol.protocol} on listener ${protocol.name}`;
    return { reason: 'ProtocolConflict', message };
  }
  const hostname = others.find((other) => other.hostname === listener.hostname);
  if (hostname === undefined) return undefined;
  const message = `listener ${hostname.name} has the same port and hostname`;
  return { reason: 'HostnameConflict', message };
}

function overlapping(listener: ReadableListener, all: readonly ReadableListener[]): readonly string[] {
  return all
    .filter((other) => other.name !== listener.name && other.port === listener.port && other.protocol === 'HTTPS')
    .filter((other) => intersectHostnames(other.hostname, listener.hostname) !== undefined)
    .map((other) => other.name);
}

function allowedKinds(listener: ReadableListener): { kinds: readonly RouteKind[]; invalid?: Fault } {
  const supported = kindsByProtocol[listener.protocol] ?? [];
  if (listener.kinds.length === 0) return { kinds: supported };
  const isSupported = (asked: RouteKind): boolean =>
    supported.some((one) => one.kind === asked.kind && one.group === asked.group);
  const kinds = supported.filter((one) =>
    listener.kinds.some((asked) => asked.kind === one.kind && asked.group === one.group),
  );
  const invalid = listener.kinds.find((asked) => !isSupported(asked));
  if (invalid === undefined) return { kinds };
  const message = `routes of kind ${invalid.kind} cannot attach to a listener with protocol ${listener.protocol}`;
  return { kinds, invalid: { reason: 'InvalidRouteKinds', message } };
}

function certificateFault(listener: ReadableListener, choices: readonly CertificateChoice[]): Fault | undefined {
  const fault = choices.flatMap((choice) => ('fault' in choice ? [choice.fault] : []))[0];
  if (fault !== undefined || listener.protocol !== 'HTTPS' || choices.length > 0) return fault;
  return { reason: 'InvalidCertificateRef', message: 'tls.certificateRefs names no certificate' };
}
