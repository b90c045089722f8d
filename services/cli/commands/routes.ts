// Runs `fleetgate routes`: lists every route of the fleet, or those of a cluster, namespace or gateway, or those with
// problems.
import type { Command } from 'commander';
import { z } from 'zod';
import { readRoutes } from '../client/fleet-reads.ts';
import { addClientAction } from '../shell/client-command.ts';
import { addClusterOption } from '../shell/options.ts';
import { routeTable } from '../views/route-table.ts';

const flags = z.object({
  cluster: z.string().optional(),
  namespace: z.string().optional(),
  gateway: z.string().optional(),
  notAccepted: z.boolean().optional(),
});

/** Adds options and action. */
export function configureRoutes(command: Command): void {
  addClusterOption(command)
    .option('--namespace <name>', 'only of this namespace')
    .option('--gateway <gateway>', 'only those that name this gateway as a parent')
    .option('--not-accepted', 'only those that no gateway or not every gateway accepts');
  addClientAction(command, flags, async (context, _args, { cluster, namespace, gateway, notAccepted }) => {
    const routes = await readRoutes(context.client, {
      cluster,
      namespace,
      gateway: gateway === undefined ? undefined : await context.gateway(gateway),
      accepted: notAccepted === true ? 'false' : undefined,
    });
    const empty = notAccepted === true ? 'every route is accepted' : 'no routes';
    context.print(routes, (look) => routeTable(routes, look, empty));
  });
}
