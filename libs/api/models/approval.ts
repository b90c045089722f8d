// Describes commands that wait for another person's confirmation, and what became of them.
import { z } from 'zod';
import { gatewayId, seq, time } from './values.ts';

/** Says what can become of a request. */
export const approvalStates = ['waiting', 'approved', 'rejected', 'expired'] as const;

export const approval = z
  .strictObject({
    id: z.string().describe('Of the command that was given.'),
    gateway: gatewayId,
    command: z.string().describe('rollback, release or accept.'),
    to: z.int().nullable().describe('Of a rollback: the version whose content would serve.'),
    serving: z.int().describe('The version that served when it was requested; another refuses the approval.'),
    state: z.enum(approvalStates),
    requestedBy: z.string(),
    reason: z.string().nullable().describe('Why it was requested.'),
    ticket: z.string().nullable(),
    recordedAt: time.describe('When it was requested.'),
    until: time.describe('Until when it waits; then it is over.'),
    seq,
    decidedBy: z.string().nullable().describe('Who approved or rejected it; null = nobody has.'),
    decidedAt: time.nullable(),
    decisionReason: z.string().nullable().describe('Why it was approved or rejected.'),
  })
  .meta({ id: 'Approval', description: 'A command that one person requested, and another confirms or rejects.' });
