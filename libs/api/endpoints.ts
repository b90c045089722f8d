// Lists every endpoint of the API once: control registers and documents them in this order, and clients call them by
// their names here.
import { z } from 'zod';
import { type Endpoint, apiPrefix } from './endpoint.ts';
import { whoAmI } from '#libs/api/models/caller.ts';
import { cluster } from '#libs/api/models/cluster.ts';
import { commandAccepted, commandResult, operation, rollbackPreview } from '#libs/api/models/command.ts';
import { gatewayDetail, gatewaySummary } from '#libs/api/models/gateway.ts';
import { gatewayHistoryItem, historyEvent, objectBlame, objectEvent } from '#libs/api/models/history.ts';
import { fleetNode, removedNode } from '#libs/api/models/node.ts';
import { pageOf } from '#libs/api/models/page.ts';
import { projector } from '#libs/api/models/projector.ts';
import { fleetRoute } from '#libs/api/models/route.ts';
import { snapshotDiff } from '#libs/api/models/snapshot-diff.ts';
import { snapshotDetail, snapshotSummary } from '#libs/api/models/snapshot.ts';
import { newToken, tokenRow } from '#libs/api/models/token.ts';
import {
  clusterName,
  cursor,
  eventTypes,
  gatewayKey,
  gatewayPath,
  id,
  instant,
  limit,
  namespaceName,
  nodeName,
  objectKind,
  anyObjectName,
  objectPath,
  otherKinds,
  page,
  plainText,
  routeKinds,
  search,
  sequenceNumber,
  text,
  version,
  versionOrNoneText,
  versionText,
  yesOrNo,
} from './parameters.ts';
import { roles } from './role.ts';

const gatewayAt = `${apiPrefix}/gateways/:cluster/:namespace/:name` as const;
const waitMsMax = 120_000;

const commandFields = {
  reason: text(1000).optional().describe('For the history.'),
  expect: version.optional().describe('The version that served when you looked; 409 when another serves now.'),
  force: z.boolean().optional().describe('Carry it out though another version serves than `expect` says.'),
  timeout: z
    .int()
    .min(100)
    .max(waitMsMax)
    .optional()
    .describe('Milliseconds to wait until it is decided, 5000 by default; later it is never carried out.'),
  wait: z
    .int()
    .min(0)
    .max(waitMsMax)
    .optional()
    .describe(
      'Milliseconds to wait until every connected node that serves the gateway has applied or rejected the version.',
    ),
};
const command = { method: 'POST', role: 'operator', tag: 'commands' } as const;
const commandAnswers = {
  returns: commandResult,
  accepts: commandAccepted,
  refuses: ['not-found', 'conflict', 'expired', 'refused', 'nats-unreachable', 'busy'],
} as const;

export const endpoints = {
  readWhoAmI: {
    method: 'GET',
    path: `${apiPrefix}/whoami`,
    role: 'viewer',
    tag: 'access',
    summary: 'Whose token this is, and what it may do',
    input: z.object({}),
    returns: whoAmI,
  },
  listClusters: {
    method: 'GET',
    path: `${apiPrefix}/clusters`,
    role: 'viewer',
    tag: 'fleet',
    summary: 'Clusters, their agents and how many objects the history holds of each',
    input: z.object({ query: page }),
    returns: pageOf(cluster),
  },
  listProjectors: {
    method: 'GET',
    path: `${apiPrefix}/projectors`,
    role: 'viewer',
    tag: 'fleet',
    summary: 'Projectors: which one leads and since when, and which ones stand by',
    input: z.object({ query: page }),
    returns: pageOf(projector),
  },
  listGateways: {
    method: 'GET',
    path: `${apiPrefix}/gateways`,
    role: 'viewer',
    tag: 'fleet',
    summary: 'Gateways and where their versions stand',
    input: z.object({
      query: z.object({
        cluster: clusterName.optional(),
        q: search.describe('Part of cluster/namespace/name.'),
        deleted: yesOrNo.describe('true = with those that are gone.'),
        limit: limit(),
        after: cursor,
      }),
    }),
    returns: pageOf(gatewaySummary),
    refuses: ['not-found'],
  },
  readGateway: {
    method: 'GET',
    path: gatewayAt,
    role: 'viewer',
    tag: 'fleet',
    summary: 'One gateway: versions, listeners, conditions, nodes',
    input: z.object({ params: gatewayPath }),
    returns: gatewayDetail,
    refuses: ['not-found'],
  },
  listSnapshots: {
    method: 'GET',
    path: `${gatewayAt}/snapshots`,
    role: 'viewer',
    tag: 'snapshots',
    summary: 'Versions of a gateway, newest first',
    input: z.object({ params: gatewayPath, query: page }),
    returns: pageOf(snapshotSummary),
    refuses: ['not-found'],
  },
  readSnapshot: {
    method: 'GET',
    path: `${gatewayAt}/snapshots/:version`,
    role: 'viewer',
    tag: 'snapshots',
    summary: 'One version and its entries',
    input: z.object({ params: gatewayPath.extend({ version: versionText }), query: page }),
    returns: snapshotDetail,
    refuses: ['not-found'],
  },
  diffSnapshots: {
    method: 'GET',
    path: `${gatewayAt}/diff`,
    role: 'viewer',
    tag: 'snapshots',
    summary: 'What changed between two versions',
    description: 'Without `to`: the serving version. Without `from`: the one before `to`. Version 0 is empty.',
    input: z.object({
      params: gatewayPath,
      query: z.object({
        from: versionOrNoneText.optional(),
        to: versionOrNoneText.optional(),
        limit: limit(),
        after: cursor,
      }),
    }),
    returns: snapshotDiff,
    refuses: ['not-found'],
  },
  rollback: {
    ...command,
    path: `${gatewayAt}/rollback`,
    summary: 'Serve an earlier version again, and keep it',
    description:
      'Makes a new version with the content of an earlier one and pins the gateway to it. ' +
      'Endpoints and certificates stay current.',
    input: z.object({
      params: gatewayPath,
      body: z.strictObject({
        ...commandFields,
        to: version.optional().describe('Absent = the one that served before.'),
      }),
    }),
    ...commandAnswers,
  },
  previewRollback: {
    method: 'GET',
    path: `${gatewayAt}/rollback`,
    role: 'viewer',
    tag: 'commands',
    summary: 'What a rollback would do now',
    description: 'Changes nothing. Give the answer’s `serving` as `expect`, so that what you saw is what you replace.',
    input: z.object({
      params: gatewayPath,
      query: z.object({ to: versionText.optional().describe('Absent = the one that served before.') }),
    }),
    refuses: ['not-found'],
    returns: rollbackPreview,
  },
  release: {
    ...command,
    path: `${gatewayAt}/release`,
    summary: 'End a pin: the newest version serves',
    description: 'What changed while the gateway was pinned takes effect.',
    input: z.object({ params: gatewayPath, body: z.strictObject(commandFields) }),
    ...commandAnswers,
  },
  accept: {
    ...command,
    path: `${gatewayAt}/accept`,
    summary: 'Let content through that a sanity limit holds back',
    description: 'Ends the alarm of a gateway by taking the change that raised it.',
    input: z.object({ params: gatewayPath, body: z.strictObject(commandFields) }),
    ...commandAnswers,
  },
  readOperation: {
    method: 'GET',
    path: `${apiPrefix}/operations/:id`,
    role: 'viewer',
    tag: 'commands',
    summary: 'What became of a command',
    input: z.object({ params: z.object({ id }) }),
    returns: operation,
  },
  listRoutes: {
    method: 'GET',
    path: `${apiPrefix}/routes`,
    role: 'viewer',
    tag: 'fleet',
    summary: 'Every route of the fleet: accepted or why not, last changed by whom and when',
    input: z.object({
      query: z.object({
        cluster: clusterName.optional(),
        kind: z.enum(routeKinds).optional(),
        namespace: namespaceName.optional(),
        gateway: gatewayKey
          .optional()
          .describe('Routes that name this gateway as parent and that it says something about.'),
        accepted: yesOrNo.describe('false = not accepted by a gateway, or accepted by none.'),
        manager: plainText.optional().describe('Who changed it last.'),
        q: search.describe('Text that its name, hostnames or any other part of it contains.'),
        limit: limit(),
        after: cursor,
      }),
    }),
    returns: pageOf(fleetRoute),
    refuses: ['not-found'],
  },
  readObjectHistory: {
    method: 'GET',
    path: `${apiPrefix}/objects/:cluster/:kind/:namespace/:name/history`,
    role: 'viewer',
    tag: 'history',
    summary: 'Everything that happened to one object, newest first, with what each event changed',
    description:
      'The namespace of a cluster-scoped object is `-`. The history of a Gateway includes the commands for it.',
    input: z.object({
      params: objectPath,
      query: z.object({ limit: limit(200), after: cursor }),
    }),
    returns: pageOf(objectEvent),
    refuses: ['not-found'],
  },
  readObjectBlame: {
    method: 'GET',
    path: `${apiPrefix}/objects/:cluster/:kind/:namespace/:name/blame`,
    role: 'viewer',
    tag: 'history',
    summary: 'Which event gave each field of an object the value that it has, or had when it was deleted',
    input: z.object({ params: objectPath }),
    returns: objectBlame,
    refuses: ['not-found'],
  },
  readGatewayHistory: {
    method: 'GET',
    path: `${apiPrefix}/history`,
    role: 'viewer',
    tag: 'history',
    summary: 'Versions of a gateway, newest first, each with the events that led to it',
    input: z.object({ query: z.object({ gateway: gatewayKey, limit: limit(100), after: cursor }) }),
    returns: pageOf(gatewayHistoryItem),
    refuses: ['not-found'],
  },
  listEvents: {
    method: 'GET',
    path: `${apiPrefix}/events`,
    role: 'viewer',
    tag: 'history',
    summary: 'The history: changes of objects and commands, in its order',
    description: '`order=asc` reads on from `after`, `order=desc` back from it; `after` is a sequence number.',
    input: z.object({
      query: z.object({
        after: sequenceNumber.optional(),
        order: z.enum(['asc', 'desc']).default('desc'),
        cluster: clusterName.optional(),
        kind: z.union([objectKind, z.enum(otherKinds)]).optional(),
        namespace: namespaceName.optional(),
        name: anyObjectName.optional(),
        type: z.enum(eventTypes).optional(),
        manager: plainText.optional(),
        since: instant.optional(),
        until: instant.optional(),
        limit: limit(),
      }),
    }),
    returns: pageOf(historyEvent),
    refuses: ['not-found'],
  },
  listNodes: {
    method: 'GET',
    path: `${apiPrefix}/nodes`,
    role: 'viewer',
    tag: 'fleet',
    summary: 'Nodes, what each serves and what it rejected',
    input: z.object({
      query: z.object({
        status: z.enum(['connected', 'unknown']).optional(),
        q: search.describe("Part of the node's name."),
        limit: limit(),
        after: cursor,
      }),
    }),
    returns: pageOf(fleetNode),
  },
  removeNode: {
    method: 'DELETE',
    path: `${apiPrefix}/nodes/:node`,
    role: 'operator',
    tag: 'fleet',
    summary: 'Count a silent node no more',
    description:
      'A node counts until it says goodbye, is removed here, or has been silent for as long as control was told. ' +
      'One that connects again counts again.',
    input: z.object({
      params: z.object({ node: nodeName }),
      query: z.object({ reason: plainText.max(1000).optional().describe('For the history.') }),
    }),
    returns: removedNode,
    refuses: ['not-found', 'conflict'],
  },
  listTokens: {
    method: 'GET',
    path: `${apiPrefix}/tokens`,
    role: 'admin',
    tag: 'access',
    summary: 'Tokens, revoked ones included; never their texts',
    input: z.object({ query: page }),
    returns: pageOf(tokenRow),
  },
  makeToken: {
    method: 'POST',
    path: `${apiPrefix}/tokens`,
    role: 'admin',
    tag: 'access',
    summary: 'Make a token; its text is shown only in this answer',
    input: z.object({
      body: z.strictObject({
        name: z
          .string()
          .min(1)
          .max(100)
          .regex(/^[^\p{Cc}]+$/u, 'must be one line of text'),
        role: z.enum(roles),
      }),
    }),
    returns: newToken,
  },
  revokeToken: {
    method: 'DELETE',
    path: `${apiPrefix}/tokens/:id`,
    role: 'admin',
    tag: 'access',
    summary: 'Revoke a token; open connections with it are closed within seconds',
    input: z.object({ params: z.object({ id }) }),
    returns: tokenRow,
    refuses: ['not-found', 'conflict'],
  },
} as const satisfies Readonly<Record<string, Endpoint>>;

/** Names the groups of endpoints in the OpenAPI document. */
export const tags: readonly { readonly name: string; readonly description: string }[] = [
  { name: 'fleet', description: 'What there is now: clusters, gateways, routes, nodes.' },
  { name: 'snapshots', description: 'Versions of a gateway and what differs between them.' },
  { name: 'commands', description: 'What people decide: rollback, release, accept.' },
  { name: 'history', description: 'Every change, by whom and when.' },
  { name: 'access', description: 'Tokens and roles: viewer < operator < admin; node opens the hub only.' },
  { name: 'process', description: 'Health of this process; open to everyone.' },
];
