// Holds the two places for filters that travel with routes. Each is a filter of every connection manager that does
// nothing by itself: what runs there stands on virtual hosts (before routing) or on routes and weighted clusters (after
// it), and comes and goes with their tables. So no such change touches a listener, and no connection is drained for it.
//
//   host ─▶ locator ─▶ before routing ─▶ route is matched anew ─▶ after routing ─▶ router
import type { ProtoMessage } from './resources.ts';

const types = 'type.googleapis.com/envoy.extensions.filters.http.filter_chain.v3';

/** Names the places; per-route configuration refers to them by these names. */
type PolicyPlace = 'fleetgate.before-routing' | 'fleetgate.after-routing';

/** The filters of a connection manager that hold the places, in order. */
export const policyFilters: readonly ProtoMessage[] = [
  place('fleetgate.before-routing'),
  place('fleetgate.after-routing'),
];

function place(name: PolicyPlace): ProtoMessage {
  return { name, typed_config: { '@type': `${types}.FilterChainConfig` } };
}
