// Shows clusters: a table, and below it what their agents complain about.
import type { z } from 'zod';
import type { cluster } from '#libs/api/models/cluster.ts';
import { type Column, type Look, ago, renderTable, tableOr } from './table.ts';

export type Cluster = z.output<typeof cluster>;

/** Writes the table of clusters and a line for each complaint. */
export function clusterLines(clusters: readonly Cluster[], look: Look): readonly string[] {
  return [tableOr('no clusters yet', columns(look.now), clusters, look), ...problemLines(clusters)];
}

function columns(now: Date): readonly Column<Cluster>[] {
  return [
    { title: 'CLUSTER', cell: ({ name, identity }) => (name === identity ? name : `${name} (${identity})`) },
    { title: 'AGENT', cell: agentText },
    { title: 'SOURCE', cell: ({ agent }) => agent?.source ?? '-' },
    {
      title: 'OBJECTS',
      align: 'right',
      cell: ({ objects }) => String(Object.values(objects).reduce((a, b) => a + b, 0)),
    },
    { title: 'HEARD', cell: ({ agent }) => ago(agent?.lastSeen, now) },
    { title: 'PROBLEMS', align: 'right', cell: ({ agent }) => String(agent?.problems.length ?? 0) },
  ];
}

function agentText({ status, agent, removedAt }: Cluster): string {
  if (removedAt !== null) return 'removed';
  return agent?.synced === false ? 'syncing' : status;
}

function problemLines(clusters: readonly Cluster[]): readonly string[] {
  const problems = clusters.flatMap(({ name, agent }) => (agent?.problems ?? []).map((problem) => ({ name, problem })));
  if (problems.length === 0) return [];
  const problemColumns: readonly Column<(typeof problems)[number]>[] = [
    { title: '', cell: ({ name }) => `! ${name}` },
    { title: '', cell: ({ problem }) => problem },
  ];
  return ['', ...renderTable(problemColumns, problems).split('\n').slice(1)];
}
