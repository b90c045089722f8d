// Runs `fleetgate rollback GATEWAY [--to VERSION]`: an earlier version serves again, as a new version, and the gateway
// is pinned to it.
import type { Command } from 'commander';
import { z } from 'zod';
import { previewRollback } from '../shell/rollback-preview.ts';
import { addClientAction } from '../shell/client-command.ts';
import { addCommandOptions, commandFlags, runGatewayCommand, versionFlag } from '../shell/gateway-command.ts';

const flags = commandFlags.extend({ to: versionFlag, dryRun: z.boolean().optional() });

/** Adds arguments, options and action. */
export function configureRollback(command: Command): void {
  addCommandOptions(command)
    .option('--to <version>', 'the version whose content to serve (default: the one before, with other content)')
    .option('--dry-run', 'say what it would do, and the command that does just that');
  addClientAction(command, flags, async (context, [name = ''], given) => {
    const gateway = await context.gateway(name);
    if (given.dryRun === true) await previewRollback(context, gateway, given.to);
    else await runGatewayCommand(context, gateway, 'rollback', given);
  });
}
