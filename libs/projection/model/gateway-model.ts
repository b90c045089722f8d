// Judges one Gateway of ours: it gives the facts that entries, attachment, data plane and status are made from.
import type { AddressWish } from '#libs/gateway/objects/gateway.ts';
import { parseGateway } from '#libs/gateway/objects/gateway.ts';
import { type LimitWishes, parseGatewayLimits } from '#libs/gateway/objects/gateway-limits.ts';
import { type DecisionWishes, parseDecisionWishes } from '#libs/gateway/objects/decision-wishes.ts';
import { frontendProblems } from '#libs/gateway/fields/frontend-tls.ts';
import type { ParameterSet } from '#libs/gateway/data-plane/data-plane-parameters.ts';
import type { Scopes } from '#libs/gateway/objects/served-api.ts';
import type { AllowedNamespaces } from '#libs/gateway/objects/listener.ts';
import { createdAt, generation } from '#libs/gateway/fields/metadata.ts';
import type { KnownObject } from '#libs/fleet/fleet.ts';
import { describeProblem, type Problem } from '#libs/gateway/problem.ts';
import { type ClientDemands, clientDemandOn, resolveClientDemands } from './client-validation.ts';
import type { Fault } from './conditions.ts';
import type { BackendLookup } from './backends.ts';
import { resolveListenerFilters } from './external-auth.ts';
import type { ClassModel } from './gateway-class-model.ts';
import { verdictOn, type Verdicts } from './listener-conflicts.ts';
import { draftListener, type ListenerDraft, type ListenerModel, toListenerModel } from './listeners.ts';
import { findCertificate, findParameters, type ObjectLookup, type ParameterChoice } from './object-lookup.ts';

/** Holds what a Gateway asks for beside its listeners. */
interface GatewayFacts {
  readonly uid: string;
  readonly generation: number;
  readonly createdAt: string;
  readonly addresses: readonly AddressWish[];
  /** Which routabilities they can have. */
  readonly scopes: Scopes;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** Sanity limits that its annotations set. */
  readonly limits: LimitWishes;
  /** What its annotations want of the commands for it. */
  readonly decisions: DecisionWishes;
  /** Its own, then those of its class. */
  readonly parameters: ParameterSet;
  /** Whether they could all be read. */
  readonly parametersKnown: boolean;
  /** The Service of the data plane that it shares with its class, by place key; absent = it has its own. */
  readonly sharedService?: string;
  readonly allowedListeners: AllowedNamespaces;
  readonly demands: ClientDemands;
  /** Discovery key of the certificate that is shown to backends. */
  readonly backendClientCertificate?: string;
  /** What is wrong with the reference to it. */
  readonly backendFault?: Fault;
  /** Mistakes that cost parts of it, but not the Gateway. */
  readonly problems: readonly Problem[];
  /** Fields that are left out. */
  readonly ignored: readonly string[];
  /** Why the Gateway as a whole is not accepted. */
  readonly fault?: Fault;
}

/** Describes a Gateway before its listeners are compared with one another and with those of its ListenerSets. */
export interface GatewayDraft extends GatewayFacts {
  readonly drafts: readonly ListenerDraft[];
}

export interface GatewayModel extends GatewayFacts {
  readonly listeners: readonly ListenerModel[];
}

const addressTypes: ReadonlySet<string> = new Set(['IPAddress', 'Hostname']);

/** Judges a Gateway by itself. */
export function draftGateway(
  known: KnownObject,
  ofClass: ClassModel,
  lookup: ObjectLookup & BackendLookup,
): GatewayDraft {
  const { cluster, namespace, object } = known;
  const gateway = parseGateway(object, namespace, ofClass.scopes);
  const from = { kind: 'Gateway', cluster, namespace } as const;
  const parameters = ownParameters(findParameters(gateway.infrastructure.parameters, cluster, lookup), ofClass);
  const limits = parseGatewayLimits(object);
  const decisions = parseDecisionWishes(object);
  const fault = gatewayFault(gateway) ?? ('fault' in parameters ? parameters.fault : undefined);
  const demands = resolveClientDemands(gateway.frontend, from, lookup);
  const drafts = gateway.listeners.map((listener) =>
    draftListener(listener, {
      certificatesOf: ({ certificateRefs }) => certificateRefs.map((ref) => findCertificate(ref, from, lookup)),
      demandOn: (port) => clientDemandOn(demands, port),
      filtersOf: ({ filters }) => resolveListenerFilters(filters, from, lookup),
    }),
  );
  return {
    uid: known.uid,
    generation: generation(object),
    createdAt: createdAt(object),
    addresses: gateway.addresses,
    scopes: ofClass.scopes,
    labels: gateway.infrastructure.labels,
    annotations: gateway.infrastructure.annotations,
    limits: limits.wishes,
    decisions: decisions.wishes,
    parameters: 'value' in parameters ? { ...ofClass.parameters, ...parameters.value } : ofClass.parameters,
    parametersKnown: 'value' in parameters && ofClass.fault === undefined,
    ...(ofClass.sharedService === undefined ? {} : { sharedService: ofClass.sharedService }),
    allowedListeners: gateway.allowedListeners,
    demands,
    ...findBackendCertificate(gateway.backendCertificate, from, lookup),
    problems: [
      ...(known.problems ?? []),
      ...gateway.problems,
      ...frontendProblems(gateway.frontend),
      ...limits.problems,
      ...decisions.problems,
    ],
    ignored: gateway.ignored,
    ...(fault === undefined ? {} : { fault }),
    drafts,
  };
}

/** Adds to a Gateway what was found about its listeners beside the others. */
export function toGatewayModel({ drafts, ...facts }: GatewayDraft, verdicts: Verdicts | undefined): GatewayModel {
  const listeners = drafts.map((draft) => toListenerModel(draft, draft.name, verdictOn(verdicts, draft.name)));
  return { ...facts, listeners: facts.fault === undefined ? listeners : listeners.map(unserved) };
}

/** Tells whether a listener is accepted, though it may wait for its certificate. */
export function isAccepted({ fault, conflict }: Pick<ListenerModel, 'fault' | 'conflict'>): boolean {
  return fault === undefined && conflict === undefined;
}

function unserved(listener: ListenerModel): ListenerModel {
  return { ...listener, served: false };
}

function gatewayFault({ listeners, addresses, problems }: ReturnType<typeof parseGateway>): Fault | undefined {
  const odd = addresses.find(({ type }) => !addressTypes.has(type));
  if (odd !== undefined) {
    const message = `addresses of type ${odd.type} are not supported; ${[...addressTypes].join(' and ')} are`;
    return { reason: 'UnsupportedAddress', message };
  }
  const [problem] = problems;
  if (listeners.length > 0) return undefined;
  return { reason: 'Invalid', message: problem === undefined ? 'no listeners' : describeProblem(problem) };
}

/** Leaves out what is shared with others: that is not for one of them to say. */
function ownParameters(found: ParameterChoice, ofClass: ClassModel): ParameterChoice {
  if ('fault' in found || Object.keys(found.value).length === 0) return found;
  const isShared = ofClass.parameters.merge === 'class';
  if (found.value.merge === undefined && !isShared) return found;
  const message = isShared
    ? `the Gateways of class ${ofClass.name} share a data plane, so that they have no parameters of their own`
    : 'merge is for the parameters of a GatewayClass';
  return { fault: { reason: 'InvalidParameters', message } };
}

function findBackendCertificate(
  ref: ReturnType<typeof parseGateway>['backendCertificate'],
  from: Parameters<typeof findCertificate>[1],
  lookup: ObjectLookup,
): Pick<GatewayFacts, 'backendClientCertificate' | 'backendFault'> {
  if (ref === undefined) return {};
  const reason = 'InvalidClientCertificateRef';
  if ('unreadable' in ref) return { backendFault: { reason, message: ref.unreadable } };
  const found = findCertificate(ref, from, lookup, reason);
  return 'key' in found ? { backendClientCertificate: found.key } : { backendFault: found.fault };
}
