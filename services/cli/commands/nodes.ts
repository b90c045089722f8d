// `fleetgate nodes`: every data-plane node, what it serves of each gateway, and what it rejected and why.
import type { Command } from 'commander';
import { z } from 'zod';
import { fleetNode } from '#libs/api/models.ts';
import { addClientAction, readAll } from '../client/client-command.ts';
import { type Column, ago } from '../views/table.ts';

export type FleetNode = z.output<typeof fleetNode>;
type NodeGateway = FleetNode['gateways'][number] & { readonly node: string };

/** Adds options and action. */
export function configureNodes(command: Command): void {
  addClientAction(command, z.object({}), async ({ client, now, print, table }) => {
    const nodes = await readAll(client, '/api/v1/nodes', fleetNode);
    const served = nodes.flatMap(({ node, gateways }) => gateways.map((gateway) => ({ ...gateway, node })));
    print(nodes, () =>
      [
        table(nodeColumns(now), nodes, 'no nodes yet'),
        ...(served.length === 0 ? [] : ['', table(servedColumns(now), served, '')]),
        ...rejectionLines(nodes),
      ].join('\n'),
    );
  });
}

/** The columns of a table of nodes. */
export function nodeColumns(now: Date): readonly Column<FleetNode>[] {
  return [
    { title: 'NODE', cell: ({ node }) => node },
    { title: 'STATUS', cell: ({ status }) => status },
    { title: 'ENVOY', cell: ({ envoy }) => envoy },
    { title: 'ADDRESSES', cell: ({ addresses }) => addresses.join(', ') },
    { title: 'SERVES', cell: ({ serves }) => serves.join(', ') },
    { title: 'VERSION', cell: ({ version }) => version },
    { title: 'HEARD', align: 'right', cell: ({ lastSeen }) => ago(lastSeen, now) },
  ];
}

/** What nodes rejected and still do not serve, with the reasons. */
export function rejectionLines(nodes: readonly FleetNode[]): readonly string[] {
  const lines = nodes.flatMap(({ node, gateways }) =>
    gateways.flatMap(({ gateway, version, serving, rejected }) =>
      rejected === null || rejected.version !== serving
        ? []
        : [
            `! ${node} rejected version ${rejected.version} of ${gateway} and serves ${version}`,
            ...rejected.reasons.map((reason) => `    ${reason}`),
          ],
    ),
  );
  return lines.length === 0 ? [] : ['', ...lines];
}

function servedColumns(now: Date): readonly Column<NodeGateway>[] {
  return [
    { title: 'NODE', cell: ({ node }) => node },
    { title: 'GATEWAY', cell: ({ gateway }) => gateway },
    { title: 'SERVES', align: 'right', cell: ({ version }) => (version === 0 ? '-' : String(version)) },
    { title: 'STATE', cell: stateOf },
    { title: 'TOOK', align: 'right', cell: ({ tookMs }) => `${tookMs.toFixed(1)} ms` },
    { title: 'SINCE', align: 'right', cell: ({ appliedAt }) => ago(appliedAt, now) },
  ];
}

function stateOf({ current, serving, rejected }: NodeGateway): string {
  if (current) return 'current';
  if (rejected !== null && rejected.version === serving) return `rejected ${rejected.version}`;
  return serving === null ? 'no such gateway' : `behind ${serving}`;
}
