// Runs `fleetgate status`: shows the fleet at a glance.
import type { Command } from 'commander';
import { z } from 'zod';
import { overviewText } from '../overview/overview-text.ts';
import { readOverview } from '../overview/overview.ts';
import { addClientAction } from '../shell/client-command.ts';

/** Adds options and action. */
export function configureStatus(command: Command): void {
  addClientAction(command, z.object({}), async ({ client, print }) => {
    const overview = await readOverview(client);
    print(overview, (look) => overviewText(overview, look));
  });
}
