// Says in sentences what changed between two looks at the fleet, for a log. Pure.
import type { Cluster } from '../views/cluster-table.ts';
import type { Gateway } from '../views/gateway-table.ts';
import { type FleetNode, rejectionLines } from '../views/node-table.ts';
import { count } from '../views/table.ts';
import type { Overview } from './overview.ts';

/** Gives a sentence for each change. */
export function describeChanges(before: Overview, after: Overview): readonly string[] {
  return [
    ...after.clusters.flatMap((now) =>
      clusterChange(
        before.clusters.find(({ name }) => name === now.name),
        now,
      ),
    ),
    ...after.gateways.flatMap((now) =>
      gatewayChange(
        before.gateways.find(({ gateway }) => gateway === now.gateway),
        now,
      ),
    ),
    ...before.gateways
      .filter(({ gateway }) => !after.gateways.some((now) => now.gateway === gateway))
      .map(({ gateway }) => `gateway ${gateway}: deleted`),
    ...after.nodes.flatMap((now) =>
      nodeChange(
        before.nodes.find(({ node }) => node === now.node),
        now,
      ),
    ),
    ...before.nodes
      .filter(({ node }) => !after.nodes.some((now) => now.node === node))
      .map(({ node }) => `node ${node}: left`),
  ];
}

function clusterChange(before: Cluster | undefined, now: Cluster): readonly string[] {
  const known = before?.agent?.problems ?? [];
  const problems = (now.agent?.problems ?? []).filter((problem) => !known.includes(problem));
  const lines = problems.map((problem) => `cluster ${now.name}: ${problem}`);
  if (before?.status !== now.status) lines.unshift(`cluster ${now.name}: agent ${now.status}`);
  return lines;
}

function gatewayChange(before: Gateway | undefined, now: Gateway): readonly string[] {
  const lines: string[] = [];
  if (before?.serving !== now.serving || before.nodes.applied !== now.nodes.applied) {
    const nodes = `${now.nodes.applied} of ${count(now.nodes.connected + now.nodes.unknown, 'node')}`;
    lines.push(`gateway ${now.gateway}: version ${now.serving} serves on ${nodes}`);
  }
  if (now.pinned && now.head > now.serving && before?.head !== now.head) {
    lines.push(`gateway ${now.gateway}: version ${now.head} waits, pinned to ${now.serving}`);
  }
  if (now.alarm !== null && before?.alarm !== now.alarm) lines.push(`gateway ${now.gateway}: ${now.alarm}`);
  return lines;
}

function nodeChange(before: FleetNode | undefined, now: FleetNode): readonly string[] {
  const changed = before?.status !== now.status || before.envoy !== now.envoy;
  const rejected = rejectionLines([now]).filter(
    (line) => line !== '' && !(before && rejectionLines([before]).includes(line)),
  );
  return [...(changed ? [`node ${now.node}: ${now.status}, Envoy ${now.envoy}`] : []), ...rejected];
}
