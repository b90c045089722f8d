// Runs `fleetgate gateways`: lists every gateway, the version that it serves, and how many nodes answer by it.
import type { Command } from 'commander';
import { z } from 'zod';
import { readGateways } from '../client/fleet-reads.ts';
import { addClientAction } from '../shell/client-command.ts';
import { addClusterOption } from '../shell/options.ts';
import { gatewayLines } from '../views/gateway-table.ts';

const flags = z.object({ deleted: z.boolean().optional(), cluster: z.string().optional() });

/** Adds options and action. */
export function configureGateways(command: Command): void {
  addClusterOption(command).option('--deleted', 'also those that are gone');
  addClientAction(command, flags, async ({ client, print }, _args, { cluster, deleted }) => {
    const gateways = await readGateways(client, {
      cluster,
      deleted: deleted === true ? 'true' : undefined,
    });
    print(gateways, (look) => gatewayLines(gateways, look).join('\n'));
  });
}
