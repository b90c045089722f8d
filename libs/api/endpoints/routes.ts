// Says how the API answers what routes the fleet has.
import { z } from 'zod';
import { type Endpoint, apiPrefix } from '#libs/api/endpoint.ts';
import { pageOf } from '#libs/api/models/page.ts';
import { fleetRoute } from '#libs/api/models/route.ts';
import {
  clusterName,
  cursor,
  gatewayKey,
  limit,
  namespaceName,
  plainText,
  routeKinds,
  search,
  yesOrNo,
} from '#libs/api/parameters.ts';

export const routesEndpoints = {
  listRoutes: {
    method: 'GET',
    path: `${apiPrefix}/routes`,
    role: 'viewer',
    tag: 'fleet',
    summary: 'Every route of the fleet: accepted or why not, last changed by whom and when',
    input: z.object({
      query: z.object({
        cluster: clusterName.optional(),
        kind: z.enum(routeKinds).optional(),
        namespace: namespaceName.optional(),
        gateway: gatewayKey
          .optional()
          .describe('Routes that name this gateway as parent and that it says something about.'),
        accepted: yesOrNo.describe('false = not accepted by a gateway, or accepted by none.'),
        manager: plainText.optional().describe('Who changed it last.'),
        q: search.describe('Text that its name, hostnames or any other part of it contains.'),
        limit: limit(),
        after: cursor,
      }),
    }),
    returns: pageOf(fleetRoute),
    refuses: ['not-found'],
  },
} as const satisfies Readonly<Record<string, Endpoint>>;
