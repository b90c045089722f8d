// Shows nodes: a table of the nodes, one of what each serves, and what they rejected with the reasons.
import type { z } from 'zod';
import type { fleetNode } from '#libs/api/models/node.ts';
import { type Column, type Look, ago, renderTable, tableOr } from './table.ts';

export type FleetNode = z.output<typeof fleetNode>;
type NodeGateway = FleetNode['gateways'][number] & { readonly node: string };

/** Writes the table of nodes and a line for each rejection; `served` comes between them. */
export function nodeLines(nodes: readonly FleetNode[], look: Look, served: readonly string[] = []): readonly string[] {
  return [tableOr('no nodes yet', nodeColumns(look.now), nodes, look), ...served, ...rejectionLines(nodes)];
}

/** Writes the table of what each node serves of each gateway, after an empty line; nothing where none serves any. */
export function servedLines(nodes: readonly FleetNode[], { now, width }: Look): readonly string[] {
  const served = nodes.flatMap(({ node, gateways }) => gateways.map((gateway) => ({ ...gateway, node })));
  return served.length === 0 ? [] : ['', renderTable(servedColumns(now), served, width)];
}

/** Writes what nodes rejected and still do not serve, with the reasons, after an empty line. */
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

function nodeColumns(now: Date): readonly Column<FleetNode>[] {
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

function servedColumns(now: Date): readonly Column<NodeGateway>[] {
  return [
    { title: 'NODE', cell: ({ node }) => node },
    { title: 'GATEWAY', cell: ({ gateway }) => gateway },
    { title: 'SERVES', align: 'right', cell: ({ version }) => (version === 0 ? '-' : String(version)) },
    { title: 'STATE', cell: servedState },
    { title: 'TOOK', align: 'right', cell: ({ tookMs }) => `${tookMs.toFixed(1)} ms` },
    { title: 'SINCE', align: 'right', cell: ({ appliedAt }) => ago(appliedAt, now) },
  ];
}

function servedState({ current, serving, rejected, unready }: NodeGateway): string {
  if (current) return unready.length === 0 ? 'current' : `current, but ${unready.join('; ')}`;
  if (rejected !== null && rejected.version === serving) return `rejected ${rejected.version}`;
  return serving === null ? 'no such gateway' : `behind ${serving}`;
}
