// Judges one listener: whether it is served, with which certificates, for which kinds of routes, and what is wrong with
// it.
import type { Problem } from '#libs/gateway/problem.ts';
import type { Listener, ReadableListener, RouteKind } from '#libs/gateway/objects/listener.ts';
import { kindText } from '#libs/gateway/fields/object-ref.ts';
import { gatewayGroup } from '#libs/gateway/fields/parent-ref.ts';
import { type Fault, listProblems } from './conditions.ts';
import type { ClientDemand } from './client-validation.ts';
import type { ClientValidation, ExternalAuth, ListenerEntry, ListenerProtocol } from '#libs/snapshot/entry.ts';
import type { ListenerFilters } from './external-auth.ts';
import type { ListenerClaim, Verdict } from './listener-conflicts.ts';
import type { KeyChoice } from './authority-ref.ts';

/** Describes a listener by itself. */
export interface ListenerDraft {
  /** As written. */
  readonly name: string;
  /** Absent where the listener cannot be read. */
  readonly spec?: ReadableListener;
  /** Route kinds that may attach. */
  readonly kinds: readonly RouteKind[];
  /** Why it is not accepted. */
  readonly fault?: Fault;
  readonly references?: Fault;
  readonly certificates: readonly string[];
  readonly clientValidation?: ClientValidation;
  /** Whether what is demanded of clients cannot be had. */
  readonly refusesClients?: true;
  /** What runs on every request before rules are asked. */
  readonly filters: readonly ExternalAuth[];
  /** Entry keys of the backends that the filters ask. */
  readonly backends: readonly string[];
  /** Place keys of the Services that the filters refer to, rightly or not. */
  readonly services: readonly string[];
  /** Whether it could have an entry. */
  readonly servable: boolean;
}

/** Describes a listener among the others of its Gateway. */
export interface ListenerModel extends Omit<ListenerDraft, 'servable'>, Verdict {
  /** ListenerEntry.name, unique in the Gateway. */
  readonly entryName: string;
  /** Whether it has an entry. */
  readonly served: boolean;
}

const protocols = ['HTTP', 'HTTPS', 'TLS', 'TCP', 'UDP'] as const satisfies readonly ListenerProtocol[];

const kindsByProtocol: ReadonlyMap<string, readonly string[]> = new Map([
  ['HTTP', ['HTTPRoute', 'GRPCRoute']],
  ['HTTPS', ['HTTPRoute', 'GRPCRoute']],
  ['TLS', ['TLSRoute']],
  ['TCP', ['TCPRoute']],
  ['UDP', ['UDPRoute']],
]);
/**
 * Once TLS is terminated, a TCPRoute may take the stream (TLSRoute: "you could choose to use a TCPRoute with a TLS
 * listener").
 */
const kindsOfTerminatedTls = ['TLSRoute', 'TCPRoute'];

/** Gives access to what judging a listener by itself looks up. */
interface ListenerLookup {
  readonly certificatesOf: (listener: ReadableListener) => readonly KeyChoice[];
  /** What is demanded of clients on an HTTPS port. */
  readonly demandOn: (port: number) => ClientDemand;
  readonly filtersOf: (listener: ReadableListener) => ListenerFilters;
}

/** Judges a listener by itself. */
export function draftListener(
  listener: Listener,
  { certificatesOf, demandOn, filtersOf }: ListenerLookup,
): ListenerDraft {
  if (listener.port === undefined) return unreadable(listener);
  const terminates = terminatesTls(listener);
  const choices = terminates ? certificatesOf(listener) : [];
  const demand = listener.protocol === 'HTTPS' ? demandOn(listener.port) : {};
  const { filters, backends, services, ...ofFilters } = filtersOf(listener);
  const own = listener.problems === undefined ? protocolFault(listener, demand) : unreadableFault(listener.problems);
  const fault = own ?? ofFilters.fault;
  const certificates = choices.flatMap((choice) => ('key' in choice ? [choice.key] : []));
  const { kinds, invalid } = allowedKinds(listener);
  const references = invalid ?? certificateFault(listener, choices) ?? ofFilters.references ?? demand.references;
  return {
    name: listener.name,
    spec: listener,
    kinds,
    ...(fault === undefined ? {} : { fault }),
    ...(references === undefined ? {} : { references }),
    certificates,
    ...(demand.validation === undefined ? {} : { clientValidation: demand.validation }),
    ...(demand.fault === undefined ? {} : { refusesClients: true }),
    filters,
    backends,
    services,
    servable: fault === undefined && (!terminates || certificates.length > 0),
  };
}

function protocolFault({ protocol }: ReadableListener, demand: ClientDemand): Fault | undefined {
  return isServedProtocol(protocol) ? demand.fault : unsupportedProtocol(protocol);
}

/** Says what a listener wants beside others; one that is not accepted by itself wants nothing. */
export function claimOf({ name, spec, fault }: ListenerDraft): ListenerClaim | undefined {
  if (spec === undefined || fault !== undefined) return undefined;
  return { name, port: spec.port, protocol: spec.protocol, hostname: spec.hostname };
}

/** Adds to a listener what was found beside the others. */
export function toListenerModel(draft: ListenerDraft, entryName: string, verdict: Verdict): ListenerModel {
  const { servable, ...rest } = draft;
  return { ...rest, ...verdict, entryName, served: servable && verdict.conflict === undefined };
}

/**
 * The snapshot entry of a listener of an accepted object. One that cannot be served, for whatever reason, has an entry
 * too where it has a hostname: without certificates and rules, it closes the hostname, which a listener with a wider
 * one would answer else ("Listener isolation" of GatewaySpec.listeners). What it wants of requests and
 * clients stays in the entry as what nobody can meet, so that on shared nodes no other Gateway takes its place with
 * weaker rules.
 */
export function listenerEntry(listener: ListenerModel, createdAt: string): ListenerEntry | undefined {
  const { spec, entryName, served } = listener;
  const protocol = protocols.find((one) => one === spec?.protocol);
  if (spec === undefined || protocol === undefined || (!served && !ownsHostname(listener, protocol))) return undefined;
  const certificates = served ? listener.certificates : [];
  const clientValidation = served ? listener.clientValidation : undefined;
  const filters = served ? listener.filters : wantsConsent(spec) ? [nobodyConsents(listener)] : [];
  return {
    kind: 'listener',
    name: entryName,
    port: spec.port,
    protocol,
    ...(spec.tlsMode === undefined ? {} : { tlsMode: spec.tlsMode }),
    hostname: spec.hostname,
    certificates,
    ...(clientValidation === undefined ? {} : { clientValidation }),
    ...(listener.refusesClients === true ? { refusesClients: true } : {}),
    ...(filters.length === 0 ? {} : { filters }),
    createdAt,
  };
}

/** Tells whether nobody else is to answer for the hostname of a listener that is not served. */
function ownsHostname({ spec, conflict, nobodys, refusesClients }: ListenerModel, protocol: ListenerProtocol): boolean {
  if (protocol === 'TCP' || protocol === 'UDP') return false;
  // Without a hostname it leaves nothing to a wider listener; but one of another Gateway may have none either.
  if (spec?.hostname === '*' && !wantsConsent(spec) && refusesClients !== true) return false;
  return conflict === undefined || nobodys === true;
}

/** Tells whether services are to be asked about the requests of a listener; only where HTTP is spoken. */
export function wantsConsent({ protocol, filters }: ReadableListener): boolean {
  return (protocol === 'HTTP' || protocol === 'HTTPS') && filters.length > 0;
}

function nobodyConsents({ fault, conflict, references }: ListenerModel): ExternalAuth {
  const invalid = (fault ?? conflict ?? references)?.message ?? 'the listener is not served';
  return { type: 'external-auth', protocol: 'http', backend: { invalid }, allowedHeaders: [], bodyMax: 0 };
}

/** Tells whether a listener has certificates of its own. */
function terminatesTls({ protocol, tlsMode }: ReadableListener): boolean {
  return protocol === 'HTTPS' || (protocol === 'TLS' && tlsMode === 'Terminate');
}

function isServedProtocol(protocol: string): boolean {
  return kindsByProtocol.has(protocol);
}

/** Describes a listener that has no place: its port or hostname cannot be read. */
function unreadable({
  name,
  protocol,
  tlsMode,
  problems,
}: Extract<Listener, { readonly port?: undefined }>): ListenerDraft {
  const kinds = protocol === undefined ? [] : supportedKinds(protocol, tlsMode);
  const fault = unreadableFault(problems);
  return { name, kinds, fault, certificates: [], filters: [], backends: [], services: [], servable: false };
}

function unreadableFault(problems: readonly Problem[]): Fault {
  return { reason: 'UnsupportedValue', message: listProblems(problems) };
}

function unsupportedProtocol(protocol: string): Fault {
  const message = `listeners with protocol ${protocol} are not served; ${protocols.join(', ')} are`;
  return { reason: 'UnsupportedProtocol', message };
}

function supportedKinds(protocol: string, tlsMode: ReadableListener['tlsMode']): readonly RouteKind[] {
  const kinds = tlsMode === 'Terminate' ? kindsOfTerminatedTls : kindsByProtocol.get(protocol);
  return (kinds ?? []).map((kind) => ({ group: gatewayGroup, kind }));
}

function isAmong(kinds: readonly RouteKind[], { group, kind }: RouteKind): boolean {
  return kinds.some((one) => one.kind === kind && one.group === group);
}

function allowedKinds(listener: ReadableListener): { kinds: readonly RouteKind[]; invalid?: Fault } {
  const supported = supportedKinds(listener.protocol, listener.tlsMode);
  if (listener.kinds.length === 0) return { kinds: supported };
  const kinds = supported.filter((one) => isAmong(listener.kinds, one));
  const invalid = listener.kinds.find((asked) => !isAmong(supported, asked));
  if (invalid === undefined) return { kinds };
  const mode = listener.tlsMode === undefined ? '' : ` and mode ${listener.tlsMode}`;
  const kind = invalid.group === gatewayGroup ? invalid.kind : kindText(invalid);
  const message = `routes of kind ${kind} cannot attach to a listener with protocol ${listener.protocol}${mode}`;
  return { kinds, invalid: { reason: 'InvalidRouteKinds', message } };
}

function certificateFault(listener: ReadableListener, choices: readonly KeyChoice[]): Fault | undefined {
  const fault = choices.flatMap((choice) => ('fault' in choice ? [choice.fault] : []))[0];
  if (fault !== undefined || !terminatesTls(listener) || choices.length > 0) return fault;
  return { reason: 'InvalidCertificateRef', message: 'tls.certificateRefs names no certificate' };
}
