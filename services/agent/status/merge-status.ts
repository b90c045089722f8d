// Lays a desired status into a live one: what is ours is replaced, what is others' stays, and a condition keeps its
// lastTransitionTime while its status does not change.
import { canonicalJson } from '#libs/gateway/canonical.ts';
import { isRecord, recordsOf } from '#libs/gateway/fields/record.ts';
import { controllerName } from '#libs/gateway/kinds.ts';
import { mergeGateways, mergeLoadBalancer } from './merge-older-status.ts';
import type { StatusFields } from './status-fields.ts';

/** Limits of the Gateway API on status lists. */
const entriesMax: Readonly<Record<string, number>> = { parents: 32, ancestors: 16 };

/** How many objects are attached: what changes with each of them. */
const counts: ReadonlySet<string> = new Set(['attachedRoutes', 'attachedListenerSets']);

/** What an API server fills in; left out by us it would make each comparison fail. */
const referenceDefaults = { group: 'gateway.networking.k8s.io', kind: 'Gateway' };

/**
 * Gives the fields of the status to write, as a JSON merge patch; null when the live status says it all already.
 * `now` is in RFC 3339, for the conditions that change.
 */
export function mergeStatus(live: StatusFields, desired: StatusFields, now: string): StatusFields | null {
  const changed: Record<string, unknown> = {};
  for (const [field, value] of Object.entries(writtenFields(desired))) {
    const merged = mergeField(field, live[field], value, now);
    if (canonicalJson(merged) !== canonicalJson(live[field] ?? emptyOf(merged))) changed[field] = merged;
  }
  return Object.keys(changed).length === 0 ? null : changed;
}

/** Leaves out of an Ingress what it has no field for. */
function writtenFields(desired: StatusFields): StatusFields {
  return 'loadBalancer' in desired ? { loadBalancer: desired['loadBalancer'] } : desired;
}

/** Tells whether `fields` would change numbers of attached objects in the live status and nothing else. */
export function changesOnlyCounts(live: StatusFields, fields: StatusFields): boolean {
  return Object.entries(fields).every(
    ([field, value]) =>
      counts.has(field) || canonicalJson(withoutCounts(value)) === canonicalJson(withoutCounts(live[field])),
  );
}

function withoutCounts(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutCounts);
  if (!isRecord(value)) return value;
  const kept = Object.entries(value).filter(([field]) => !counts.has(field));
  return Object.fromEntries(kept.map(([field, inner]) => [field, withoutCounts(inner)]));
}

function mergeField(field: string, live: unknown, desired: unknown, now: string): unknown {
  switch (field) {
    case 'parents':
      return mergeEntries(field, 'parentRef', live, desired, now);
    case 'ancestors':
      return mergeEntries(field, 'ancestorRef', live, desired, now);
    case 'conditions':
      return mergeConditions(live, desired, now);
    case 'listeners':
      return mergeListeners(live, desired, now);
    case 'gateways':
      return mergeGateways(live, desired, (own, before) => withConditions(own, before, now));
    case 'loadBalancer':
      return mergeLoadBalancer(live, desired);
    case 'addresses':
      return recordsOf(desired).map((address) => Object.assign({ type: 'IPAddress' }, address));
    default:
      return desired;
  }
}

/** Merges entries of parents or ancestors: ours are those with our controllerName. */
function mergeEntries(field: string, refField: string, live: unknown, desired: unknown, now: string): unknown {
  const wanted = new Map<string, StatusFields>();
  for (const entry of recordsOf(desired)) {
    const ref = withReferenceDefaults(entry[refField]);
    wanted.set(canonicalJson(ref), { ...entry, [refField]: ref, controllerName });
  }
  const merged: StatusFields[] = [];
  for (const entry of recordsOf(live)) {
    if (entry['controllerName'] !== controllerName) {
      merged.push(entry);
      continue;
    }
    const key = canonicalJson(withReferenceDefaults(entry[refField]));
    const own = wanted.get(key);
    wanted.delete(key);
    if (own !== undefined) merged.push(withConditions(own, entry, now));
  }
  const added = [...wanted.values()].map((own) => withConditions(own, {}, now));
  return [...merged, ...added].slice(0, entriesMax[field]);
}

function mergeListeners(live: unknown, desired: unknown, now: string): unknown {
  const before = new Map(recordsOf(live).map((listener) => [listenerKey(listener), listener]));
  return recordsOf(desired).map((listener) => {
    const kinds = recordsOf(listener['supportedKinds']).map((kind) =>
      Object.assign({ group: referenceDefaults.group }, kind),
    );
    const filled = listener['supportedKinds'] === undefined ? listener : { ...listener, supportedKinds: kinds };
    return withConditions(filled, before.get(listenerKey(listener)) ?? {}, now);
  });
}

/** Gives what names a listener: of Service APIs, whose listeners have no names, the port. */
function listenerKey(listener: StatusFields): unknown {
  return listener['name'] ?? listener['port'];
}

function withConditions(own: StatusFields, live: StatusFields, now: string): StatusFields {
  return { ...own, conditions: mergeConditions(live['conditions'], own['conditions'], now) };
}

/** Takes our conditions, with the times of the live ones, and of the live ones those that only others can have set. */
function mergeConditions(live: unknown, desired: unknown, now: string): readonly StatusFields[] {
  const before = new Map(recordsOf(live).map((condition) => [condition['type'], condition]));
  const wanted = new Map(recordsOf(desired).map((condition) => [condition['type'], condition]));
  const merged: StatusFields[] = [];
  const take = (condition: StatusFields): void => {
    const old = before.get(condition['type']);
    const lastTransitionTime = old?.['status'] === condition['status'] ? (old?.['lastTransitionTime'] ?? now) : now;
    merged.push({ ...condition, lastTransitionTime });
  };
  for (const [type, condition] of before) {
    const own = wanted.get(type);
    wanted.delete(type);
    if (own !== undefined) take(own);
    else if (isForeign(type)) merged.push(condition);
  }
  for (const condition of wanted.values()) take(condition);
  return merged;
}

/** Types without a prefix belong to the Gateway API, and so to the controller of the object. */
function isForeign(type: unknown): boolean {
  return typeof type === 'string' && type.includes('/') && !type.startsWith('fleetgate.dev/');
}

function withReferenceDefaults(ref: unknown): StatusFields {
  return { ...referenceDefaults, ...(isRecord(ref) ? ref : {}) };
}

/** Gives the value that means the same as no such field; earlier versions of the API do not have the counts. */
function emptyOf(value: unknown): unknown {
  if (typeof value === 'number') return 0;
  return Array.isArray(value) ? [] : undefined;
}
