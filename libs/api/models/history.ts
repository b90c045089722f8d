// Describes the events of the history.
import { z } from 'zod';
import { actor } from './actor.ts';
import { certainty, changeRequest, toolClaim } from './attribution.ts';
import { fieldChange } from './field-change.ts';
import { snapshotSummary } from './snapshot.ts';
import { seq, time } from './values.ts';

const objectBody = z.record(z.string(), z.unknown()).nullable();

export const historyEvent = z
  .strictObject({
    seq,
    id: z.string(),
    type: z.string().describe('As in the query of /events.'),
    cluster: z.string(),
    kind: z.string(),
    namespace: z.string(),
    name: z.string(),
    uid: z.string(),
    at: time.describe('When its cluster says that the object was changed: a claim, which can be forged.'),
    recordedAt: time.describe('When the event was recorded here. Events are ordered by it.'),
    changedBy: actor.nullable(),
    generation: z.int().nullable(),
    to: z.int().nullable().describe('Of a rollback: the version.'),
    reason: z
      .string()
      .nullable()
      .describe(
        'Of a command; of a change whose annotation fleetgate.dev/reason it set or changed; ' +
          'or how a restore was noticed, or what was done to the fleet itself.',
      ),
    ticket: z.string().nullable().describe('Of a command, or by the annotation fleetgate.dev/ticket in the same way.'),
    confirmation: z
      .strictObject({
        command: z.string().describe('rollback, release or accept.'),
        request: z.string().nullable().describe('Of an approval or a rejection: id of the requested event.'),
        requestedBy: z.string().nullable().describe('Of an approval or a rejection: who had requested it.'),
        bypassed: z.boolean().describe('Whether an admin went without the confirmation in an emergency.'),
      })
      .nullable()
      .describe('Of what was requested, approved or rejected, or went without that: what it is about.'),
    from: z
      .string()
      .nullable()
      .describe('Of a command, or of what was done to the fleet itself: the address or host that it came from.'),
    outcome: z
      .strictObject({
        result: z.enum(['done', 'refused', 'expired', 'failed', 'denied']),
        replaced: z.int().nullable().describe('The version that served before; null = not known, or nothing was done.'),
        message: z.string().nullable().describe('Why it was not carried out.'),
      })
      .nullable()
      .describe('Of a command, or of what was done to the fleet itself: what came of it.'),
    certainty,
    requests: z
      .array(changeRequest)
      .describe(
        'Of a change: who asked its API server for it. None = not known; several = see `certainty` and `role`.',
      ),
    claim: toolClaim.nullable().describe('Of a change whose object a GitOps tool applies.'),
    bodies: z
      .strictObject({ before: objectBody, after: objectBody })
      .optional()
      .describe('Of a change, where it was asked for: the object before and after; null = there was none.'),
  })
  .meta({ id: 'Event', description: 'One event of the history.' });

export const objectEvent = historyEvent
  .extend({
    changes: z.array(fieldChange).describe('Against the event before; at most 200.'),
    truncated: z.boolean(),
  })
  .meta({ id: 'ObjectEvent' });

export const gatewayHistoryItem = z
  .strictObject({ snapshot: snapshotSummary, events: z.array(historyEvent).describe('What led to it; at most 50.') })
  .meta({ id: 'GatewayHistoryItem' });

export const objectBlame = z
  .strictObject({
    deleted: z.boolean(),
    fields: z.array(
      z.strictObject({
        path: z.string().describe('As in a history: spec.rules[0].backendRefs[name=cart].weight'),
        value: z.unknown(),
        event: historyEvent.nullable().describe('Null = older than the events that were looked at.'),
      }),
    ),
    next: z.string().nullable().describe('Give it as `after` to look further back; null = that was all.'),
  })
  .meta({ id: 'ObjectBlame', description: 'The fields of an object in its own order, each with its event.' });
