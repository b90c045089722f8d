// Describes nodes and what each serves.
import { z } from 'zod';
import { rejection } from './rejection.ts';
import { ageMs, gatewayId, time, version } from './values.ts';

export const fleetNode = z
  .strictObject({
    node: z.string(),
    status: z.enum(['connected', 'unknown']).describe('A silent node is unknown.'),
    version: z.string(),
    envoy: z.string(),
    labels: z.record(z.string(), z.string()),
    serves: z.array(z.string()),
    addresses: z.array(z.string()),
    replica: z.string(),
    firstSeen: time,
    lastSeen: time,
    ageMs,
    gateways: z.array(
      z
        .strictObject({
          gateway: gatewayId,
          version,
          serving: version.nullable().describe('What it should be; null = no such gateway.'),
          current: z.boolean(),
          appliedAt: time,
          tookMs: z.number(),
          rejected: rejection.nullable(),
          unready: z
            .array(z.string())
            .describe(
              'While the gateway is pinned: rules that are answered 503 or refused, each with its backend and why.',
            ),
        })
        .meta({ id: 'NodeGateway' }),
    ),
  })
  .meta({ id: 'Node', description: 'One data-plane process with its Envoy.' });

export const removedNode = z
  .strictObject({ node: z.string(), removed: z.literal(true) })
  .meta({ id: 'RemovedNode', description: 'A node that counts no more; the history has the event.' });
