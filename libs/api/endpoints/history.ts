// Says how the API answers what happened: to one object, to a gateway, and in the whole fleet.
import { z } from 'zod';
import { type Endpoint, apiPrefix } from '#libs/api/endpoint.ts';
import { gatewayHistoryItem, historyEvent, objectBlame, objectEvent } from '#libs/api/models/history.ts';
import { pageOf } from '#libs/api/models/page.ts';
import {
  clusterName,
  cursor,
  eventTypes,
  gatewayKey,
  hostPattern,
  instant,
  limit,
  namespaceName,
  objectKind,
  anyObjectName,
  objectPath,
  otherKinds,
  plainText,
  requestPath,
  sequenceNumber,
  yesOrNo,
} from '#libs/api/parameters.ts';

export const historyEndpoints = {
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
    description:
      'So many events are looked at that the answer comes soon. Where `next` is not null, fields without an event ' +
      'are older: given as `after`, it answers those whose event is found next.',
    input: z.object({ params: objectPath, query: z.object({ after: cursor }) }),
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
    description:
      '`order=asc` reads on from `after`, `order=desc` back from it; `after` is a sequence number. ' +
      'A page may have fewer events than `limit`; the next one begins at `next`.',
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
        by: plainText.optional().describe('A user who asked for it, or may have; its manager; a token.'),
        tool: plainText.optional().describe('A program by its user agent, or a GitOps tool by its claim.'),
        since: instant.optional(),
        until: instant.optional(),
        host: hostPattern.optional(),
        path: requestPath.optional(),
        gateway: gatewayKey.optional().describe('The Gateway, commands for it, and what named it as its parent then.'),
        bodies: yesOrNo.describe('Also the object before and after each event; a page has at most 100 then.'),
        limit: limit(),
      }),
    }),
    returns: pageOf(historyEvent),
    refuses: ['not-found'],
  },
} as const satisfies Readonly<Record<string, Endpoint>>;
