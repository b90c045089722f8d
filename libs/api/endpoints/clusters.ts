// Says how whole clusters are removed from the fleet, taken on again, and shown by another name.
import { z } from 'zod';
import { type Endpoint, apiPrefix } from '#libs/api/endpoint.ts';
import { clusterChange } from '#libs/api/models/cluster.ts';
import { clusterName, text } from '#libs/api/parameters.ts';

const why = { reason: text(1000).optional().describe('For the history.') };
const order = { method: 'POST', role: 'admin', tag: 'commands', returns: clusterChange } as const;
const clusterPath = z.object({ cluster: clusterName });
const refuses = ['not-found', 'conflict', 'busy'] as const;

export const clustersEndpoints = {
  removeCluster: {
    ...order,
    path: `${apiPrefix}/clusters/:cluster/remove`,
    summary: 'Serve nothing of a cluster any more',
    description:
      'All its objects are gone with one event, which sanity limits do not hold back, and pins of its gateways end. ' +
      'Its history and its versions stay. Its agent is refused from then on.',
    input: z.object({ params: clusterPath, body: z.strictObject(why) }),
    refuses,
  },
  readmitCluster: {
    ...order,
    path: `${apiPrefix}/clusters/:cluster/readmit`,
    summary: 'Take a cluster on again that was removed',
    description: 'Its agent tells anew what there is.',
    input: z.object({ params: clusterPath, body: z.strictObject(why) }),
    refuses,
  },
  renameCluster: {
    ...order,
    path: `${apiPrefix}/clusters/:cluster/rename`,
    summary: 'Show a cluster by another name',
    description: 'Its name in keys and digests stays, and is understood like the new one. Its agent may use either.',
    input: z.object({ params: clusterPath, body: z.strictObject({ ...why, to: clusterName }) }),
    refuses,
  },
} as const satisfies Readonly<Record<string, Endpoint>>;
