// Describes what became of a command.
import { z } from 'zod';
import { gatewayId, seq, time } from './values.ts';

const commandNode = z
  .strictObject({
    node: z.string(),
    state: z
      .enum(['applied', 'rejected', 'waiting', 'unknown'])
      .describe('waiting = not heard of in time, unknown = the node is silent: what its Envoy serves is not known.'),
    unknownSince: time.nullable().describe('When a silent node was heard of last.'),
    ms: z.number().nullable().describe('From the command until control heard of it.'),
    tookMs: z.number().nullable().describe('The part of the node: from receipt to answered.'),
    reasons: z.array(z.string()),
  })
  .meta({ id: 'CommandNode' });

export const commandResult = z
  .strictObject({
    id: z.string(),
    gateway: gatewayId,
    version: z.int().describe('The version that serves now.'),
    replaced: z.int().nullable().describe('The version that served before; null = not known.'),
    ofVersion: z.int().nullable().describe('Of a rollback: the version whose content serves.'),
    seq,
    decidedMs: z.number().describe('From the command until its version was stored.'),
    complete: z.boolean().describe('Whether every node that serves the gateway and has not left has applied it.'),
    ms: z
      .number()
      .nullable()
      .describe('Until the last of them had applied it; null = not all have, or not waited for.'),
    nodes: z.array(commandNode).describe('Empty when not waited for.'),
    unready: z.array(z.string()).describe('Rules that are answered 503 or refused now, each with its backend and why.'),
  })
  .meta({ id: 'CommandResult' });

export const rollbackPreview = z
  .strictObject({
    gateway: gatewayId,
    serving: z.int().describe('The version that serves now: give it as `expect`.'),
    pinned: z.boolean(),
    to: z.int().nullable().describe('The version whose content would serve; null = there is none to go back to.'),
    digest: z.string().nullable().describe('Of that content.'),
    refused: z.string().nullable().describe('Why it would be refused; null = it would be done.'),
    unready: z
      .array(z.string())
      .describe('Rules that would be answered 503 or refused, each with its backend and why.'),
  })
  .meta({ id: 'RollbackPreview', description: 'What a rollback would do now.' });

export const commandAccepted = z
  .strictObject({
    id: z.string(),
    message: z.string(),
    expiresAt: time.describe('Never carried out after it.'),
    confirm: z.boolean().describe('Another person must confirm it: see /approvals.'),
  })
  .meta({ id: 'CommandAccepted', description: 'Taken, not decided yet: see /operations/{id}.' });

export const operation = z
  .strictObject({
    id: z.string(),
    state: z
      .enum(['recorded', 'refused', 'expired', 'requested', 'rejected', 'unknown'])
      .describe(
        'recorded = carried out, expired = came too late and was not carried out, ' +
          'requested = waits for a confirmation, rejected = somebody refused to confirm it, unknown = not decided yet.',
      ),
    type: z.string().nullable(),
    gateway: gatewayId.nullable(),
    version: z.int().nullable(),
    seq: seq.nullable(),
    recordedAt: time.nullable(),
    code: z.string().nullable().describe('Why it was not carried out, for programs.'),
    message: z.string().nullable().describe('Why it was not carried out.'),
  })
  .meta({ id: 'Operation' });
