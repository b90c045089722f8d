// Every route of the API in one table: the server registers them and the OpenAPI document lists them from here.
import { listClusters, readWhoAmI } from './endpoints/clusters.ts';
import { accept, readOperation, release, rollback } from './endpoints/commands.ts';
import { listGateways, readGateway } from './endpoints/gateways.ts';
import { listEvents, readGatewayHistory, readObjectHistory } from './endpoints/history.ts';
import { listNodes } from './endpoints/nodes.ts';
import type { ApiRoute } from './endpoint.ts';
import { listRoutes } from './endpoints/routes.ts';
import { diffSnapshots, listSnapshots, readSnapshot } from './endpoints/snapshots.ts';
import { listTokens, makeToken, revokeToken } from './endpoints/tokens.ts';

export const routeTable: readonly ApiRoute[] = [
  readWhoAmI,
  listClusters,
  listGateways,
  readGateway,
  listSnapshots,
  readSnapshot,
  diffSnapshots,
  rollback,
  release,
  accept,
  readOperation,
  listRoutes,
  readObjectHistory,
  readGatewayHistory,
  listEvents,
  listNodes,
  listTokens,
  makeToken,
  revokeToken,
];

export const tags: readonly { readonly name: string; readonly description: string }[] = [
  { name: 'fleet', description: 'What there is now: clusters, gateways, routes, nodes.' },
  { name: 'snapshots', description: 'Versions of a gateway and what differs between them.' },
  { name: 'commands', description: 'What people decide: rollback, release, accept.' },
  { name: 'history', description: 'Every change, by whom and when.' },
  { name: 'access', description: 'Tokens and roles: viewer < operator < admin; node opens the hub only.' },
  { name: 'process', description: 'Health of this process; open to everyone.' },
];
