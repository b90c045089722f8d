// Answers GET /nodes, and DELETE of one that is silent.
import { endpoints } from '#libs/api/endpoints.ts';
import { Problem } from '#libs/api/problem.ts';
import { removeNode as removeRow } from '../../hub/node-departures.ts';
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

export const removeNode = serve(endpoints.removeNode, async (api, { params: { node }, query }, caller) => {
  const reason = query.reason ?? 'it was removed';
  const outcome = await removeRow(api.db, node, { actor: caller.name, role: caller.role, reason });
  if (outcome === 'removed') return { node, removed: true as const };
  return outcome === 'connected'
    ? new Problem('conflict', `node ${node} is connected`, 'Stop it: it says goodbye, and counts no more.')
    : new Problem('not-found', `there is no node ${node}`, 'GET /api/v1/nodes lists them.');
});
