// Answers GET /whoami, GET /clusters, and what is ordered of whole clusters.
import { endpoints } from '#libs/api/endpoints.ts';
import { Problem } from '#libs/api/problem.ts';
import type { Visitor } from '../../access/tokens.ts';
import { type ClusterOrder, orderOfCluster } from '../../commands/cluster-orders.ts';
import { type Api, serve } from '../endpoint.ts';
import { badCursor, parseCursor, toPage } from '../page.ts';
import { readClusters } from '../reads/clusters.ts';

export const readWhoAmI = serve(endpoints.readWhoAmI, async (api, _input, { name, role, tokenId }) => ({
  name,
  role,
  tokenId,
  version: api.version,
}));

export const listClusters = serve(endpoints.listClusters, async (api, { query }) => {
  const key = parseCursor(query.after, 1);
  if (key === null) return badCursor;
  const items = await readClusters(api.db, key?.[0] ?? '', query.limit, query.removed === 'true' ? 'with' : 'without');
  return toPage(
    items,
    query.limit,
    (item) => item,
    ({ identity }) => [identity],
  );
});

export const removeCluster = serve(endpoints.removeCluster, (api, { params: { cluster }, body: { reason } }, caller) =>
  order(api, caller, { type: 'cluster-removed', cluster, reason }),
);

export const readmitCluster = serve(
  endpoints.readmitCluster,
  (api, { params: { cluster }, body: { reason } }, caller) =>
    order(api, caller, { type: 'cluster-readmitted', cluster, reason }),
);

export const renameCluster = serve(endpoints.renameCluster, (api, { params: { cluster }, body }, caller) =>
  order(api, caller, { type: 'cluster-renamed', cluster, reason: body.reason, shown: body.to }),
);

async function order(api: Api, caller: Visitor, asked: ClusterOrder) {
  const done = await orderOfCluster(api.db, caller, asked);
  if (!(done instanceof Problem)) api.names.forget();
  return done;
}
