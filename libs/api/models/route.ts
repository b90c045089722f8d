// Describes routes of every kind, and what their parents say of them.
import { z } from 'zod';
import { actor } from './actor.ts';
import { certainty, changeRequest, toolClaim } from './attribution.ts';
import { condition } from './condition.ts';
import { gatewayId, seq, time } from './values.ts';

const routeParent = z
  .strictObject({
    kind: z.string(),
    namespace: z.string(),
    name: z.string(),
    sectionName: z.string().nullable(),
    port: z.int().nullable(),
    gateway: gatewayId.nullable().describe('Null where the parent is no Gateway.'),
    accepted: z.boolean().nullable().describe('Null = Fleetgate says nothing about this parent.'),
    conditions: z.array(condition),
  })
  .meta({ id: 'RouteParent' });

export const fleetRoute = z
  .strictObject({
    cluster: z.string(),
    kind: z.string(),
    namespace: z.string(),
    name: z.string(),
    hostnames: z.array(z.string()),
    rules: z.int(),
    parents: z.array(routeParent),
    accepted: z.boolean().nullable().describe('By every parent of Fleetgate; null = it has none.'),
    problems: z.array(z.string()).describe('Why not, or what of it does not work.'),
    changedBy: actor.nullable(),
    changedAt: time.describe('When its cluster says that it was changed: a claim, which can be forged.'),
    recordedAt: time.describe('When the change was recorded here.'),
    seq,
    generation: z.int().nullable(),
    certainty,
    requests: z.array(changeRequest).describe('Who asked for the last change.'),
    claim: toolClaim.nullable(),
  })
  .meta({ id: 'Route', description: 'One route of any kind and cluster.' });
