// Runs `fleetgate accept GATEWAY`: lets the change through that a sanity limit holds back.
import type { Command } from 'commander';
import { addClientAction } from '../shell/client-command.ts';
import { addCommandOptions, commandFlags, runGatewayCommand } from '../shell/gateway-command.ts';

/** Adds arguments, options and action. */
export function configureAccept(command: Command): void {
  addCommandOptions(command);
  addClientAction(command, commandFlags, async (context, [name = ''], given) => {
    await runGatewayCommand(context, await context.gateway(name), 'accept', given);
  });
}
