// Runs `fleetgate clusters`: lists every cluster, whether its agent is heard, and what the agent complains about.
import type { Command } from 'commander';
import { z } from 'zod';
import { readClusters } from '../client/fleet-reads.ts';
import { addClientAction } from '../shell/client-command.ts';
import { clusterLines } from '../views/cluster-table.ts';

/** Adds options and action. */
export function configureClusters(command: Command): void {
  addClientAction(command, z.object({}), async ({ client, print }) => {
    const clusters = await readClusters(client);
    print(clusters, (look) => clusterLines(clusters, look).join('\n'));
  });
}
