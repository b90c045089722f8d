// Answers GET /routes: every route of the fleet, whether its gateways accept it or why not, and who changed it last.
import { endpoints } from '#libs/api/endpoints.ts';
import { serve } from '../endpoint.ts';
import { badCursor, parseCursor, toPage } from '../page.ts';
import { absentPlace } from '../reads/absent-place.ts';
import { readRoutes, toRoute } from '../reads/routes.ts';

export const listRoutes = serve(endpoints.listRoutes, async (api, { query }) => {
  const after = parseCursor(query.after, 4);
  if (after === null) return badCursor;
  const rows = await readRoutes(api.db, query, after);
  if (rows.length === 0) {
    const absent = await absentPlace(api.db, query);
    if (absent !== undefined) return absent;
  }
  return toPage(rows, query.limit, toRoute, ({ cluster, kind, namespace, name }) => [cluster, kind, namespace, name]);
});
