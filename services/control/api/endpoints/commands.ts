// Answers POST …/rollback, …/release, …/accept, and GET /operations/:id, which says what became of a command.
import { sql } from 'kysely';
import type { z } from 'zod';
import { endpoints } from '#libs/api/endpoints.ts';
import { Problem } from '#libs/api/problem.ts';
import { type PlaceName, toPlaceKey } from '#libs/gateway/object-key.ts';
import type { Row } from '#libs/runtime/postgres/database.ts';
import type { Command } from '../../commands/commands.ts';
import type { Caller } from '../../access/tokens.ts';
import { Accepted, type Api, serve } from '../endpoint.ts';

export const rollback = serve(endpoints.rollback, (api, { params, body }, caller) =>
  run(api, caller, 'rollback', params, body),
);

export const release = serve(endpoints.release, (api, { params, body }, caller) =>
  run(api, caller, 'release', params, body),
);

export const accept = serve(endpoints.accept, (api, { params, body }, caller) =>
  run(api, caller, 'accept', params, body),
);

interface OperationRow extends Pick<Row<'events'>, 'type' | 'seq' | 'recorded_at'> {
  readonly gateway: string;
  readonly version: number | null;
}

export const readOperation = serve(endpoints.readOperation, async (api, { params }) => {
  const { rows } = await sql<OperationRow>`
    select e.type, e.cluster || '/' || e.namespace || '/' || e.name as gateway, e.seq, e.recorded_at,
           (select max(s.version) from snapshots s
             where s.gateway = e.cluster || '/' || e.namespace || '/' || e.name and s.seq = e.batch) as version
      from events e where e.id = ${params.id} and e.type not in ('applied', 'deleted')`.execute(api.db);
  const [row] = rows;
  const none = { type: null, gateway: null, version: null, seq: null, recordedAt: null };
  if (row === undefined) return { id: params.id, state: 'unknown' as const, ...none };
  const { recorded_at, ...rest } = row;
  return { id: params.id, state: 'recorded' as const, ...rest, recordedAt: recorded_at.toISOString() };
});

async function run(
  api: Api,
  caller: Caller,
  type: Command['type'],
  gateway: PlaceName,
  body: z.output<typeof endpoints.rollback.input>['body'],
) {
  const { to = null, reason, wait: waitMs } = body;
  const answer = await api.commands.run(caller, { type, gateway: toPlaceKey(gateway), to, reason, waitMs });
  if (answer instanceof Problem) return answer;
  return 'done' in answer ? answer.done : new Accepted(answer.pending);
}
