// Merges the parts of statuses that only older APIs have: `gateways` of routes of Service APIs, and `loadBalancer` of
// Ingresses.
import { canonicalJson } from '#libs/gateway/canonical.ts';
import { isRecord, recordsOf } from '#libs/gateway/fields/record.ts';
import type { StatusFields } from './status-fields.ts';

const gatewaysMax = 100;

/**
 * Merges `gateways`, whose entries have no controllerName: ours have a condition of ours. `withTimes` gives an entry
 * the times of the one before.
 */
export function mergeGateways(
  live: unknown,
  desired: unknown,
  withTimes: (own: StatusFields, before: StatusFields) => StatusFields,
): unknown {
  const wanted = new Map(recordsOf(desired).map((entry) => [canonicalJson(entry['gatewayRef']), entry]));
  const merged: StatusFields[] = [];
  for (const entry of recordsOf(live)) {
    const key = canonicalJson(entry['gatewayRef']);
    const own = wanted.get(key);
    wanted.delete(key);
    if (own !== undefined) merged.push(withTimes(own, entry));
    else if (!isOurs(entry)) merged.push(entry);
  }
  return [...merged, ...[...wanted.values()].map((own) => withTimes(own, {}))].slice(0, gatewaysMax);
}

/** Merges `loadBalancer`; a merge patch takes a field away by null. */
export function mergeLoadBalancer(live: unknown, desired: unknown): unknown {
  const wanted = isRecord(desired) ? recordsOf(desired['ingress']) : [];
  if (wanted.length > 0) return { ingress: wanted };
  const before = isRecord(live) ? recordsOf(live['ingress']) : [];
  return before.length === 0 ? live : { ingress: null };
}

function isOurs(entry: StatusFields): boolean {
  return recordsOf(entry['conditions']).some(
    ({ type }) => typeof type === 'string' && type.startsWith('fleetgate.dev/'),
  );
}
