// Describes the fleet as it was after an event of the history: as far as the history says it.
import { z } from 'zod';
import { gatewaySummary } from './gateway.ts';
import { fleetRoute } from './route.ts';
import { gatewayId, seq, time, version } from './values.ts';

export const moment = z
  .strictObject({
    asked: z.string(),
    seq: seq.describe('The last event that had been recorded; 0 = none.'),
    recordedAt: time.nullable().describe('When that event was recorded.'),
    archived: z
      .array(gatewayId)
      .describe(
        'Gateways of which it is not known what they served, because versions of that time are in the archive.',
      ),
    notKnown: z.array(z.string()).describe('What the lists of now say and the history does not, as sentences.'),
  })
  .meta({ id: 'Moment', description: 'A place in the history, at the end of a transaction.' });

const routeParentThen = fleetRoute.shape.parents.element
  .omit({ accepted: true, conditions: true })
  .meta({ id: 'RouteParentThen' });

export const routeThen = fleetRoute
  .omit({ accepted: true, problems: true, parents: true })
  .extend({
    parents: z.array(routeParentThen).describe('As the route names them; empty for routes of older APIs.'),
    servedBy: z
      .array(z.strictObject({ gateway: gatewayId, version }))
      .describe('Gateways whose serving version had rules of it.'),
  })
  .meta({ id: 'RouteThen', description: 'One route as it was.' });

export const gatewayThen = gatewaySummary
  .omit({ alarm: true, problems: true, nodes: true, limits: true })
  .meta({ id: 'GatewayThen', description: 'One gateway as it was.' });
