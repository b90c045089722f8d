// Says how the API answers what nodes there are, and how one is removed.
import { z } from 'zod';
import { type Endpoint, apiPrefix } from '#libs/api/endpoint.ts';
import { fleetNode, removedNode } from '#libs/api/models/node.ts';
import { pageOf } from '#libs/api/models/page.ts';
import { cursor, limit, nodeName, plainText, search } from '#libs/api/parameters.ts';

export const nodesEndpoints = {
  listNodes: {
    method: 'GET',
    path: `${apiPrefix}/nodes`,
    role: 'viewer',
    tag: 'fleet',
    summary: 'Nodes, what each serves and what it rejected',
    input: z.object({
      query: z.object({
        status: z.enum(['connected', 'unknown']).optional(),
        q: search.describe("Part of the node's name."),
        limit: limit(),
        after: cursor,
      }),
    }),
    returns: pageOf(fleetNode),
  },
  removeNode: {
    method: 'DELETE',
    path: `${apiPrefix}/nodes/:node`,
    role: 'operator',
    tag: 'fleet',
    summary: 'Count a silent node no more',
    description:
      'A node counts until it says goodbye, is removed here, or has been silent for as long as control was told. ' +
      'One that connects again counts again.',
    input: z.object({
      params: z.object({ node: nodeName }),
      query: z.object({ reason: plainText.max(1000).optional().describe('For the history.') }),
    }),
    returns: removedNode,
    refuses: ['not-found', 'conflict'],
  },
} as const satisfies Readonly<Record<string, Endpoint>>;
