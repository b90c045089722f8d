// Answers GET /approvals, and POST …/approve and …/reject, with which people confirm what others command.
import { endpoints } from '#libs/api/endpoints.ts';
import { Problem } from '#libs/api/problem.ts';
import { readApproval, readApprovals } from '../../commands/approvals.ts';
import { Accepted, serve } from '../endpoint.ts';

export const listApprovals = serve(endpoints.listApprovals, async (api, { query }) => {
  const { state, gateway, after, limit } = query;
  const rows = await readApprovals(api.db, {
    limit,
    ...(gateway === undefined ? {} : { gateway }),
    ...(after === undefined ? {} : { after }),
  });
  const shown = rows.slice(0, limit);
  const next = rows.length > limit ? (shown.at(-1)?.seq ?? null) : null;
  return { items: shown.filter((one) => state === undefined || one.state === state), next };
});

export const approve = serve(endpoints.approve, async (api, { params: { id }, body }, caller) => {
  const request = await readApproval(api.db, id);
  if (request === undefined) return noRequest(id);
  const { reason, ticket, timeout: timeoutMs, wait: waitMs } = body;
  const about = { type: 'approved', gateway: request.gateway, request: id } as const;
  const answer = await api.commands.decide(caller, { ...about, reason, ticket, timeoutMs, waitMs });
  if (answer instanceof Problem) return answer;
  return 'done' in answer ? answer.done : new Accepted(answer.pending);
});

export const reject = serve(endpoints.reject, async (api, { params: { id }, body }, caller) => {
  const request = await readApproval(api.db, id);
  if (request === undefined) return noRequest(id);
  const { reason, ticket, timeout: timeoutMs } = body;
  const about = { type: 'rejected', gateway: request.gateway, request: id } as const;
  const answer = await api.commands.decide(caller, { ...about, reason, ticket, timeoutMs, waitMs: undefined });
  if (answer instanceof Problem) return answer;
  if ('pending' in answer) return new Accepted(answer.pending);
  return (await readApproval(api.db, id)) ?? noRequest(id);
});

function noRequest(id: string): Problem {
  return new Problem('not-found', `no command ${id} was requested`, 'GET /api/v1/approvals lists what waits.');
}
