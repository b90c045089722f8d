// Runs `fleetgate snapshots GATEWAY`: lists its versions, newest first: what made each, by whom, and which one serves.
import type { Command } from 'commander';
import { z } from 'zod';
import { readSnapshots } from '../client/fleet-reads.ts';
import { addClientAction } from '../shell/client-command.ts';
import { gatewayForm } from '../shell/options.ts';
import { snapshotTable } from '../views/snapshot-table.ts';

/** Adds arguments, options and action. */
export function configureSnapshots(command: Command): void {
  command.argument('<gateway>', gatewayForm);
  addClientAction(command, z.object({}), async ({ client, print, gateway }, [name = '']) => {
    const versions = await readSnapshots(client, await gateway(name));
    print(versions, (look) => snapshotTable(versions, look));
  });
}
