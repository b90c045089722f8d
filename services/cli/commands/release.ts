// Runs `fleetgate release GATEWAY`: ends the pin that a rollback set, so that the newest version serves.
import type { Command } from 'commander';
import { addClientAction } from '../shell/client-command.ts';
import { addCommandOptions, commandFlags, runGatewayCommand } from '../shell/gateway-command.ts';

/** Adds arguments, options and action. */
export function configureRelease(command: Command): void {
  addCommandOptions(command);
  addClientAction(command, commandFlags, async (context, [name = ''], given) => {
    await runGatewayCommand(context, await context.gateway(name), 'release', given);
  });
}
