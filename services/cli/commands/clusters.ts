// Runs `fleetgate clusters`: lists every cluster, whether its agent is heard, and what the agent complains about.
import type { Command } from 'commander';
import { z } from 'zod';
import { readClusters } from '../client/fleet-reads.ts';
import { addClientAction } from '../shell/client-command.ts';
import { clusterLines } from '../views/cluster-table.ts';

/** Adds options and action. */
export function configureClusters(command: Command): void {
  command.option('--removed', 'with those that were removed');
  addClientAction(command, z.object({ removed: z.boolean().optional() }), async ({ client, print }, _args, flags) => {
    const clusters = await readClusters(client, flags.removed === true ? { removed: 'true' } : {});
    print(clusters, (look) => clusterLines(clusters, look).join('\n'));
  });
}
