// Writes statuses of v1 in the words of Service APIs 0.1 and of Ingress: their users see the truth on their own
// objects.
import { compareKeys } from '#libs/gateway/compare-text.ts';
import type { DesiredCondition } from '#libs/events/agent-exchange.ts';
import { fieldsOf, type Fields, itemsOf, type Place, textOf } from '#libs/gateway/conversion/conversion.ts';
import { describeProblem, type Problem } from '#libs/gateway/problem.ts';
import { condition, type ConditionStatus, listFacts } from '#libs/projection/model/conditions.ts';
import { toNamespacedKey } from '#libs/gateway/object-key.ts';

type Status = Readonly<Record<string, unknown>>;

/** Writes `status` of a GatewayClass. */
export function olderClassStatus(status: Status, warnings: readonly string[]): Status {
  const found = as(find(status['conditions'], 'Accepted'), 'Admitted');
  const message = listFacts([found.message, ...warnings].filter((one) => one !== ''));
  return { conditions: [condition('Admitted', found.status, { ...found, message }, found.observedGeneration)] };
}

/**
 * Writes `status` of a Gateway. Its listeners are those of the object, in order, with the names that they have in v1.
 */
export function olderGatewayStatus(
  status: Status,
  listeners: readonly { readonly name: string; readonly listener: Fields }[],
): Status {
  const accepted = find(status['conditions'], 'Accepted');
  const programmed = find(status['conditions'], 'Programmed');
  const invalid = accepted.reason === 'ListenersNotValid';
  const scheduled: DesiredCondition =
    accepted.status === 'True' || invalid
      ? { ...accepted, type: 'Scheduled', status: 'True', reason: 'Scheduled' }
      : as(accepted, 'Scheduled');
  const notReady = invalid
    ? 'ListenersNotValid'
    : addressReasons.has(programmed.reason)
      ? 'AddressNotAssigned'
      : 'ListenersNotReady';
  const ready = { ...programmed, type: 'Ready', reason: programmed.status === 'True' ? 'Ready' : notReady };
  return {
    addresses: itemsOf(status['addresses']).filter((address) => fieldsOf(address)['type'] === 'IPAddress'),
    conditions: [scheduled, ready],
    listeners: byPort(status, listeners),
  };
}

/** Writes `status` of a Gateway whose name a Gateway of v1 has. */
export function collidingGatewayStatus(place: Place, generation: number): Status {
  const name = `${place.namespace}/${place.name}`;
  const message = `there is a Gateway ${name} of gateway.networking.k8s.io, and that one is served`;
  const fault = { reason: 'NameConflict', message };
  return {
    addresses: [],
    conditions: [
      condition('Scheduled', 'False', fault, generation),
      condition('Ready', 'False', { ...fault, reason: 'ListenersNotReady' }, generation),
    ],
    listeners: [],
  };
}

/** Writes `status` of a route: what v1 says of its parents, and the Gateways that it does not allow. */
export function olderRouteStatus(
  status: Status | undefined,
  refused: readonly Place[],
  problems: readonly Problem[],
  namespace: string,
  generation: number,
): Status {
  const gateways = new Map<string, { gatewayRef: Place; conditions: readonly DesiredCondition[] }>();
  for (const item of itemsOf(status?.['parents'])) {
    const { parentRef, conditions } = fieldsOf(item);
    const { name, namespace: written } = fieldsOf(parentRef);
    const gatewayRef = { name: textOf(name) ?? '', namespace: textOf(written) ?? namespace };
    const key = toNamespacedKey(gatewayRef);
    const own = routeConditions(conditions);
    // Of several listeners of one Gateway the first that takes the route speaks.
    const before = gateways.get(key)?.conditions[0];
    if (before === undefined || (before.status !== 'True' && own[0]?.status === 'True')) {
      gateways.set(key, { gatewayRef, conditions: own });
    }
  }
  for (const gatewayRef of refused) {
    const message = listFacts([
      'spec.gateways of the route does not allow the Gateway',
      ...problems.map(describeProblem),
    ]);
    const admitted = condition('Admitted', 'False', { reason: 'GatewayNotAllowed', message }, generation);
    gateways.set(toNamespacedKey(gatewayRef), {
      gatewayRef,
      conditions: [admitted, ownMark(generation)],
    });
  }
  return { gateways: [...gateways].toSorted(compareKeys).map(([, entry]) => entry) };
}

/**
 * Writes `status` of an Ingress: where it is served, once a Gateway takes it, and on which ports. Its `parents` are for
 * our own API: the object has no field for them, and agents write loadBalancer only.
 */
export function ingressStatus(
  route: Status | undefined,
  gateway: Status | undefined,
  ports: readonly { readonly port: number; readonly fault?: string }[],
): Status {
  const taken = itemsOf(route?.['parents']).some(
    (parent) => find(fieldsOf(parent)['conditions'], 'Accepted').status === 'True',
  );
  const portStatuses = ports.map(({ port, fault }) => ({
    port,
    protocol: 'TCP',
    ...(fault === undefined ? {} : { error: `fleetgate.dev/${fault}` }),
  }));
  const ingress = (taken ? itemsOf(gateway?.['addresses']) : []).flatMap((address) => {
    const { type, value } = fieldsOf(address);
    return [{ [type === 'Hostname' ? 'hostname' : 'ip']: value, ports: portStatuses }];
  });
  return { loadBalancer: { ingress }, parents: itemsOf(route?.['parents']) };
}

/** Writes `status` of a BackendPolicy, from those of the policies that it comes to. */
export function olderPolicyStatus(
  statuses: readonly (Status | undefined)[],
  problems: readonly Problem[],
  warnings: readonly string[],
  generation: number,
): Status {
  const all = statuses.flatMap((status) =>
    itemsOf(status?.['ancestors']).flatMap((ancestor) => itemsOf(fieldsOf(ancestor)['conditions'])),
  );
  const faults = all.map((one) => fieldsOf(one)).filter(({ status }) => status === 'False');
  const missing = faults.find(({ reason }) => reason === 'TargetNotFound');
  const texts = [...problems.map(describeProblem), ...faults.flatMap(({ message: text }) => textOf(text) ?? [])];
  const message = [...new Set(texts)].join('; ');
  const invalid = faults.length > 0 || problems.length > 0;
  const noSuchBackend = condition(
    'NoSuchBackend',
    missing === undefined ? 'False' : 'True',
    missing === undefined
      ? { reason: 'BackendsFound', message: '' }
      : { reason: 'BackendNotFound', message: textOf(missing['message']) ?? '' },
    generation,
  );
  const applied = condition(
    'fleetgate.dev/Applied',
    invalid || statuses.length === 0 ? 'False' : 'True',
    {
      reason: invalid ? 'Invalid' : statuses.length === 0 ? 'Unsupported' : 'Applied',
      message: message || warnings.join('; '),
    },
    generation,
  );
  return { conditions: [noSuchBackend, applied] };
}

const goodWhenFalse: ReadonlySet<string> = new Set(['Conflicted', 'Detached']);
const addressReasons: ReadonlySet<string> = new Set(['AddressNotAssigned', 'AddressNotUsable']);

/** Lists by port: listeners on one port share an entry, that of the one with which most is wrong. */
function byPort(
  status: Status,
  listeners: readonly { readonly name: string; readonly listener: Fields }[],
): readonly Fields[] {
  const found = new Map(
    itemsOf(status['listeners']).map((one) => [fieldsOf(one)['name'], fieldsOf(one)['conditions']]),
  );
  const entries = new Map<number, { readonly entry: Fields; readonly wrong: number }>();
  for (const { name, listener } of listeners) {
    const { port, protocol, hostname } = listener;
    const conditions = found.get(name);
    // What the CRD does not take would cost the whole status.
    if (conditions === undefined || !isPort(port) || typeof protocol !== 'string') continue;
    const own = listenerConditions(conditions, find(conditions, 'Programmed'));
    const wrong = own.filter(({ type, status: is }) => is === (goodWhenFalse.has(type) ? 'True' : 'False')).length;
    if ((entries.get(port)?.wrong ?? -1) >= wrong) continue;
    const host = typeof hostname === 'string' && hostname.length > 0 && hostname.length <= 253 ? { hostname } : {};
    entries.set(port, { entry: { port, protocol, ...host, conditions: own }, wrong });
  }
  return [...entries.values()].map(({ entry }) => entry);
}

function isPort(port: unknown): port is number {
  return typeof port === 'number' && Number.isInteger(port) && port >= 1 && port <= 65535;
}

function listenerConditions(conditions: unknown, ready: DesiredCondition): readonly DesiredCondition[] {
  const conflicted = find(conditions, 'Conflicted');
  const accepted = find(conditions, 'Accepted');
  const detached = accepted.status === 'False' && conflicted.status !== 'True';
  return [
    conflicted,
    {
      ...accepted,
      type: 'Detached',
      status: detached ? 'True' : 'False',
      reason: detached ? accepted.reason : 'Attached',
    },
    find(conditions, 'ResolvedRefs'),
    as(ready, 'Ready'),
  ];
}

function routeConditions(conditions: unknown): readonly DesiredCondition[] {
  const others = itemsOf(conditions)
    .map((one) => textOf(fieldsOf(one)['type']) ?? '')
    .filter((type) => type !== 'Accepted')
    .map((type) => as(find(conditions, type), type.includes('/') ? type : `fleetgate.dev/${type}`));
  return [as(find(conditions, 'Accepted'), 'Admitted'), ...others];
}

/** Makes a condition of ours, which tells the agent whose entry one is: entries of a route have no controllerName. */
function ownMark(generation: number): DesiredCondition {
  return condition('fleetgate.dev/ResolvedRefs', 'Unknown', { reason: 'Pending', message: '' }, generation);
}

function as(found: DesiredCondition, type: string): DesiredCondition {
  const reason =
    found.status === 'True' && found.reason === found.type ? (type.split('/').at(-1) ?? type) : found.reason;
  return { ...found, type, reason };
}

function find(conditions: unknown, type: string): DesiredCondition {
  const found =
    itemsOf(conditions)
      .map(fieldsOf)
      .find((one) => one['type'] === type) ?? {};
  const status: ConditionStatus =
    found['status'] === 'True' ? 'True' : found['status'] === 'False' ? 'False' : 'Unknown';
  const { reason, message, observedGeneration } = found;
  return {
    type,
    status,
    reason: textOf(reason) ?? 'Pending',
    message: textOf(message) ?? '',
    observedGeneration: typeof observedGeneration === 'number' ? observedGeneration : 0,
  };
}
