// Answers POST …/rollback, …/release, …/accept, and GET /operations/:id, which says what became of a command.
import type { z } from 'zod';
import { endpoints } from '#libs/api/endpoints.ts';
import { Problem } from '#libs/api/problem.ts';
import { type PlaceName, toPlaceKey } from '#libs/gateway/object-key.ts';
import { readRecorded } from '../../commands/command-facts.ts';
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
  const { type, gateway, version, seq, recordedAt, outcome } = recorded;
  const facts = { id, type, gateway, version, seq, recordedAt: recordedAt.toISOString() };
  if (outcome.result === 'done') return { ...facts, state: 'recorded' as const, code: null, message: null };
  const { result: state, code, message } = outcome;
  return { ...facts, state, code, message };
});

async function run(
  api: Api,
  caller: Visitor,
  type: Command['type'],
  gateway: PlaceName,
  body: z.output<typeof endpoints.rollback.input>['body'],
) {
  const { to = null, reason, expect, force = false, timeout: timeoutMs, wait: waitMs } = body;
  const about = { type, gateway: toPlaceKey(gateway), to, reason, expect, force };
  const answer = await api.commands.run(caller, { ...about, timeoutMs, waitMs });
  if (answer instanceof Problem) return answer;
  return 'done' in answer ? answer.done : new Accepted(answer.pending);
}
