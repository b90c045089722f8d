// Reads the fleet as it was at a time, an event, or a version of a gateway.
import type { z } from 'zod';
import { endpoints } from '#libs/api/endpoints.ts';
import type { gatewayThen, moment, routeThen } from '#libs/api/models/past.ts';
import type { FleetClient } from '../client/fleet-client.ts';
import { readPages } from '../client/paged-answers.ts';

export type GatewayThen = z.output<typeof gatewayThen>;
export type RouteThen = z.output<typeof routeThen>;
export type MomentThen = z.output<typeof moment>;

type RouteQuery = Omit<z.input<typeof endpoints.listRoutesThen.input>['query'], 'after' | 'limit'>;
type GatewayQuery = Omit<z.input<typeof endpoints.listGatewaysThen.input>['query'], 'after' | 'limit'>;

const pageMax = '1000';

/** A list with the place in the history that it is of. */
interface Then<T> {
  readonly moment: MomentThen;
  readonly items: readonly T[];
}

/** Reads the routes that there were. Throws FleetgateError 'not-found' where the history has no such place. */
export async function readRoutesThen(client: FleetClient, query: RouteQuery): Promise<Then<RouteThen>> {
  const pages = await readPages((after) =>
    client.call(endpoints.listRoutesThen, { query: { ...query, limit: pageMax, after } }),
  );
  return { moment: pages[0].moment, items: pages.flatMap(({ items }) => items) };
}

/** Reads the gateways that there were, by default without those that were gone. Throws as above. */
export async function readGatewaysThen(client: FleetClient, query: GatewayQuery): Promise<Then<GatewayThen>> {
  const pages = await readPages((after) =>
    client.call(endpoints.listGatewaysThen, { query: { ...query, limit: pageMax, after } }),
  );
  return { moment: pages[0].moment, items: pages.flatMap(({ items }) => items) };
}
