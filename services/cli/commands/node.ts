// Runs `fleetgate node remove NODE`: a silent node counts no more.
import type { Command } from 'commander';
import { z } from 'zod';
import { endpoints } from '#libs/api/endpoints.ts';
import { addClientAction } from '../shell/client-command.ts';

const removeFlags = z.object({ reason: z.string().max(1000).optional() });

/** Adds the sub-commands. */
export function configureNode(command: Command): void {
  const remove = command
    .command('remove')
    .summary('count a silent node no more: it and its Envoy are gone for good')
    .argument('<node>', 'as `nodes` shows it')
    .option('--reason <text>', 'why; kept in the history');
  addClientAction(remove, removeFlags, async ({ client, print }, [node = ''], { reason }) => {
    const removed = await client.call(endpoints.removeNode, { params: { node }, query: { reason } });
    print(removed, () => `node ${node} is removed, and does not count any more`);
  });
}
