// Describes gateways, where their versions stand, and the nodes that serve them.
import { z } from 'zod';
import { condition } from './condition.ts';
import { rejection } from './rejection.ts';
import { ageMs, gatewayId, time, version } from './values.ts';

const limits = z
  .strictObject({
    entriesMax: z.int().describe('Entries of one version.'),
    bytesMax: z.int().describe('Bytes of its entries.'),
    removedShareMax: z.number().describe('Share of the rules, 0 to 1, that one change may remove …'),
    removedMin: z.int().describe('… when it removes at least so many rules …'),
    removedRoutesMin: z.int().describe('… of at least so many routes.'),
  })
  .meta({ id: 'Limits', description: 'Beyond them a change is held back until a person accepts it.' });

const nodeCounts = z
  .strictObject({
    connected: z.int().describe('Connected nodes that serve this gateway.'),
    applied: z.int().describe('Of those, how many answer by the serving version.'),
    rejected: z.int().describe('Of those, how many rejected the serving version.'),
    unknown: z.int().describe('Nodes that serve this gateway and are silent.'),
  })
  .meta({ id: 'NodeCounts' });

export const gatewaySummary = z
  .strictObject({
    gateway: gatewayId,
    cluster: z.string(),
    namespace: z.string(),
    name: z.string(),
    serving: version.describe('The version that nodes should serve; 0 = none yet.'),
    head: version.describe('The newest version; above serving while the gateway is pinned.'),
    pinned: z.boolean(),
    deleted: z.boolean(),
    alarm: z.string().nullable().describe('Why newer content was not made a version.'),
    problems: z
      .array(z.string())
      .describe('What of it, its listeners and, while it is pinned, its rules does not work, or only in part.'),
    digest: z.string().nullable(),
    entries: z.int(),
    cause: z.string().nullable().describe('change, rollback or release'),
    actor: z.string().nullable(),
    reason: z.string().nullable(),
    at: time.nullable().describe('When the serving version was made.'),
    nodes: nodeCounts,
    labels: z.record(z.string(), z.string()).describe('Of the Gateway object.'),
    uid: z.string().nullable().describe('Of the Gateway object that the versions are of.'),
    limits: limits.nullable().describe('Sanity limits that hold for it; null from before they were stored.'),
  })
  .meta({ id: 'GatewaySummary', description: 'One Gateway object, and where its versions stand.' });

const gatewayNode = z
  .strictObject({
    node: z.string(),
    status: z.enum(['connected', 'unknown']),
    version: version.describe('What it serves; 0 = nothing.'),
    current: z.boolean().describe('Whether that is the serving version.'),
    appliedAt: time.nullable(),
    ageMs: ageMs.nullable(),
    tookMs: z.number().nullable().describe('From receipt to answered by it.'),
    rejected: rejection.nullable(),
  })
  .meta({ id: 'GatewayNode' });

const listener = z
  .strictObject({
    name: z.string(),
    port: z.int().nullable(),
    protocol: z.string().nullable(),
    hostname: z.string().nullable(),
    attachedRoutes: z.int().nullable(),
    conditions: z.array(condition),
  })
  .meta({ id: 'Listener' });

export const gatewayDetail = gatewaySummary
  .extend({
    listeners: z.array(listener),
    conditions: z.array(condition),
    addresses: z.array(z.string()),
    nodeList: z.array(gatewayNode).describe('At most 1,000.'),
  })
  .meta({ id: 'Gateway', description: 'One gateway with its listeners, conditions and nodes.' });
