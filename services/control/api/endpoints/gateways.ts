// Answers GET /gateways and GET of one of them.
import { endpoints } from '#libs/api/endpoints.ts';
import { toPlaceKey } from '#libs/gateway/object-key.ts';
import { serve } from '../endpoint.ts';
import { badCursor, cutPage, parseCursor } from '../page.ts';
import { absentPlace } from '../reads/absent-place.ts';
import { likePattern } from '../reads/conditions.ts';
import { readGatewayNodes, readGatewayObject } from '../reads/gateway-detail.ts';
import { findGateway, readGatewayRows, toSummaries } from '../reads/gateways.ts';
import { noGateway } from '../../not-found.ts';

export const listGateways = serve(endpoints.listGateways, async (api, { query }) => {
  const after = parseCursor(query.after, 3);
  if (after === null) return badCursor;
  const rows = await readGatewayRows(api.db, {
    cluster: query.cluster,
    pattern: likePattern(query.q),
    deleted: query.deleted === 'true' ? 'with' : 'without',
    after,
    limit: query.limit,
  });
  if (rows.length === 0) {
    const absent = await absentPlace(api.db, query);
    if (absent !== undefined) return absent;
  }
  const { shown, next } = cutPage(rows, query.limit, ({ cluster, namespace, name }) => [cluster, namespace, name]);
  return { items: await toSummaries(api.db, shown), next };
});

export const readGateway = serve(endpoints.readGateway, async (api, { params }) => {
  const gateway = toPlaceKey(params);
  const row = await findGateway(api.db, gateway);
  if (row === undefined) return noGateway(gateway);
  const [summaries, object, nodeList] = await Promise.all([
    toSummaries(api.db, [row]),
    readGatewayObject(api.db, params),
    readGatewayNodes(api.db, row),
  ]);
  const [summary] = summaries;
  return summary === undefined ? noGateway(gateway) : { ...summary, ...object, nodeList };
});
