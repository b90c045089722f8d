// Runs `fleetgate nodes`: lists every data-plane node, what it serves of each gateway, and what it rejected and why.
import type { Command } from 'commander';
import { z } from 'zod';
import { readNodes } from '../client/fleet-reads.ts';
import { addClientAction } from '../shell/client-command.ts';
import { nodeLines, servedLines } from '../views/node-table.ts';

/** Adds options and action. */
export function configureNodes(command: Command): void {
  addClientAction(command, z.object({}), async ({ client, print }) => {
    const nodes = await readNodes(client);
    print(nodes, (look) => nodeLines(nodes, look, servedLines(nodes, look)).join('\n'));
  });
}
