// What the API says about the fleet, as schemas: they make the OpenAPI document, and the types of the handlers'
// answers.
import { z } from 'zod';

const time = z.iso.datetime();
const gatewayId = z.string().describe('cluster/namespace/name');
const seq = z.string().describe('Sequence number in the history, a decimal.');
const version = z.int().min(0);
const ageMs = z.number().min(0).describe('Milliseconds since.');

export const pageOf = <T extends z.ZodType>(item: T) =>
  z.strictObject({
    items: z.array(item),
    next: z.string().nullable().describe('Give it as `after` to read on; null = that was all.'),
  });

export const whoAmI = z
  .strictObject({ name: z.string(), role: z.string(), tokenId: z.string(), version: z.string() })
  .meta({ id: 'WhoAmI' });

export const cluster = z
  .strictObject({
    name: z.string(),
    uid: z.string(),
    status: z.enum(['connected', 'silent', 'unknown']).describe('unknown = its agent was never heard of'),
    firstSeen: time,
    agent: z
      .strictObject({
        version: z.string(),
        source: z.string().describe('kubernetes or folder'),
        synced: z.boolean(),
        problems: z.array(z.string()),
        objects: z.int(),
        lastSeen: time,
        ageMs,
      })
      .nullable(),
    objects: z.record(z.string(), z.int()).describe('Objects in the history, by kind.'),
  })
  .meta({ id: 'Cluster', description: 'One Kubernetes API server, or one folder of manifests.' });

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
    digest: z.string().nullable(),
    entries: z.int(),
    cause: z.string().nullable().describe('change, rollback or release'),
    actor: z.string().nullable(),
    reason: z.string().nullable(),
    at: time.nullable().describe('When the serving version was made.'),
    nodes: nodeCounts,
    labels: z.record(z.string(), z.string()).describe('Of the Gateway object.'),
  })
  .meta({ id: 'GatewaySummary', description: 'One Gateway object, and where its versions stand.' });

export const condition = z
  .strictObject({ type: z.string(), status: z.string(), reason: z.string(), message: z.string() })
  .meta({ id: 'Condition' });

const rejection = z
  .strictObject({ version: z.int(), reasons: z.array(z.string()), at: time, ageMs })
  .meta({ id: 'Rejection' });

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

export const snapshotSummary = z
  .strictObject({
    version: z.int(),
    digest: z.string(),
    entries: z.int(),
    changes: z.int().describe('Entries that differ from the version before.'),
    cause: z.string(),
    ofVersion: z.int().nullable().describe('The version that a rollback went back to.'),
    seq,
    at: time,
    actor: z.string().nullable(),
    reason: z.string().nullable(),
    serving: z.boolean(),
    head: z.boolean(),
  })
  .meta({ id: 'Snapshot', description: 'One immutable version of a gateway.' });

const entry = z
  .strictObject({ key: z.string(), hash: z.string(), entry: z.unknown().describe('The entry, as nodes get it.') })
  .meta({ id: 'Entry' });

export const snapshotDetail = snapshotSummary
  .extend({ items: z.array(entry), next: z.string().nullable() })
  .meta({ id: 'SnapshotDetail', description: 'One version with a page of its entries, by key.' });

const fieldChange = z
  .strictObject({
    path: z.string().describe('For example spec.rules[0].backendRefs[1].weight'),
    before: z.unknown().optional().describe('Absent = there was none.'),
    after: z.unknown().optional().describe('Absent = there is none.'),
  })
  .meta({ id: 'FieldChange' });

export const entryChange = z
  .strictObject({
    key: z.string(),
    change: z.enum(['added', 'removed', 'changed']),
    before: z.unknown().describe('null = there was none.'),
    after: z.unknown().describe('null = there is none.'),
    fields: z.array(fieldChange),
  })
  .meta({ id: 'EntryChange' });

export const snapshotDiff = z
  .strictObject({
    gateway: gatewayId,
    from: version,
    to: version,
    added: z.int(),
    removed: z.int(),
    changed: z.int(),
    items: z.array(entryChange),
    next: z.string().nullable(),
  })
  .meta({ id: 'SnapshotDiff', description: 'What changed from one version to another; a page of it, by key.' });

const actor = z.strictObject({ manager: z.string(), operation: z.string() }).meta({
  id: 'Actor',
  description: 'Who changed an object, from its managedFields; for commands the token and its role.',
});

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
    changedAt: time,
    seq,
    generation: z.int().nullable(),
  })
  .meta({ id: 'Route', description: 'One route of any kind and cluster.' });

export const historyEvent = z
  .strictObject({
    seq,
    id: z.string(),
    type: z.string().describe('applied, deleted, rollback, release or accept'),
    cluster: z.string(),
    kind: z.string(),
    namespace: z.string(),
    name: z.string(),
    uid: z.string(),
    at: time.describe('When the object was changed, as its cluster says.'),
    recordedAt: time,
    changedBy: actor.nullable(),
    generation: z.int().nullable(),
    to: z.int().nullable().describe('Of a rollback: the version.'),
    reason: z.string().nullable().describe('Of a command.'),
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
        })
        .meta({ id: 'NodeGateway' }),
    ),
  })
  .meta({ id: 'Node', description: 'One data-plane process with its Envoy.' });

export const tokenRow = z
  .strictObject({ id: z.string(), name: z.string(), role: z.string(), createdAt: time, revokedAt: time.nullable() })
  .meta({ id: 'Token' });

export const newToken = z
  .strictObject({ id: z.string(), name: z.string(), role: z.string(), token: z.string().describe('Shown only here.') })
  .meta({ id: 'NewToken' });

const commandNode = z
  .strictObject({
    node: z.string(),
    state: z.enum(['applied', 'rejected', 'waiting']),
    ms: z.number().nullable().describe('From the command until control heard of it.'),
    tookMs: z.number().nullable().describe('The part of the node: from receipt to answered.'),
    reasons: z.array(z.string()),
  })
  .meta({ id: 'CommandNode' });

export const commandResult = z
  .strictObject({
    id: z.string(),
    gateway: gatewayId,
    version: z.int(),
    seq,
    decidedMs: z.number().describe('From the command until its version was stored.'),
    complete: z.boolean().describe('Whether every connected node that serves the gateway has applied it.'),
    ms: z
      .number()
      .nullable()
      .describe('Until the last of them had applied it; null = not all have, or not waited for.'),
    nodes: z.array(commandNode).describe('Empty when not waited for.'),
  })
  .meta({ id: 'CommandResult' });

export const commandAccepted = z
  .strictObject({ id: z.string(), message: z.string() })
  .meta({ id: 'CommandAccepted', description: 'Taken, not decided yet: see /operations/{id}.' });

export const operation = z
  .strictObject({
    id: z.string(),
    state: z.enum(['recorded', 'unknown']).describe('unknown = not decided yet, or refused'),
    type: z.string().nullable(),
    gateway: gatewayId.nullable(),
    version: z.int().nullable(),
    seq: seq.nullable(),
    recordedAt: time.nullable(),
  })
  .meta({ id: 'Operation' });
