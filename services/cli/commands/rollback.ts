// Runs `fleetgate rollback GATEWAY [--to VERSION]`: an earlier version serves again, as a new version, and the gateway
// is pinned to it.
import type { Command } from 'commander';
import { addClientAction } from '../shell/client-command.ts';
import { addCommandOptions, commandFlags, runGatewayCommand, versionFlag } from '../shell/gateway-command.ts';

const flags = commandFlags.extend({ to: versionFlag });

/** Adds arguments, options and action. */
export function configureRollback(command: Command): void {
  addCommandOptions(command).option(
    '--to <version>',
    'the version whose content to serve (default: the one before, with other content)',
  );
  addClientAction(command, flags, async (context, [name = ''], given) => {
    await runGatewayCommand(context, await context.gateway(name), 'rollback', given);
  });
}
