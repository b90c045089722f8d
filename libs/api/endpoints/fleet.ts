// Says how the API answers what the fleet is made of: clusters, projectors and gateways.
import { z } from 'zod';
import { type Endpoint, apiPrefix, gatewayAt } from '#libs/api/endpoint.ts';
import { cluster } from '#libs/api/models/cluster.ts';
import { gatewayDetail, gatewaySummary } from '#libs/api/models/gateway.ts';
import { pageOf } from '#libs/api/models/page.ts';
import { projector } from '#libs/api/models/projector.ts';
import { clusterName, cursor, gatewayPath, limit, page, search, yesOrNo } from '#libs/api/parameters.ts';

export const fleetEndpoints = {
  listClusters: {
    method: 'GET',
    path: `${apiPrefix}/clusters`,
    role: 'viewer',
    tag: 'fleet',
    summary: 'Clusters, their agents and how many objects the history holds of each',
    input: z.object({
      query: page.extend({ removed: yesOrNo.describe('true = with those that were removed.') }),
    }),
    returns: pageOf(cluster),
  },
  listProjectors: {
    method: 'GET',
    path: `${apiPrefix}/projectors`,
    role: 'viewer',
    tag: 'fleet',
    summary: 'Projectors: which one leads and since when, and which ones stand by',
    input: z.object({ query: page }),
    returns: pageOf(projector),
  },
  listGateways: {
    method: 'GET',
    path: `${apiPrefix}/gateways`,
    role: 'viewer',
    tag: 'fleet',
    summary: 'Gateways and where their versions stand',
    input: z.object({
      query: z.object({
        cluster: clusterName.optional(),
        q: search.describe('Part of cluster/namespace/name.'),
        deleted: yesOrNo.describe('true = with those that are gone.'),
        limit: limit(),
        after: cursor,
      }),
    }),
    returns: pageOf(gatewaySummary),
    refuses: ['not-found'],
  },
  readGateway: {
    method: 'GET',
    path: gatewayAt,
    role: 'viewer',
    tag: 'fleet',
    summary: 'One gateway: versions, listeners, conditions, nodes',
    input: z.object({ params: gatewayPath }),
    returns: gatewayDetail,
    refuses: ['not-found'],
  },
} as const satisfies Readonly<Record<string, Endpoint>>;
