// Says how the API answers what the fleet was at a time.
import { z } from 'zod';
import { type Endpoint, apiPrefix } from '#libs/api/endpoint.ts';
import { pageOf } from '#libs/api/models/page.ts';
import { gatewayThen, moment, routeThen } from '#libs/api/models/past.ts';
import {
  clusterName,
  cursor,
  gatewayKey,
  gatewayVersion,
  instant,
  limit,
  namespaceName,
  routeKinds,
  sequencePlace,
  yesOrNo,
} from '#libs/api/parameters.ts';

const pageMax = 1000;
const at = z
  .union([instant, sequencePlace, gatewayVersion], {
    error: 'must be a time (2026-01-31T09:30:00Z), #12345, or cluster/namespace/name@17',
  })
  .describe('A time, the number of an event with # before it, or a version of a gateway: eu/platform/shared@17.');

export const pastEndpoints = {
  listRoutesThen: {
    method: 'GET',
    path: `${apiPrefix}/at/routes`,
    role: 'viewer',
    tag: 'history',
    summary: 'Routes as they were at a time, and by which gateways they were served',
    description: 'Whether a route was accepted is not in the history; whether it was served is.',
    input: z.object({
      query: z.object({
        at,
        cluster: clusterName.optional(),
        kind: z.enum(routeKinds).optional(),
        namespace: namespaceName.optional(),
        gateway: gatewayKey.optional().describe('Routes that named this gateway as parent.'),
        limit: limit(pageMax),
        after: cursor,
      }),
    }),
    returns: pageOf(routeThen).extend({ moment }),
    refuses: ['not-found'],
  },
  listGatewaysThen: {
    method: 'GET',
    path: `${apiPrefix}/at/gateways`,
    role: 'viewer',
    tag: 'history',
    summary: 'Gateways as they were at a time: which version served, and whether it was pinned',
    description: 'What nodes reported, alarms and problems are not in the history.',
    input: z.object({
      query: z.object({
        at,
        cluster: clusterName.optional(),
        gateway: gatewayKey.optional(),
        deleted: yesOrNo.describe('true = with those that were gone.'),
        limit: limit(pageMax),
        after: cursor,
      }),
    }),
    returns: pageOf(gatewayThen).extend({ moment }),
    refuses: ['not-found'],
  },
} as const satisfies Readonly<Record<string, Endpoint>>;
