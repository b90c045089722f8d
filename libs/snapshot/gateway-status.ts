// The status of a Gateway and of its listeners, and of a GatewayClass.
import type { DesiredCondition } from '#libs/events/agent-exchange.ts';
import type { GatewayClass } from '#libs/gateway/gateway-class.ts';
import { condition, conditionUnless, type Fault, listFacts, listProblems } from '#libs/snapshot/conditions.ts';
import type { Delivery } from '#libs/snapshot/delivery.ts';
import type { GatewayModel } from '#libs/snapshot/gateway-model.ts';
import type { ListenerModel } from '#libs/snapshot/listeners.ts';

/** Features of the Gateway API that are supported, as GatewayClass.status lists them. */
const supportedFeatures = [
  'Gateway',
  'GatewayHTTPListenerIsolation',
  'GatewayPort8080',
  'HTTPRoute',
  'HTTPRoute303RedirectStatusCode',
  'HTTPRoute307RedirectStatusCode',
  'HTTPRoute308RedirectStatusCode',
  'HTTPRouteBackendProtocolH2C',
  'HTTPRouteBackendProtocolWebSocket',
  'HTTPRouteBackendRequestHeaderModification',
  'HTTPRouteBackendTimeout',
  'HTTPRouteDestinationPortMatching',
  'HTTPRouteHostRewrite',
  'HTTPRouteMethodMatching',
  'HTTPRouteNamedRouteRule',
  'HTTPRouteParentRefPort',
  'HTTPRoutePathRedirect',
  'HTTPRoutePathRewrite',
  'HTTPRoutePortRedirect',
  'HTTPRouteQueryParamMatching',
  'HTTPRouteRequestMirror',
  'HTTPRouteRequestMultipleMirrors',
  'HTTPRouteRequestPercentageMirror',
  'HTTPRouteRequestTimeout',
  'HTTPRouteResponseHeaderModification',
  'HTTPRouteSchemeRedirect',
  'ReferenceGrant',
].map((name) => ({ name }));

/** `status` of a GatewayClass of ours. */
export function gatewayClassStatus(model: GatewayClass, generation: number): Readonly<Record<string, unknown>> {
  const fault =
    model.problems.length === 0 ? undefined : { reason: 'InvalidParameters', message: listProblems(model.problems) };
  return { conditions: [conditionUnless('Accepted', fault, generation)], supportedFeatures };
}

/** `status` of a Gateway of ours. `attachedRoutes` counts the accepted routes of a listener. */
export function gatewayStatus(
  model: GatewayModel,
  delivery: Delivery,
  attachedRoutes: (listener: string) => number,
): Readonly<Record<string, unknown>> {
  const { generation, listeners } = model;
  const accepted = acceptedCondition(model);
  const programmed = programmedCondition(model, delivery);
  return {
    addresses: usableAddresses(model, delivery),
    conditions: [accepted, programmed],
    listeners: listeners.map((listener) => ({
      name: listener.name,
      supportedKinds: listener.kinds,
      attachedRoutes: attachedRoutes(listener.name),
      conditions: listenerConditions(listener, programmed, generation),
    })),
  };
}

function acceptedCondition({ fault, listeners, problems, generation }: GatewayModel): DesiredCondition {
  if (fault !== undefined) return condition('Accepted', 'False', fault, generation);
  const bad = listeners.filter((listener) => listener.fault !== undefined || listener.conflict !== undefined);
  const facts = [
    ...bad.map((listener) => `listener ${listener.name}: ${(listener.fault ?? listener.conflict)?.message ?? ''}`),
    ...(problems.length > 0 ? [listProblems(problems)] : []),
  ];
  if (facts.length === 0) return condition('Accepted', 'True', { reason: 'Accepted', message: '' }, generation);
  const status = bad.length < listeners.length ? 'True' : 'False';
  return condition('Accepted', status, { reason: 'ListenersNotValid', message: listFacts(facts) }, generation);
}

function programmedCondition(model: GatewayModel, delivery: Delivery): DesiredCondition {
  const { fault, listeners, addresses, generation } = model;
  const no = (reason: string, message: string): DesiredCondition =>
    condition('Programmed', 'False', { reason, message }, generation);
  if (fault !== undefined) return no('Invalid', 'the Gateway is not accepted');
  if (!listeners.some((listener) => listener.served)) return no('Invalid', 'no listener can be served');
  const missing = addresses.filter((address) => !delivery.addresses.some(({ value }) => value === address));
  if (missing.length > 0) return no('AddressNotUsable', `no node has the address ${listFacts(missing)}`);
  return condition('Programmed', delivery.status, delivery, generation);
}

function usableAddresses({ addresses }: GatewayModel, delivery: Delivery): Delivery['addresses'] {
  return addresses.length === 0
    ? delivery.addresses
    : delivery.addresses.filter(({ value }) => addresses.includes(value));
}

function listenerConditions(
  listener: ListenerModel,
  gateway: DesiredCondition,
  generation: number,
): readonly DesiredCondition[] {
  const { fault, conflict, references, overlap, served } = listener;
  const conflicted: Fault = conflict ?? { reason: 'NoConflicts', message: '' };
  const notAccepted = fault ?? (conflict && { reason: conflict.reason, message: conflict.message });
  const conditions = [
    conditionUnless('Accepted', notAccepted, generation),
    served
      ? condition('Programmed', gateway.status, gateway, generation)
      : condition('Programmed', 'False', { reason: 'Invalid', message: 'the listener cannot be served' }, generation),
    conditionUnless('ResolvedRefs', references, generation),
    condition('Conflicted', conflict === undefined ? 'False' : 'True', conflicted, generation),
  ];
  return overlap === undefined
    ? conditions
    : [...conditions, condition('OverlappingTLSConfig', 'True', overlap, generation)];
}
