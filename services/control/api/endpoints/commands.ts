// POST …/rollback, …/release, …/accept, and what became of a command.
import { sql } from 'kysely';
import { z } from 'zod';
import type { Command } from '../../commands/commands.ts';
import { commandAccepted, commandResult, operation } from '#libs/api/models.ts';
import { gatewayPath, idOf } from '../parameters.ts';
import { Problem } from '#libs/api/problem.ts';
import { Accepted, type ApiRoute, defineRoute } from '../endpoint.ts';

const waitMsMax = 120_000;

const common = {
  reason: z.string().min(1).max(1000).optional().describe('For the history.'),
  wait: z
    .int()
    .min(0)
    .max(waitMsMax)
    .optional()
    .describe(
      'Milliseconds to wait until every connected node that serves the gateway has applied the version or rejected it.',
    ),
};

/** A command that the table below lists. */
function commandRoute(type: Command['type'], summary: string, description: string): ApiRoute {
  const withTo = { to: z.int().min(1).max(2_147_483_647).optional().describe('Absent = the one that served before.') };
  return defineRoute({
    method: 'POST',
    path: `/gateways/:cluster/:namespace/:name/${type}`,
    role: 'operator',
    tag: 'commands',
    summary,
    description,
    input: z.object({
      params: gatewayPath,
      body: z.strictObject({ ...common, ...(type === 'rollback' ? withTo : {}) }),
    }),
    returns: commandResult,
    accepts: commandAccepted,
    async handle(api, { params, body }, caller) {
      const to = 'to' in body && typeof body.to === 'number' ? body.to : null;
      const answer = await api.commands.run(caller, {
        type,
        gateway: idOf(params),
        to,
        reason: body.reason,
        waitMs: body.wait,
      });
      if (answer instanceof Problem) return answer;
      return 'done' in answer ? answer.done : new Accepted(answer.pending);
    },
  });
}

export const rollback = commandRoute(
  'rollback',
  'Serve an earlier version again, and keep it',
  'Makes a new version with the content of an earlier one and pins the gateway to it. Endpoints and certificates stay current.',
);

export const release = commandRoute(
  'release',
  'End a pin: the newest version serves',
  'What changed while the gateway was pinned takes effect.',
);

export const accept = commandRoute(
  'accept',
  'Let content through that a sanity limit holds back',
  'Ends the alarm of a gateway by taking the change that raised it.',
);

export const readOperation = defineRoute({
  method: 'GET',
  path: '/operations/:id',
  role: 'viewer',
  tag: 'commands',
  summary: 'What became of a command',
  input: z.object({
    params: z.object({ id: z.string().regex(/^[-\w]{1,64}$/) }),
  }),
  returns: operation,
  async handle(api, { params }) {
    const { rows } = await sql<{
      type: string;
      gateway: string;
      seq: string;
      recorded_at: Date;
      version: number | null;
    }>`
      select e.type, e.cluster || '/' || e.namespace || '/' || e.name as gateway, e.seq, e.recorded_at,
             (select max(s.version) from snapshots s
               where s.gateway = e.cluster || '/' || e.namespace || '/' || e.name and s.seq = e.batch) as version
        from events e where e.id = ${params.id} and e.type not in ('applied', 'deleted')`.execute(api.db);
    const [row] = rows;
    const none = { type: null, gateway: null, version: null, seq: null, recordedAt: null };
    if (row === undefined) return { id: params.id, state: 'unknown' as const, ...none };
    const { recorded_at, ...rest } = row;
    return { id: params.id, state: 'recorded' as const, ...rest, recordedAt: recorded_at.toISOString() };
  },
});
