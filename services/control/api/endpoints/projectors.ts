// Answers GET /projectors.
import { endpoints } from '#libs/api/endpoints.ts';
import { serve } from '../endpoint.ts';
import { badCursor, parseCursor, toPage } from '../page.ts';
import { readProjectors } from '../reads/projectors.ts';

export const listProjectors = serve(endpoints.listProjectors, async (api, { query }) => {
  const key = parseCursor(query.after, 1);
  if (key === null) return badCursor;
  const items = await readProjectors(api.db, key?.[0] ?? '', query.limit);
  return toPage(
    items,
    query.limit,
    (item) => item,
    ({ projector }) => [projector],
  );
});
