// Answers GET /clusters and GET /whoami.
import { endpoints } from '#libs/api/endpoints.ts';
import { serve } from '../endpoint.ts';
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
  const items = await readClusters(api.db, key?.[0] ?? '', query.limit);
  return toPage(
    items,
    query.limit,
    (item) => item,
    ({ name }) => [name],
  );
});
