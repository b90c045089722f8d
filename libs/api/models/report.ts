// Describes what became of each change: its versions, the nodes that applied them, and what took it back.
import { z } from 'zod';
import { objectEvent } from './history.ts';
import { gatewayId, seq, time, version } from './values.ts';

/** Every way in which a change can have ended. */
const changeOutcomes = [
  'applied',
  'rolled back',
  'refused by nodes',
  'not applied',
  'no version',
  'done',
  'waiting',
  'refused',
  'expired',
  'failed',
  'denied',
] as const;

const changedVersion = z
  .strictObject({
    gateway: gatewayId,
    version,
    cause: z.string(),
    madeAt: time,
    applied: z
      .strictObject({
        first: time,
        last: time,
        nodes: z.int().describe('How many nodes told so; one that lost it and took it again counts again.'),
      })
      .nullable()
      .describe('By nodes, as control heard of it; null = by none, or before that was kept.'),
    refused: z
      .strictObject({ at: time, times: z.int(), reasons: z.array(z.string()) })
      .nullable()
      .describe('By nodes.'),
    rolledBackBy: z
      .strictObject({ version, seq, at: time, actor: z.string().nullable(), reason: z.string().nullable() })
      .nullable()
      .describe('The first rollback to a version before it.'),
  })
  .meta({ id: 'ChangedVersion' });

export const reportedChange = z
  .strictObject({
    event: objectEvent,
    outcome: z.enum(changeOutcomes),
    approver: z.string().nullable().describe('Of a command that another person confirmed.'),
    requester: z.string().nullable().describe('Of a command: who asked for it, also where another confirmed it.'),
    versions: z
      .array(changedVersion)
      .describe('Versions that have entries of it in another form, or that it alone led to.'),
  })
  .meta({ id: 'ReportedChange', description: 'An event and what became of it.' });
