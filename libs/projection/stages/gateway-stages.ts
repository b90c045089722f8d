// Wires the stages of GatewayClasses, Gateways and ListenerSets: which are ours, what their listeners come to, and what
// routes attach to.
//
//   Gateway ──▶ draft ──▶ offer ──▶ draft ◀── ListenerSet        a draft is an object by itself
//                  └──▶ verdicts ◀────┘                          verdicts are on listeners beside one another
//                model ◀──┴──▶ model
import { gatewayClassName } from '#libs/gateway/objects/gateway.ts';
import { parseListenerSet } from '#libs/gateway/objects/listener-set.ts';
import { type AttachParent, toAttachPoint } from '#libs/projection/model/attach.ts';
import type { BackendLookup } from '#libs/projection/model/backends.ts';
import { backendLookup, type BackendStages } from './backend-stages.ts';
import { createDeliveryStages, type DeliveryStages } from './delivery-stages.ts';
import { createPlaneStages, type PlaneStages } from './plane-stages.ts';
import type { Derivation } from '#libs/derivation/derivation.ts';
import type { Group } from '#libs/derivation/group.ts';
import type { Read, Stage } from '#libs/derivation/stage.ts';
import type { StoredEntry } from '#libs/snapshot/entry.ts';
import { type ClassModel, evaluateClass } from '#libs/projection/model/gateway-class-model.ts';
import {
  draftGateway,
  type GatewayDraft,
  type GatewayModel,
  isAccepted,
  toGatewayModel,
} from '#libs/projection/model/gateway-model.ts';
import { type Claimant, judgeListeners, type Verdicts } from '#libs/projection/model/listener-conflicts.ts';
import {
  claimOf,
  type ListenerDraft,
  listenerEntry,
  type ListenerModel,
  wantsConsent,
} from '#libs/projection/model/listeners.ts';
import {
  draftListenerSet,
  type GatewayOffer,
  type ListenerSetDraft,
  listenerSetFault,
  type ListenerSetModel,
  toListenerSetModel,
} from '#libs/projection/model/listener-set-model.ts';
import type { ObjectLookup } from '#libs/projection/model/object-lookup.ts';
import { labelsOfNamespace, objectLookup, type ReferenceStages } from './reference-stages.ts';
import type { Sources } from './sources.ts';
import { encodeEntry } from '#libs/snapshot/stored-entry.ts';
import { parseObjectKey, parsePlaceKey, toNamespacedKey, toObjectKey, toPlaceKey } from '#libs/gateway/object-key.ts';
import { toListenerKey } from '#libs/snapshot/entry-key.ts';

export interface KeyedEntry {
  readonly key: string;
  readonly stored: StoredEntry;
}

/** Describes a port that clients connect to. */
interface ServedPort {
  readonly port: number;
  readonly protocol: 'TCP' | 'UDP';
}

export interface GatewayStages extends DeliveryStages, PlaneStages {
  readonly classes: Stage<ClassModel>;
  /** Gateways of ours only. */
  readonly models: Stage<GatewayModel>;
  /** ListenerSets of Gateways of ours only. */
  readonly sets: Stage<ListenerSetModel>;
  /** What routes attach to. Keys: object keys. */
  readonly parents: Stage<AttachParent>;
  /** Of the Gateways' own listeners. */
  readonly listenerEntries: Stage<readonly KeyedEntry[]>;
  /** Of ListenerSets; keys are the sets'. */
  readonly setEntries: Stage<{ readonly gateway: string; readonly entries: readonly KeyedEntry[] }>;
  /** Discovery keys of the certificates that Gateways show to backends. */
  readonly backendCertificates: Stage<string>;
  /** Groups: Gateways; members are the accepted ListenerSets. */
  readonly acceptedSets: Group<true>;
  /** Groups: Gateways; a member for each port of each object that has accepted listeners on it. */
  readonly livePorts: Group<ServedPort>;
}

/** Looks up what Gateways and ListenerSets refer to, for the stage that reads. */
type Lookup = (read: Read) => ObjectLookup & BackendLookup;

/** Makes the stages. Keys are `cluster/namespace/name`. */
export function createGatewayStages(
  engine: Derivation,
  sources: Sources,
  references: ReferenceStages,
  backends: BackendStages,
): GatewayStages {
  const lookup: Lookup = (read) => ({
    ...objectLookup(references, read),
    ...backendLookup(references, backends, read),
  });
  const classes = engine.stage({
    name: 'gateway class',
    each: sources.objects('GatewayClass'),
    compute: (key, read) => {
      const known = read.get(sources.objects('GatewayClass'), key);
      return known && evaluateClass(known, objectLookup(references, read));
    },
  });
  const drafts = createDraftStage(engine, sources, lookup, classes);
  const setDrafts = createSetDraftStage(engine, sources, references, lookup, drafts);
  const verdicts = createVerdictGroup(engine, drafts, setDrafts);
  const models = engine.stage({
    name: 'gateway',
    each: drafts,
    compute: (key, read) => {
      const draft = read.get(drafts, key);
      return draft && toGatewayModel(draft, read.list(verdicts, parentKey('Gateway', key))[0]);
    },
  });
  const sets = createSetStage(engine, drafts, setDrafts, verdicts);
  const backendCertificates = engine.stage({
    name: 'backend client certificate',
    each: models,
    compute: (key, read) => read.get(models, key)?.backendClientCertificate,
  });
  const acceptedSets = engine
    .group<true>()
    .feed(sets, (key, set) =>
      listenerSetFault(set) === undefined ? [{ group: set.gateway, member: key, item: true as const }] : [],
    );
  const livePorts = engine
    .group<ServedPort>()
    .feed(models, (key, { fault, listeners }) => (fault === undefined ? portsOf(key, '', listeners) : []))
    .feed(sets, (key, { refusal, gateway, listeners }) =>
      refusal === undefined ? portsOf(gateway, key, listeners) : [],
    );
  const delivery = createDeliveryStages(engine, sources, models);
  return {
    classes,
    models,
    sets,
    parents: createParentStage(engine, models, sets),
    ...createEntryStages(engine, models, sets),
    backendCertificates,
    acceptedSets,
    livePorts,
    ...delivery,
    ...createPlaneStages(engine, models, sets, delivery.poolsOf),
  };
}

function createDraftStage(
  engine: Derivation,
  sources: Sources,
  lookup: Lookup,
  classes: Stage<ClassModel>,
): Stage<GatewayDraft> {
  return engine.stage({
    name: 'gateway draft',
    each: sources.objects('Gateway'),
    compute: (key, read) => {
      const known = read.get(sources.objects('Gateway'), key);
      const className = known === undefined ? undefined : gatewayClassName(known.object);
      if (known === undefined || className === undefined) return undefined;
      const ofClass = read.get(classes, toPlaceKey({ cluster: known.cluster, namespace: '', name: className }));
      return ofClass && draftGateway(known, ofClass, lookup(read));
    },
  });
}

function createSetDraftStage(
  engine: Derivation,
  sources: Sources,
  references: ReferenceStages,
  lookup: Lookup,
  drafts: Stage<GatewayDraft>,
): Stage<ListenerSetDraft> {
  const offers = engine.stage<GatewayOffer>({
    name: 'offer to listener sets',
    compute: (key, read) => {
      const draft = read.get(drafts, key);
      if (draft === undefined) return undefined;
      const own = judgeListeners([toClaimant('Gateway', key, draft.drafts)])[parentKey('Gateway', key)];
      const { fault, listeners, createdAt, allowedListeners: allowed, demands } = toGatewayModel(draft, own);
      return { createdAt, allowed, demands, accepted: fault === undefined && listeners.some(isAccepted) };
    },
  });
  return engine.stage({
    name: 'listener set draft',
    each: sources.objects('ListenerSet'),
    compute: (key, read) => {
      const known = read.get(sources.objects('ListenerSet'), key);
      const set = known && parseListenerSet(known.object, known.namespace);
      if (known === undefined || set?.gateway === undefined) return undefined;
      const gateway = toPlaceKey({ cluster: known.cluster, ...set.gateway });
      const offer = read.get(offers, gateway);
      if (offer === undefined) return undefined;
      const labelsOf = (namespace: string): Readonly<Record<string, string>> =>
        labelsOfNamespace(references, read, known.cluster, namespace);
      const place = { gateway, gatewayNamespace: set.gateway.namespace, offer, labelsOf };
      return draftListenerSet(known, set, place, lookup(read));
    },
  });
}

/** Makes the group of verdicts. Groups: parents, by object key; the one member holds the verdicts on its listeners. */
function createVerdictGroup(
  engine: Derivation,
  drafts: Stage<GatewayDraft>,
  setDrafts: Stage<ListenerSetDraft>,
): Group<Verdicts> {
  const claimants = engine
    .group<Claimant>()
    .feed(drafts, (key, draft) => [{ group: key, member: '', item: toClaimant('Gateway', key, draft.drafts) }])
    .feed(setDrafts, (key, { gateway, createdAt, refusal, drafts: own }) => {
      if (refusal !== undefined) return [];
      // The order of precedence: creation time, then `namespace/name`.
      const member = `${createdAt} ${toNamespacedKey(parsePlaceKey(key))}`;
      return [{ group: gateway, member, item: toClaimant('ListenerSet', key, own) }];
    });
  const verdicts = engine.stage({
    name: 'verdicts on listeners',
    each: drafts,
    compute: (key, read) => judgeListeners(read.list(claimants, key)),
  });
  return engine
    .group<Verdicts>()
    .feed(verdicts, (key, byParent) => Object.entries(byParent).map(([group, item]) => ({ group, member: key, item })));
}

function createSetStage(
  engine: Derivation,
  drafts: Stage<GatewayDraft>,
  setDrafts: Stage<ListenerSetDraft>,
  verdicts: Group<Verdicts>,
): Stage<ListenerSetModel> {
  const createdAt = engine.stage({
    name: 'creation of gateway',
    compute: (key, read) => read.get(drafts, key)?.createdAt,
  });
  return engine.stage({
    name: 'listener set',
    each: setDrafts,
    compute: (key, read) => {
      const draft = read.get(setDrafts, key);
      const parentCreatedAt = draft && read.get(createdAt, draft.gateway);
      if (draft === undefined || parentCreatedAt === undefined) return undefined;
      const own = read.list(verdicts, parentKey('ListenerSet', key))[0];
      return toListenerSetModel(draft, toNamespacedKey(parsePlaceKey(key)), parentCreatedAt, own);
    },
  });
}

function createParentStage(
  engine: Derivation,
  models: Stage<GatewayModel>,
  sets: Stage<ListenerSetModel>,
): Stage<AttachParent> {
  const ofSet = (key: string, read: Read): AttachParent | undefined => {
    const set = read.get(sets, key);
    if (set === undefined) return undefined;
    const { gateway, listeners, refusal } = set;
    const message = `the ListenerSet is not attached to its Gateway: ${refusal?.message ?? ''}`;
    const fault = refusal === undefined ? {} : { fault: { reason: 'NoMatchingParent', message } };
    return { gateway, points: listeners.map(toAttachPoint), ...fault };
  };
  return engine.stage<AttachParent>({
    name: 'parent',
    compute: (key, read) => {
      const { kind, ...name } = parseObjectKey(key);
      const place = toPlaceKey(name);
      if (kind === 'ListenerSet') return ofSet(place, read);
      const model = read.get(models, place);
      return model && { gateway: place, points: model.listeners.map(toAttachPoint) };
    },
  });
}

function createEntryStages(
  engine: Derivation,
  models: Stage<GatewayModel>,
  sets: Stage<ListenerSetModel>,
): Pick<GatewayStages, 'listenerEntries' | 'setEntries'> {
  const listenerEntries = engine.stage({
    name: 'listener entries',
    each: models,
    compute: (key, read) => {
      const model = read.get(models, key);
      return model && (model.fault === undefined ? entriesOf(model.listeners, model.createdAt) : []);
    },
  });
  const setEntries = engine.stage({
    name: 'entries of a listener set',
    each: sets,
    compute: (key, read) => {
      const set = read.get(sets, key);
      if (set === undefined) return undefined;
      const entries = set.refusal === undefined ? entriesOf(set.listeners, set.gatewayCreatedAt) : [];
      return { gateway: set.gateway, entries };
    },
  });
  return { listenerEntries, setEntries };
}

function entriesOf(listeners: readonly ListenerModel[], createdAt: string): readonly KeyedEntry[] {
  const closed = new Set<string>();
  // Of several that want a hostname which none gets, one that wants services to be asked closes it.
  const [wanting, others] = [true, false].map((wants) =>
    listeners.filter(({ spec }) => (spec !== undefined && wantsConsent(spec)) === wants),
  );
  return [...(wanting ?? []), ...(others ?? [])].flatMap((listener) => {
    const entry = listenerEntry(listener, createdAt);
    if (entry === undefined) return [];
    // One is enough to close a hostname that several want and none gets.
    const place = `${entry.port} ${entry.hostname}`;
    if (listener.nobodys === true && closed.has(place)) return [];
    if (listener.nobodys === true) closed.add(place);
    return [{ key: toListenerKey(entry.name), stored: encodeEntry(entry) }];
  });
}

function toClaimant(kind: Claimant['kind'], key: string, drafts: readonly ListenerDraft[]): Claimant {
  return { parent: parentKey(kind, key), kind, claims: drafts.flatMap((draft) => claimOf(draft) ?? []) };
}

/** Writes the object key of a parent whose place key is known. */
function parentKey(kind: Claimant['kind'], place: string): string {
  return toObjectKey({ ...parsePlaceKey(place), kind });
}

function portsOf(
  gateway: string,
  owner: string,
  listeners: readonly ListenerModel[],
): readonly { readonly group: string; readonly member: string; readonly item: ServedPort }[] {
  return listeners.flatMap((listener) => {
    if (listener.spec === undefined || !isAccepted(listener)) return [];
    const { port, protocol } = listener.spec;
    const item: ServedPort = { port, protocol: protocol === 'UDP' ? 'UDP' : 'TCP' };
    return [{ group: gateway, member: `${owner} ${item.protocol}/${port}`, item }];
  });
}
