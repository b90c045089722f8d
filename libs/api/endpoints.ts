// Lists every endpoint of the API once: control registers and documents them in this order, and clients call them by
// their names here.
import type { Endpoint } from './endpoint.ts';
import { approvalsEndpoints } from '#libs/api/endpoints/approvals.ts';
import { callersEndpoints } from '#libs/api/endpoints/callers.ts';
import { clustersEndpoints } from '#libs/api/endpoints/clusters.ts';
import { commandsEndpoints } from '#libs/api/endpoints/commands.ts';
import { fleetEndpoints } from '#libs/api/endpoints/fleet.ts';
import { historyEndpoints } from '#libs/api/endpoints/history.ts';
import { nodesEndpoints } from '#libs/api/endpoints/nodes.ts';
import { peopleEndpoints } from '#libs/api/endpoints/people.ts';
import { pastEndpoints } from '#libs/api/endpoints/past.ts';
import { reportEndpoints } from '#libs/api/endpoints/report.ts';
import { routesEndpoints } from '#libs/api/endpoints/routes.ts';
import { snapshotsEndpoints } from '#libs/api/endpoints/snapshots.ts';
import { tokensEndpoints } from '#libs/api/endpoints/tokens.ts';

export const endpoints = {
  ...callersEndpoints,
  ...fleetEndpoints,
  ...snapshotsEndpoints,
  ...commandsEndpoints,
  ...clustersEndpoints,
  ...approvalsEndpoints,
  ...routesEndpoints,
  ...historyEndpoints,
  ...pastEndpoints,
  ...reportEndpoints,
  ...nodesEndpoints,
  ...tokensEndpoints,
  ...peopleEndpoints,
} as const satisfies Readonly<Record<string, Endpoint>>;

/** Names the groups of endpoints in the OpenAPI document. */
export const tags: readonly { readonly name: string; readonly description: string }[] = [
  { name: 'fleet', description: 'What there is now: clusters, gateways, routes, nodes.' },
  { name: 'snapshots', description: 'Versions of a gateway and what differs between them.' },
  { name: 'commands', description: 'What people decide: rollback, release, accept; and what others confirm.' },
  { name: 'history', description: 'Every change, by whom and when.' },
  { name: 'access', description: 'Tokens and roles: viewer < operator < admin; node opens the hub only.' },
  { name: 'process', description: 'Health of this process; open to everyone.' },
];
