// Lists what control answers at every endpoint of the contract, in the contract's order.
import type { endpoints } from '#libs/api/endpoints.ts';
import type { ServedEndpoint } from './endpoint.ts';
import { listClusters, readmitCluster, readWhoAmI, removeCluster, renameCluster } from './endpoints/clusters.ts';
import { approve, listApprovals, reject } from './endpoints/approvals.ts';
import { accept, previewRollback, readOperation, release, rollback } from './endpoints/commands.ts';
import { listGateways, readGateway } from './endpoints/gateways.ts';
import { listEvents, readGatewayHistory, readObjectBlame, readObjectHistory } from './endpoints/history.ts';
import { listNodes, removeNode } from './endpoints/nodes.ts';
import { erasePerson } from './endpoints/people.ts';
import { listGatewaysThen, listRoutesThen } from './endpoints/past.ts';
import { listProjectors } from './endpoints/projectors.ts';
import { listChanges } from './endpoints/report.ts';
import { listRoutes } from './endpoints/routes.ts';
import { diffSnapshots, listSnapshots, readSnapshot } from './endpoints/snapshots.ts';
import { listTokens, makeToken, revokeToken } from './endpoints/tokens.ts';

const served: Readonly<Record<keyof typeof endpoints, ServedEndpoint>> = {
  readWhoAmI,
  listClusters,
  listProjectors,
  listGateways,
  readGateway,
  listSnapshots,
  readSnapshot,
  diffSnapshots,
  rollback,
  previewRollback,
  release,
  accept,
  readOperation,
  removeCluster,
  readmitCluster,
  renameCluster,
  listApprovals,
  approve,
  reject,
  listRoutes,
  readObjectBlame,
  readObjectHistory,
  readGatewayHistory,
  listEvents,
  listRoutesThen,
  listGatewaysThen,
  listChanges,
  listNodes,
  removeNode,
  listTokens,
  makeToken,
  revokeToken,
  erasePerson,
};

export const endpointTable: readonly ServedEndpoint[] = Object.values(served);
