// Writes the status of a Gateway and of its listeners, and of a GatewayClass.
import type { DesiredCondition } from '#libs/events/agent-exchange.ts';
import type { ServedApi } from '#libs/gateway/objects/served-api.ts';
import { describeProblem } from '#libs/gateway/problem.ts';
import { condition, conditionUnless, type Fault, ignoredFacts, listFacts } from '#libs/projection/model/conditions.ts';
import type { Delivery } from '#libs/projection/model/delivery/delivery.ts';
import { judgeAddresses } from './gateway-addresses.ts';
import type { ClassModel } from '#libs/projection/model/gateway-class-model.ts';
import { type GatewayModel, isAccepted } from '#libs/projection/model/gateway-model.ts';
import type { ListenerModel } from '#libs/projection/model/listeners.ts';
import { listenerStatus } from './listener-status.ts';
import { supportedFeatures } from './supported-features.ts';
import { unservedCondition, type UnservedPolicies } from './unserved-policies.ts';

/** Holds what belongs to a Gateway beside its own object. */
interface GatewayBelongings {
  /** ListenerSets that are accepted. */
  readonly listenerSets: number;
  /** The accepted routes of a listener, by ListenerEntry.name. */
  readonly attachedRoutes: (entryName: string) => number;
  /** What a listener lost to those of other Gateways on nodes that serve both, by ListenerEntry.name. */
  readonly lost: (entryName: string) => Fault | undefined;
  /** Policies of other gateways on it and its listeners. */
  readonly unserved: UnservedPolicies;
}

/** Writes `status` of a GatewayClass of ours, in a cluster that serves `api`. */
export function gatewayClassStatus(
  { fault }: ClassModel,
  api: ServedApi,
  unserved: readonly string[],
  generation: number,
): Readonly<Record<string, unknown>> {
  // Every version of the API's objects that a cluster can serve is read, so there is none to refuse.
  const conditions = [
    conditionUnless('Accepted', fault, generation),
    conditionUnless('SupportedVersion', undefined, generation),
    ...unservedCondition(unserved, generation),
  ];
  return { conditions, supportedFeatures: supportedFeatures(api).map((name) => ({ name })) };
}

/** Writes `status` of a Gateway of ours. */
export function gatewayStatus(
  model: GatewayModel,
  delivery: Delivery,
  { listenerSets, attachedRoutes, lost, unserved }: GatewayBelongings,
): Readonly<Record<string, unknown>> {
  const { generation, listeners } = model;
  const { addresses, fault, assigned } = judgeAddresses(model, delivery);
  const programmed = programmedCondition(model, delivery, listenerSets, fault);
  const lostOnes = listeners.flatMap((one) => {
    const fault = one.served ? lost(one.entryName) : undefined;
    return fault === undefined ? [] : [`listener ${one.name}: ${fault.message}`];
  });
  return {
    addresses,
    conditions: [
      acceptedCondition(model),
      withoutLost(programmed, lostOnes, listeners),
      conditionUnless('ResolvedRefs', unresolved(model), generation),
      ...(model.fault === undefined && assigned !== undefined ? [assigned] : []),
      ...(model.demands.insecure ? [insecureCondition(generation)] : []),
      ...(model.fault === undefined ? unservedCondition(unserved.own, generation) : []),
    ],
    listeners: listeners.map((one) => {
      const { name, entryName } = one;
      const [routes, lostTo] = [attachedRoutes(entryName), lost(entryName)];
      const state = { attachedRoutes: routes, programmed, lost: lostTo, unserved: unserved.ofListener(name) };
      return listenerStatus(one, state, generation);
    }),
    attachedListenerSets: listenerSets,
  };
}

function acceptedCondition({ fault, listeners, problems, ignored, generation }: GatewayModel): DesiredCondition {
  const all = problems.map(describeProblem);
  if (fault !== undefined) {
    const message = listFacts([fault.message, ...unsaid(all, [fault.message])]);
    return condition('Accepted', 'False', { reason: fault.reason, message }, generation);
  }
  const bad = listeners.filter((listener) => !isAccepted(listener));
  const ofBad = bad.map(
    (listener) => `listener ${listener.name}: ${(listener.fault ?? listener.conflict)?.message ?? ''}`,
  );
  const facts = [...ofBad, ...unsaid(all, ofBad), ...ignoredFacts(ignored)];
  const ofListeners = bad.length > 0 || problems.some(({ path }) => path.startsWith('spec.listeners'));
  const reason = ofListeners ? 'ListenersNotValid' : 'Accepted';
  const status = bad.length < listeners.length ? 'True' : 'False';
  return condition('Accepted', status, { reason, message: listFacts(facts) }, generation);
}

function programmedCondition(
  { fault, listeners, generation }: GatewayModel,
  delivery: Delivery,
  listenerSets: number,
  addressFault: Fault | undefined,
): DesiredCondition {
  const no = (reason: string, message: string): DesiredCondition =>
    condition('Programmed', 'False', { reason, message }, generation);
  if (fault !== undefined) return no('Invalid', 'the Gateway is not accepted');
  // An accepted ListenerSet has a listener that is served.
  if (listenerSets === 0 && !listeners.some((listener) => listener.served))
    return no('Invalid', 'no listener can be served');
  if (addressFault !== undefined) return no(addressFault.reason, addressFault.message);
  return condition('Programmed', delivery.status, delivery, generation);
}

/** Makes Programmed of a Gateway that lost listeners to others: it names them, and is False where none is left. */
function withoutLost(
  programmed: DesiredCondition,
  lost: readonly string[],
  listeners: readonly ListenerModel[],
): DesiredCondition {
  if (lost.length === 0 || programmed.status !== 'True') return programmed;
  const left = listeners.filter(({ served }) => served).length - lost.length;
  const message = listFacts([programmed.message, ...lost]);
  return left > 0 ? { ...programmed, message } : { ...programmed, status: 'False', reason: 'Invalid', message };
}

/** Leaves those of some problems that none of some facts tells of. */
function unsaid(problems: readonly string[], facts: readonly string[]): readonly string[] {
  return problems.filter((problem) => !facts.some((fact) => fact.includes(problem)));
}

/** Finds the first reference that is not resolved: the Gateway's own come first, then those of its listeners. */
function unresolved({ backendFault, listeners }: GatewayModel): Fault | undefined {
  if (backendFault !== undefined) return backendFault;
  const facts = listeners.flatMap(({ name, references }) =>
    references === undefined ? [] : [`listener ${name}: ${references.message}`],
  );
  return facts.length === 0 ? undefined : { reason: 'ListenersNotResolved', message: listFacts(facts) };
}

function insecureCondition(generation: number): DesiredCondition {
  const message = 'connections are taken without a valid client certificate (mode AllowInsecureFallback)';
  return condition('InsecureFrontendValidationMode', 'True', { reason: 'ConfigurationChanged', message }, generation);
}
