// Answers GET /nodes.
import { endpoints } from '#libs/api/endpoints.ts';
import { serve } from '../endpoint.ts';
import { badCursor, cutPage, parseCursor } from '../page.ts';
import { likePattern } from '../reads/conditions.ts';
import { readNodeRows, toNodes } from '../reads/nodes.ts';

export const listNodes = serve(endpoints.listNodes, async (api, { query }) => {
  const key = parseCursor(query.after, 1);
  if (key === null) return badCursor;
  const rows = await readNodeRows(api.db, {
    status: query.status,
    pattern: likePattern(query.q),
    after: key?.[0],
    limit: query.limit,
  });
  const { shown, next } = cutPage(rows, query.limit, ({ node }) => [node]);
  return { items: await toNodes(api.db, shown), next };
});
