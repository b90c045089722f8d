// Holds places for filters that travel with routes. Each place is a few filters of every connection manager that do
// nothing by themselves: what runs there stands on virtual hosts (before routing) or on routes and weighted clusters
// (after it), and comes and goes with their tables. So no such change touches a listener, and no connection is drained.
//
//   host ─▶ locator ─▶ before routing ─▶ route is matched anew ─▶ after routing ─▶ router
//
// A composite filter asks for its per-route configuration when a request gets to it: by the route that holds then. The
// filter made for chains (filter_chain) asks when the stream begins, by a route that the locator and what runs before
// routing may still change: rules found through the locator would go unprotected. A composite filter runs one filter
// well; of several in one, those behind the first that waits for an answer are left out. Hence one each.
import { servicesAskedMax } from '#libs/gateway/filters/external-auth.ts';
import type { ProtoMessage } from './resources.ts';

export type PolicyPlace = 'before-routing' | 'after-routing';

const types = 'type.googleapis.com/envoy.extensions.filters.http.composite.v3';

/** The filters of a connection manager that hold the places, in order. */
export const policyFilters: readonly ProtoMessage[] = (['before-routing', 'after-routing'] as const).flatMap((place) =>
  Array.from({ length: servicesAskedMax }, (_, index) => ({
    name: nameOf(place, index),
    typed_config: { '@type': `${types}.Composite` },
  })),
);

/**
 * Gives the per-route configuration of a virtual host, route or weighted cluster that puts filters into a place, behind
 * `from` others that stand on a wider one. At most `servicesAskedMax` in all.
 */
export function placed(place: PolicyPlace, filters: readonly ProtoMessage[], from = 0): ProtoMessage {
  return Object.fromEntries(filters.map((filter, index) => [nameOf(place, from + index), running(filter)]));
}

function running(filter: ProtoMessage): ProtoMessage {
  const action = {
    name: 'fleetgate.run',
    typed_config: { '@type': `${types}.ExecuteFilterAction`, typed_config: filter },
  };
  return { '@type': `${types}.CompositePerRoute`, matcher: { on_no_match: { action } } };
}

function nameOf(place: PolicyPlace, index: number): string {
  return `fleetgate.${place}.${index}`;
}
