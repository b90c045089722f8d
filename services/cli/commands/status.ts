// `fleetgate status`: the fleet at a glance.
import type { Command } from 'commander';
import { z } from 'zod';
import { addClientAction } from '../client/client-command.ts';
import { overviewText, readOverview } from '../views/overview.ts';

/** Adds options and action. */
export function configureStatus(command: Command): void {
  addClientAction(command, z.object({}), async ({ client, now, print }) => {
    const overview = await readOverview(client);
    const width = process.stdout.isTTY ? process.stdout.columns : undefined;
    print(overview, () => overviewText(overview, now, width));
  });
}
