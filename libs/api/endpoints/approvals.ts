// Says how people confirm, through the API, what others command.
import { z } from 'zod';
import { type Endpoint, apiPrefix } from '#libs/api/endpoint.ts';
import { approval, approvalStates } from '#libs/api/models/approval.ts';
import { commandAccepted, commandResult } from '#libs/api/models/command.ts';
import { pageOf } from '#libs/api/models/page.ts';
import { gatewayKey, id, limit, sequenceNumber } from '#libs/api/parameters.ts';
import { commandWaits, said } from './commands.ts';

const decision = { method: 'POST', role: 'operator', tag: 'commands' } as const;
const refuses = ['not-found', 'conflict', 'expired', 'refused', 'nats-unreachable', 'busy'] as const;

export const approvalsEndpoints = {
  listApprovals: {
    method: 'GET',
    path: `${apiPrefix}/approvals`,
    role: 'viewer',
    tag: 'commands',
    summary: 'Commands that wait for a confirmation, or did, newest first',
    description: 'A page may have fewer items than its limit, though there are more.',
    input: z.object({
      query: z.object({
        state: z.enum(approvalStates).optional(),
        gateway: gatewayKey.optional(),
        limit: limit(),
        after: sequenceNumber.optional(),
      }),
    }),
    returns: pageOf(approval),
  },
  approve: {
    ...decision,
    path: `${apiPrefix}/approvals/:id/approve`,
    summary: 'Confirm what another person requested, and carry it out',
    description: 'Refused to whoever requested it, and when the gateway does not stand as it stood then.',
    input: z.object({ params: z.object({ id }), body: z.strictObject({ ...said, ...commandWaits }) }),
    returns: commandResult,
    accepts: commandAccepted,
    refuses,
  },
  reject: {
    ...decision,
    path: `${apiPrefix}/approvals/:id/reject`,
    summary: 'Refuse what another person requested, or take back what you did',
    input: z.object({
      params: z.object({ id }),
      body: z.strictObject({ ...said, timeout: commandWaits.timeout }),
    }),
    returns: approval,
    accepts: commandAccepted,
    refuses,
  },
} as const satisfies Readonly<Record<string, Endpoint>>;
