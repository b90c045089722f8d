// Judges one ListenerSet of a Gateway of ours.
import type { KnownObject } from '#libs/fleet/fleet.ts';
import { selects } from '#libs/gateway/fields/label-selector.ts';
import type { AllowedNamespaces } from '#libs/gateway/objects/listener.ts';
import type { ListenerSet } from '#libs/gateway/objects/listener-set.ts';
import { createdAt, generation } from '#libs/gateway/fields/metadata.ts';
import type { Problem } from '#libs/gateway/problem.ts';
import { type ClientDemands, clientDemandOn } from './client-validation.ts';
import { type Fault, listFacts, listProblems } from './conditions.ts';
import type { BackendLookup } from './backends.ts';
import { resolveListenerFilters } from './external-auth.ts';
import { verdictOn, type Verdicts } from './listener-conflicts.ts';
import { draftListener, type ListenerDraft, type ListenerModel, toListenerModel } from './listeners.ts';
import { findCertificate, type ObjectLookup } from './object-lookup.ts';

/** Holds what a ListenerSet needs to know of its Gateway. */
export interface GatewayOffer {
  readonly createdAt: string;
  readonly allowed: AllowedNamespaces;
  readonly demands: ClientDemands;
  /** Whether the Gateway is accepted, by itself. */
  readonly accepted: boolean;
}

interface ListenerSetFacts {
  readonly uid: string;
  readonly generation: number;
  readonly createdAt: string;
  /** `cluster/namespace/name`. */
  readonly gateway: string;
  readonly problems: readonly Problem[];
  /** Fields that are left out. */
  readonly ignored: readonly string[];
  /** Why it is not attached to its Gateway. */
  readonly refusal?: Fault;
}

/** Describes a ListenerSet before its listeners are compared with the others of its Gateway. */
export interface ListenerSetDraft extends ListenerSetFacts {
  readonly drafts: readonly ListenerDraft[];
}

export interface ListenerSetModel extends ListenerSetFacts {
  readonly listeners: readonly ListenerModel[];
  /** createdAt of its Gateway, for the entries. */
  readonly gatewayCreatedAt: string;
}

/** Gives access to what judging a ListenerSet looks up beside objects. */
interface ListenerSetPlace {
  readonly gateway: string;
  readonly gatewayNamespace: string;
  readonly offer: GatewayOffer;
  readonly labelsOf: (namespace: string) => Readonly<Record<string, string>>;
}

/** Judges a ListenerSet by itself. */
export function draftListenerSet(
  known: KnownObject,
  set: ListenerSet,
  { gateway, gatewayNamespace, offer, labelsOf }: ListenerSetPlace,
  lookup: ObjectLookup & BackendLookup,
): ListenerSetDraft {
  const { cluster, namespace, object } = known;
  const from = { kind: 'ListenerSet', cluster, namespace } as const;
  const refusal = isAllowed(offer.allowed, namespace, gatewayNamespace, labelsOf)
    ? parentRefusal(offer)
    : { reason: 'NotAllowed', message: `the Gateway allows no ListenerSets of namespace ${namespace}` };
  return {
    uid: known.uid,
    generation: generation(object),
    createdAt: createdAt(object),
    gateway,
    problems: set.problems,
    ignored: set.ignored,
    ...(refusal === undefined ? {} : { refusal }),
    drafts: set.listeners.map((listener) =>
      draftListener(listener, {
        certificatesOf: ({ certificateRefs }) => certificateRefs.map((ref) => findCertificate(ref, from, lookup)),
        demandOn: (port) => clientDemandOn(offer.demands, port),
        filtersOf: ({ filters }) => resolveListenerFilters(filters, from, lookup),
      }),
    ),
  };
}

/** Adds to a ListenerSet what was found about its listeners beside the others. */
export function toListenerSetModel(
  { drafts, ...facts }: ListenerSetDraft,
  place: string,
  gatewayCreatedAt: string,
  verdicts: Verdicts | undefined,
): ListenerSetModel {
  const listeners = drafts.map((draft) =>
    toListenerModel(draft, `${place}/${draft.name}`, verdictOn(verdicts, draft.name)),
  );
  const served = facts.refusal === undefined ? listeners : listeners.map((one) => ({ ...one, served: false }));
  return { ...facts, listeners: served, gatewayCreatedAt };
}

/**
 * Says why a ListenerSet as a whole is not accepted: it is refused, or none of its listeners is valid (GEP-1713). A
 * listener that waits for its certificate is valid, whether it is served is for Programmed to say; one whose reference
 * no grant allows is not (so the official suite).
 */
export function listenerSetFault({ refusal, listeners, problems }: ListenerSetModel): Fault | undefined {
  if (refusal !== undefined) return refusal;
  if (listeners.some(isValid)) return undefined;
  if (listeners.length === 0) return { reason: 'ListenersNotValid', message: listProblems(problems) };
  return { reason: 'ListenersNotValid', message: listFacts(listenerFacts(listeners)) };
}

function isValid({ served, fault, conflict, references }: ListenerModel): boolean {
  return served || (fault === undefined && conflict === undefined && references?.reason !== 'RefNotPermitted');
}

/** Says what is wrong with listeners, a sentence for each. */
export function listenerFacts(listeners: readonly ListenerModel[]): readonly string[] {
  return listeners.flatMap((listener) => {
    const fault = listener.fault ?? listener.conflict ?? (listener.served ? undefined : listener.references);
    return fault === undefined ? [] : [`listener ${listener.name}: ${fault.message}`];
  });
}

function parentRefusal({ accepted }: GatewayOffer): Fault | undefined {
  return accepted ? undefined : { reason: 'ParentNotAccepted', message: 'the Gateway is not accepted' };
}

function isAllowed(
  allowed: AllowedNamespaces,
  namespace: string,
  gatewayNamespace: string,
  labelsOf: (namespace: string) => Readonly<Record<string, string>>,
): boolean {
  if (allowed.from === 'Selector') return selects(allowed.selector, labelsOf(namespace));
  return allowed.from === 'All' || (allowed.from === 'Same' && namespace === gatewayNamespace);
}
