// Answers POST …/rollback, …/release, …/accept, and GET /operations/:id, which says what became of a command.
import type { z } from 'zod';
import { endpoints } from '#libs/api/endpoints.ts';
import { Problem } from '#libs/api/problem.ts';
import { type PlaceName, toPlaceKey } from '#libs/gateway/object-key.ts';
import { readRecorded } from '../../commands/command-facts.ts';
import { readApproval, readApprovingId } from '../../commands/approvals.ts';
import { readPreview } from '../../commands/rollback-preview.ts';
import type { Command } from '../../commands/commands.ts';
import type { Visitor } from '../../access/tokens.ts';
import { Accepted, type Api, serve } from '../endpoint.ts';

export const rollback = serve(endpoints.rollback, (api, { params, body }, caller) =>
  run(api, caller, 'rollback', params, body),
);

export const previewRollback = serve(endpoints.previewRollback, (api, { params, query: { to } }) =>
  readPreview(api.db, toPlaceKey(params), to ?? null),
);

export const release = serve(endpoints.release, (api, { params, body }, caller) =>
  run(api, caller, 'release', params, body),
);

export const accept = serve(endpoints.accept, (api, { params, body }, caller) =>
  run(api, caller, 'accept', params, body),
);

export const readOperation = serve(endpoints.readOperation, async (api, { params: { id } }) => {
  const none = { type: null, gateway: null, version: null, seq: null, recordedAt: null, code: null, message: null };
  const recorded = await readRecorded(api.db, id);
  if (recorded === undefined) return { id, state: 'unknown' as const, ...none };
  const { type, command, gateway, version, seq, recordedAt, outcome, until } = recorded;
  const facts = { id, type: command ?? type, gateway, version, seq, recordedAt: recordedAt.toISOString() };
  if (until !== null) return { ...facts, ...(await readRequested(api, id, facts.version)), id };
  if (outcome.result === 'done') return { ...facts, state: 'recorded' as const, code: null, message: null };
  const { result: state, code, message } = outcome;
  return { ...facts, state, code, message };
});

/** Says what became of a command that waits to be confirmed; what was confirmed has the approval's version. */
async function readRequested(api: Api, id: string, version: number | null) {
  const request = await readApproval(api.db, id);
  if (request === undefined) return { state: 'unknown' as const, version, code: null, message: null };
  const { state, until, decidedBy, decisionReason } = request;
  const none = { version, code: null, message: null };
  if (state === 'waiting') {
    const message = `it is not carried out yet: another person must confirm it until ${until}`;
    return { ...none, state: 'requested' as const, code: 'requested', message };
  }
  if (state === 'rejected') {
    const why = decisionReason === null ? '' : `: ${decisionReason}`;
    return { ...none, state, code: 'rejected', message: `${decidedBy ?? 'somebody'} rejected it${why}` };
  }
  if (state === 'expired') return { ...none, state, code: 'expired', message: `nobody confirmed it until ${until}` };
  const approving = await readApprovingId(api.db, id);
  const done = approving === undefined ? undefined : await readRecorded(api.db, approving);
  return { ...none, state: 'recorded' as const, version: done?.version ?? null };
}

async function run(
  api: Api,
  caller: Visitor,
  type: Command['type'],
  gateway: PlaceName,
  body: z.output<typeof endpoints.rollback.input>['body'],
) {
  const { to = null, reason, ticket, expect, force = false, breakGlass = false } = body;
  const { timeout: timeoutMs, wait: waitMs } = body;
  const about = { type, gateway: toPlaceKey(gateway), to, reason, ticket, expect, force, breakGlass };
  const answer = await api.commands.run(caller, { ...about, timeoutMs, waitMs });
  if (answer instanceof Problem) return answer;
  return 'done' in answer ? answer.done : new Accepted(answer.pending);
}
