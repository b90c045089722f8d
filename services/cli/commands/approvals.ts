// Runs `fleetgate approvals`: the commands that wait for another person's confirmation, and with --all those that did.
import type { Command } from 'commander';
import { z } from 'zod';
import { readApprovals } from '../client/approval-reads.ts';
import { addClientAction } from '../shell/client-command.ts';
import { approvalTable } from '../views/approval-table.ts';

const flags = z.object({ all: z.boolean().optional(), gateway: z.string().optional() });

/** Adds options and action. */
export function configureApprovals(command: Command): void {
  command
    .option('--all', 'those that were approved or rejected, or are over, too')
    .option('--gateway <gateway>', 'only of one gateway');
  addClientAction(command, flags, async ({ client, print, gateway }, _args, { all = false, gateway: name }) => {
    const approvals = await readApprovals(client, {
      state: all ? undefined : 'waiting',
      gateway: name === undefined ? undefined : await gateway(name),
    });
    print(approvals, (look) => approvalTable(approvals, all, look));
  });
}
