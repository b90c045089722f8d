// `fleetgate clusters`: every cluster, whether its agent is heard, and what the agent complains about.
import type { Command } from 'commander';
import { z } from 'zod';
import { cluster } from '#libs/api/models.ts';
import { addClientAction, readAll } from '../client/client-command.ts';
import { type Column, ago, renderTable } from '../views/table.ts';

export type Cluster = z.output<typeof cluster>;

/** Adds options and action. */
export function configureClusters(command: Command): void {
  addClientAction(command, z.object({}), async ({ client, now, print, table }) => {
    const clusters = await readAll(client, '/api/v1/clusters', cluster);
    print(clusters, () =>
      [table(clusterColumns(now), clusters, 'no clusters yet'), ...problemLines(clusters)].join('\n'),
    );
  });
}

/** The columns of a table of clusters. */
export function clusterColumns(now: Date): readonly Column<Cluster>[] {
  return [
    { title: 'CLUSTER', cell: ({ name }) => name },
    { title: 'AGENT', cell: ({ status, agent }) => (agent?.synced === false ? 'syncing' : status) },
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

/** What the agents complain about, a line each. */
export function problemLines(clusters: readonly Cluster[]): readonly string[] {
  const problems = clusters.flatMap(({ name, agent }) => (agent?.problems ?? []).map((problem) => ({ name, problem })));
  if (problems.length === 0) return [];
  const columns: readonly Column<(typeof problems)[number]>[] = [
    { title: '', cell: ({ name }) => `! ${name}` },
    { title: '', cell: ({ problem }) => problem },
  ];
  return ['', ...renderTable(columns, problems).split('\n').slice(1)];
}
